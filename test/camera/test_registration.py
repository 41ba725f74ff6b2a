# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thermal image on the visible image's grid."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from degfuse_ros.camera.calibration import Calibration, CalibrationError, Intrinsics, Rig
from degfuse_ros.camera.homography import project, similarity
from degfuse_ros.camera.registration import Registration, match_size


def test_equal_size_is_returned_as_it_is() -> None:
    thermal = np.zeros((48, 64), np.uint8)
    assert match_size(thermal, 48, 64) is thermal


def test_enlarging_keeps_places_and_levels() -> None:
    thermal = np.zeros((60, 80), np.uint8)
    thermal[15, 20] = 200
    large = match_size(thermal, 240, 320)
    assert large.shape == (240, 320) and large.dtype == np.uint8
    row, column = np.unravel_index(large.argmax(), large.shape)
    assert abs(row - 4 * 15.5) <= 2 and abs(column - 4 * 20.5) <= 2


def test_shrinking_keeps_a_small_hot_object() -> None:
    thermal = np.zeros((480, 640), np.uint8)
    thermal[101:103, 201:203] = 255
    small = match_size(thermal, 120, 160)
    assert small.shape == (120, 160)
    assert small[25, 50] == 64  # four of sixteen pixels


def test_constant_stays_constant() -> None:
    assert np.unique(match_size(np.full((32, 40), 77, np.uint8), 100, 130)).tolist() == [77]


@pytest.mark.parametrize('shape', [(31, 640), (480, 31), (1, 1)])
def test_a_thumbnail_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f'32 x 32 .* Got {shape[1]} x {shape[0]}; '):
        match_size(np.zeros(shape, np.uint8), 480, 640)


def calibration(homography: np.ndarray) -> Calibration:
    return Calibration((320, 240), (160, 120), 0.5, 1.0, '', '', homography)


def spots(places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A dark image with a soft spot of 255 at each place."""
    image = np.zeros(size[::-1], np.float32)
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    for place in places:
        image += 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 8.0)
    return np.clip(image, 0, 255).astype(np.uint8)


def centre(image: np.ndarray, near: np.ndarray) -> np.ndarray:
    """The centre of mass of what is bright within ten pixels of a place."""
    x, y = np.meshgrid(np.arange(image.shape[1]), np.arange(image.shape[0]))
    weight = image.astype(float) * (np.hypot(x - near[0], y - near[1]) < 10)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


def test_a_homography_takes_spots_where_it_says() -> None:
    matrix = similarity(4.0, 1.7, (6.0, -4.0), (160, 120), (320, 240))
    places = np.array([[40.0, 30.0], [110.0, 35.0], [80.0, 90.0]])
    warped = Registration(calibration(matrix), (320, 240), (160, 120)).warp(
        spots(places, (160, 120)))
    assert warped.shape == (240, 320) and warped.dtype == np.uint8
    for place in project(matrix, places):
        assert centre(warped, place) == pytest.approx(place, abs=0.2)


def test_the_mask_ends_where_the_thermal_image_ends_with_a_soft_seam() -> None:
    matrix = similarity(0.0, 1.0, (0.0, 0.0), (160, 120), (320, 240))
    registration = Registration(calibration(matrix), (320, 240), (160, 120))
    mask = registration.mask
    assert mask.shape == (240, 320) and mask.dtype == np.float32
    assert (mask[:60] == 0).all() and (mask[:, :80] == 0).all() and (mask[180:] == 0).all()
    assert (mask[70:170, 90:230] == 1).all()
    ramp = mask[120, 80:90]
    assert (np.diff(ramp) >= 0).all() and 0 < ramp[0] < 0.2 and np.diff(ramp).max() < 0.3


def test_beyond_the_thermal_image_its_border_goes_on() -> None:
    matrix = similarity(0.0, 1.0, (0.0, 0.0), (160, 120), (320, 240))
    registration = Registration(calibration(matrix), (320, 240), (160, 120))
    thermal = np.repeat(np.arange(160, dtype=np.uint8)[None], 120, axis=0)
    warped = registration.warp(thermal)
    assert (warped[:, :80] == 0).all() and (warped[:, 240:] == 159).all()
    assert (warped[:, 80:240] == thermal[0]).all()  # also above and below it


def test_a_rig_registers_its_plane_through_both_lenses() -> None:
    lenses = [Intrinsics(np.array([[focal, 0, x], [0, focal, y], [0, 0, 1.0]]), bend)
              for focal, x, y, bend in ((300.0, 160.0, 118.0, np.array([-0.2, 0.05, 0, 0])),
                                        (140.0, 81.0, 60.0, np.array([0.1, 0, 0.001, 0])))]
    rotation = cv2.Rodrigues(np.array([0.02, -0.03, 0.05]))[0]
    rig = Rig(lenses[0], lenses[1], rotation, np.array([0.1, 0.02, 0.0]), 5.0)
    points = np.array([[-1.0, -0.6, 5.0], [1.0, 0.5, 5.0], [0.0, 0.0, 5.0]])
    seen = [cv2.projectPoints(points, turn, shift, lens.matrix, lens.distortion)[0][:, 0]
            for turn, shift, lens in ((np.zeros(3), np.zeros(3), lenses[0]),
                                      (cv2.Rodrigues(rotation)[0], rig.translation, lenses[1]))]
    made = Calibration((320, 240), (160, 120), 0.1, 0.1, '', '', rig=rig)
    warped = Registration(made, (320, 240), (160, 120)).warp(spots(seen[1], (160, 120)))
    for place in seen[0]:
        assert centre(warped, place) == pytest.approx(place, abs=0.3)


def test_a_small_hot_object_survives_shrinking() -> None:
    matrix = similarity(0.0, 0.25, (0.0, 0.0), (640, 480), (160, 120))
    made = Calibration((160, 120), (640, 480), 0.5, 1.0, '', '', matrix)
    registration = Registration(made, (160, 120), (640, 480))
    for place in range(4):  # wherever it lies between the samples
        thermal = np.zeros((480, 640), np.uint8)
        thermal[240 + place:242 + place, 320 + place:322 + place] = 255
        assert registration.warp(thermal).max() >= 12  # averaging leaves 16 at worst


def test_a_frame_of_another_size_is_refused() -> None:
    registration = Registration(calibration(np.diag([2.0, 2.0, 1.0])), (320, 240), (160, 120))
    with pytest.raises(ValueError, match='160 x 120. Got 320 x 240'):
        registration.warp(np.zeros((240, 320), np.uint8))
    with pytest.raises(CalibrationError, match='another aspect'):
        Registration(calibration(np.diag([2.0, 2.0, 1.0])), (320, 240), (160, 128))
