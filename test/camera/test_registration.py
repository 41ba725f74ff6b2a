# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thermal image on the visible image's grid."""

from __future__ import annotations

import numpy as np
import pytest

from degfuse_ros.camera.registration import match_size


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
