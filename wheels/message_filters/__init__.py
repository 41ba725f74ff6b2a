# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Message filters for machines whose ROS 2 comes from PyPI, which has no message_filters.

Same names, arguments and behaviour as the Python module of ROS 2 Kilted (message_filters 7.1.11),
written anew. Only `wheels/install.py` puts it into an environment, and only where no real
message_filters exists; a sourced ROS distribution comes first on the import path and wins.

    visible = Subscriber(node, Image, 'visible/image', qos_profile=qos_profile_sensor_data)
    thermal = Subscriber(node, Image, 'thermal/image', qos_profile=qos_profile_sensor_data)
    pairs = ApproximateTimeSynchronizer([visible, thermal], 5, 0.02)
    pairs.registerCallback(lambda visible_image, thermal_image: ...)

Method names are camelCase because the real ones are.
"""

from message_filters.approximate_time_synchronizer import ApproximateTimeSynchronizer
from message_filters.cache import Cache
from message_filters.chain import Chain
from message_filters.simple_filter import SimpleFilter
from message_filters.subscriber import Subscriber
from message_filters.time_sequencer import TimeSequencer
from message_filters.time_synchronizer import TimeSynchronizer

__all__ = [
    'ApproximateTimeSynchronizer',
    'Cache',
    'Chain',
    'SimpleFilter',
    'Subscriber',
    'TimeSequencer',
    'TimeSynchronizer',
]
