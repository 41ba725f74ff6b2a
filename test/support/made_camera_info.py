# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A camera_info without ROS."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def camera_info(**changes: Any) -> SimpleNamespace:
    """Make that of a camera of 640 x 480 with some distortion; changes replace attributes."""
    region = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)
    return SimpleNamespace(**{
        'width': 640, 'height': 480, 'distortion_model': 'plumb_bob',
        'd': [-0.2, 0.05, 0.001, -0.001, 0.0],
        'k': [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0],
        'r': [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        'p': [500.0, 0.0, 320.0, 0.0, 0.0, 510.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        'binning_x': 0, 'binning_y': 0, 'roi': region, **changes})
