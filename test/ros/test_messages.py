# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Results as messages."""

from __future__ import annotations

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from degfuse_ros.ros.messages import (
    camera_info_message,
    degradation_message,
    no_routing_message,
    routing_message,
)

HEADER = Header(frame_id='camera')


def test_classes_come_best_first() -> None:
    message = degradation_message({'clean': 0.2, 'fog': 0.7, 'rain': 0.1}, HEADER)
    assert message.header == HEADER
    assert [(result.class_id, result.score) for result in message.results] == [
        ('fog', 0.7), ('clean', 0.2), ('rain', 0.1)]


def test_routing_has_a_status_per_layer_and_a_value_per_expert() -> None:
    routing = np.array([[0.25, 0.75, 0.0], [0.0, 0.5, 0.5]], np.float32)
    message = routing_message(routing, ('encoder', 'decoder'), HEADER)
    assert message.header == HEADER
    assert [status.name for status in message.status] == ['encoder', 'decoder']
    assert [[(value.key, float(value.value)) for value in status.values]
            for status in message.status] == [
        [('expert_0', 0.25), ('expert_1', 0.75), ('expert_2', 0.0)],
        [('expert_0', 0.0), ('expert_1', 0.5), ('expert_2', 0.5)]]


def camera() -> CameraInfo:
    """Return a camera of 640 x 480 with a baseline."""
    info = CameraInfo(width=640, height=480, distortion_model='plumb_bob', d=[0.1, 0.2, 0, 0, 0])
    info.k = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
    info.p = [500.0, 0.0, 320.0, -60.0, 0.0, 510.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    return info


def test_camera_info_of_the_same_size_is_unchanged() -> None:
    info = camera_info_message(camera(), 480, 640, HEADER)
    expected = camera()
    expected.header = HEADER
    assert info == expected


def test_a_point_falls_on_the_scaled_pixel() -> None:
    info = camera_info_message(camera(), 120, 160, HEADER)
    point = np.array([0.3, -0.2, 2.0])
    before = np.reshape(camera().k, (3, 3)) @ point
    after = np.reshape(info.k, (3, 3)) @ point
    assert after[:2] / after[2] == pytest.approx(before[:2] / before[2] * 0.25)
    projected = np.reshape(info.p, (3, 4)) @ [*point, 1.0]
    original = np.reshape(camera().p, (3, 4)) @ [*point, 1.0]
    assert projected[:2] / projected[2] == pytest.approx(
        original[:2] / original[2] * 0.25)
    assert (info.width, info.height) == (160, 120) and list(info.d) == list(camera().d)


def test_camera_info_without_a_size_is_taken_to_fit() -> None:
    source = camera()
    source.width = source.height = 0
    assert list(camera_info_message(source, 480, 640, HEADER).k) == list(source.k)


def cropped() -> CameraInfo:
    """Return the camera with the region 80 x 48 at (280, 216)."""
    info = camera()
    info.k = [500.0, 0.0, 320.0, 0.0, 500.0, 240.0, 0.0, 0.0, 1.0]
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 280, 216, 80, 48
    return info


def test_a_region_of_interest_moves_the_principal_point() -> None:
    info = camera_info_message(cropped(), 48, 80, HEADER)
    assert list(info.k) == [500.0, 0.0, 40.0, 0.0, 500.0, 24.0, 0.0, 0.0, 1.0]
    assert list(info.p) == [500.0, 0.0, 40.0, -60.0, 0.0, 510.0, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert (info.width, info.height) == (80, 48)
    assert info.roi == CameraInfo().roi and (info.binning_x, info.binning_y) == (0, 0)


def test_binning_shrinks_the_region() -> None:
    source = cropped()
    source.roi.width = 81  # the odd column is left out
    source.binning_x = source.binning_y = 2
    info = camera_info_message(source, 24, 40, HEADER)
    assert list(info.k) == [250.0, 0.0, 20.0, 0.0, 250.0, 12.0, 0.0, 0.0, 1.0]
    assert info.roi == CameraInfo().roi and (info.binning_x, info.binning_y) == (0, 0)


@pytest.mark.parametrize(('source', 'height', 'width', 'described'), [
    (camera(), 240, 160, '640x480'),  # another shape
    (cropped(), 480, 640, '80x48'),  # the image was not cropped after all
    (cropped(), 24, 40, '80x48'),  # binned, and not said
])
def test_camera_info_of_other_images_is_refused(
        source: CameraInfo, height: int, width: int, described: str) -> None:
    with pytest.raises(ValueError, match=f'images of {described}.* image is {width}x{height}'):
        camera_info_message(source, height, width, HEADER)


def test_routing_of_one_camera_alone_says_so() -> None:
    message = routing_message(
        np.array([[1.0, 0.0]]), ['level1'], HEADER, 'thermal lost: visible alone')
    [status] = message.status
    assert (status.level, status.message) == (b'\x01', 'thermal lost: visible alone')
    without = no_routing_message('visible lost: thermal alone', HEADER)
    assert without.header == HEADER
    [status] = without.status
    assert (status.level, status.message, status.values) == (
        b'\x01', 'visible lost: thermal alone', [])


@pytest.mark.parametrize(('number', 'value', 'words'), [
    (0, 0.0, 'focal length 0 x 510'), (4, -1.0, 'focal length 500 x -1'),
    (2, float('nan'), 'not finite')])
def test_camera_info_of_no_camera_is_refused(number: int, value: float, words: str) -> None:
    source = camera()
    source.k[number] = value
    with pytest.raises(ValueError, match=words):
        camera_info_message(source, 480, 640, HEADER)
