# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The engine needs neither ROS nor what only training imports."""

import json
import subprocess
import sys

SCRIPT = """
import json, sys
import numpy
from degfuse_ros.engine import FusionEngine
engine = FusionEngine.load(device='cpu')
engine.fuse(numpy.zeros((32, 32, 3), numpy.uint8), numpy.zeros((32, 32), numpy.uint8))
print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))
"""

FOREIGN = {'rclpy', 'sensor_msgs', 'vision_msgs', 'message_filters', 'launch',
           'ament_index_python', 'open_clip', 'peft', 'torchvision', 'timm', 'transformers',
           'scipy'}


def test_loading_and_fusing_import_neither_ros_nor_training_libraries():
    # A fresh interpreter: other tests have imported these by now.
    result = subprocess.run(
        [sys.executable, '-c', SCRIPT], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    imported = set(json.loads(result.stdout.splitlines()[-1]))
    assert 'torch' in imported
    assert imported & FOREIGN == set()
