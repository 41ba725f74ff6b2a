# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The lens that a camera_info describes, and the camera_infos that describe none."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from made_camera_info import camera_info

from degfuse_ros.camera.calibration import CalibrationError
from degfuse_ros.camera.lens import info_problem, lens_from_info, pixel_map


def test_a_lens_is_taken_as_it_is() -> None:
    lens = lens_from_info(camera_info(), (640, 480))
    assert lens.matrix.ravel() == pytest.approx(camera_info().k)
    assert lens.distortion.tolist() == camera_info().d and not info_problem(camera_info())


def test_points_fall_on_the_pixels_of_a_binned_region() -> None:
    info = camera_info(binning_x=2, binning_y=2)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 100, 60, 320, 240
    lens = lens_from_info(info, (160, 120))
    points = np.array([[0.1, -0.2, 3.0], [-0.4, 0.3, 2.0]])
    still = np.zeros(3)
    full, _ = cv2.projectPoints(points, still, still, np.reshape(info.k, (3, 3)),
                                np.array(info.d))
    seen, _ = cv2.projectPoints(points, still, still, lens.matrix, lens.distortion)
    assert seen[:, 0] == pytest.approx((full[:, 0] - (100, 60)) / 2)


def test_a_scaled_image_has_a_scaled_lens() -> None:
    assert pixel_map(camera_info(), (320, 240)) == pytest.approx(np.diag([0.5, 0.5, 1.0]))


@pytest.mark.parametrize(('changes', 'count'), [
    ({'d': []}, 4), ({'d': [0.0] * 5, 'distortion_model': 'of its maker'}, 4),
    ({'d': [0.1] * 8, 'distortion_model': 'rational_polynomial'}, 8),
])
def test_distortion_of_every_known_kind_is_taken(changes: dict[str, Any], count: int) -> None:
    assert len(lens_from_info(camera_info(**changes), (640, 480)).distortion) == count


K = camera_info().k
HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({'k': [0.0] * 9}, 'focal length 0 x 0.*not calibrated'),
    ({'k': [500.0, 0, 320, 0, -500.0, 240, 0, 0, 1]}, 'focal length 500 x -500'),
    ({'k': [float('nan'), *K[1:]]}, 'not finite'),
    ({'k': [*K[:2], float('inf'), *K[3:]]}, 'not finite'),
    ({'d': [float('nan')] * 5}, 'not finite'),
    ({'p': [float('nan')] * 12}, 'not finite'),
    ({'width': 1280, 'height': 720}, 'images of 1280x720.*image is 640x480'),
    ({'d': [0.1] * 4, 'distortion_model': 'equidistant'}, "'equidistant' with 4"),
    ({'d': [0.0] * 4, 'distortion_model': 'equidistant'}, "'equidistant' with 4"),
    ({'d': [0.1] * 3}, "'plumb_bob' with 3"),
]


@pytest.mark.parametrize(('changes', 'words'), HOSTILE)
def test_what_describes_no_lens_is_refused_in_one_line(changes: dict[str, Any],
                                                       words: str) -> None:
    with pytest.raises(CalibrationError, match=words) as error:
        lens_from_info(camera_info(**changes), (640, 480))
    assert '\n' not in str(error.value) and 'camera_info' in str(error.value)
