# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the result messages hold, without ROS."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from degfuse_ros.ros.result_values import best_first, expert_values, pixels_in

ROOT = Path(__file__).resolve().parents[2]


def test_classes_come_best_first() -> None:
    assert best_first({'clean': 0.2, 'fog': 0.7, 'rain': 0.1}) == [
        ('fog', 0.7), ('clean', 0.2), ('rain', 0.1)]


def test_weights_have_six_decimals() -> None:
    assert expert_values(np.array([1 / 3, 0], np.float32)) == [
        ('expert_0', '0.333333'), ('expert_1', '0.000000')]


@pytest.mark.parametrize(('encoding', 'pixel'), [
    ('rgb8', [10, 20, 30]), ('bgr8', [30, 20, 10]), ('mono8', 18)])
def test_pixels_have_the_order_of_the_encoding(encoding: str, pixel: object) -> None:
    image = np.full((2, 3, 3), (10, 20, 30), np.uint8)[:, ::-1]
    found = pixels_in(image, encoding)
    assert found[1, 1].tolist() == pixel and found.flags['C_CONTIGUOUS']


def test_what_the_bag_tool_takes_from_here_needs_no_ros() -> None:
    program = """
import sys
from importlib.abc import MetaPathFinder
sys.path.insert(0, sys.argv[1])
sys.modules.pop('ros_wheels_bootstrapper', None)
class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition('.')[0]
        if top in ('rclpy', 'message_filters') or top.endswith('_msgs'):
            raise ImportError(f'{name} is refused')
sys.meta_path.insert(0, Refuse())
import degfuse_ros.bags.fuse_bag, degfuse_ros.bags.make_bag, degfuse_ros.ros.parameter_file
"""
    result = subprocess.run([sys.executable, '-c', program, str(ROOT)], capture_output=True,
                            text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
