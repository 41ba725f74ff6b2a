# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The engine: a registered 8-bit pair in, a fused image out. Works without ROS.

from degfuse_ros.engine import FusionEngine
engine = FusionEngine.load()
fusion = engine.fuse(visible, thermal)
"""

from degfuse_ros.engine.errors import DeviceError, EngineError, ModelError
from degfuse_ros.engine.fusion import Degradation, Fusion, Pair
from degfuse_ros.engine.fusion_engine import FusionEngine
from degfuse_ros.network.config import CLASSES, DEGRADATIONS

__all__ = ['CLASSES', 'DEGRADATIONS', 'Degradation', 'DeviceError', 'EngineError', 'Fusion',
           'FusionEngine', 'ModelError', 'Pair']
