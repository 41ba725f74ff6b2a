# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal counts to grey levels: window, smoothing, saturation."""

from __future__ import annotations

import numpy as np
import pytest

from degfuse_ros.camera.thermal import NARROWEST_WINDOW, ThermalRange


def ramp(low: int, high: int) -> np.ndarray:
    """Return counts from low to high in equal shares, as 101 x 100 pixels."""
    return np.linspace(low, high, 10_100).reshape(101, 100).round().astype(np.uint16)


def test_8_bit_frames_are_returned_as_they_are() -> None:
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16)
    thermal_range = ThermalRange()
    assert thermal_range.to_8_bit(frame, 1.0, 99.0, 0.9) is frame
    assert thermal_range.window is None


def test_window_is_the_percentiles_and_ends_saturate() -> None:
    frame = ramp(20_000, 30_000)
    grey = ThermalRange().to_8_bit(frame, 10.0, 90.0, 0.0)
    expected = np.clip((frame.astype(np.float64) - 21_000) / 8_000, 0, 1) * 255
    assert grey.dtype == np.uint8 and grey.shape == frame.shape
    assert np.abs(grey - expected).max() <= 1.0
    assert grey[0, 0] == 0 and grey[-1, -1] == 255


def test_one_hot_pixel_does_not_darken_the_picture() -> None:
    frame = ramp(20_000, 20_400)
    with_sun = frame.copy()
    with_sun[50, 50] = 65_535
    plain = ThermalRange().to_8_bit(frame, 1.0, 99.0, 0.0).astype(int)
    sunny = ThermalRange().to_8_bit(with_sun, 1.0, 99.0, 0.0).astype(int)
    rest = np.ones(frame.shape, bool)
    rest[50, 50] = False
    assert np.abs(plain - sunny)[rest].max() <= 1 and sunny[50, 50] == 255


def test_window_moves_by_the_share_that_smoothing_leaves() -> None:
    thermal_range = ThermalRange()
    thermal_range.to_8_bit(ramp(20_000, 21_000), 0.0, 100.0, 0.75)
    thermal_range.to_8_bit(ramp(20_800, 24_800), 0.0, 100.0, 0.75)
    assert thermal_range.window == pytest.approx((20_200, 21_950))


def scene(base: int) -> np.ndarray:
    """Return a noisy slope of about 400 counts."""
    noise = np.random.default_rng(0).normal(0, 80, (120, 160))
    return (base + noise + np.linspace(0, 400, 160)).round().astype(np.uint16)


def saturated(grey: np.ndarray) -> float:
    """Return the share of pixels that are all black or all white."""
    return float(((grey == 0) | (grey == 255)).mean())


@pytest.mark.parametrize('count', [0, 29_000, 65_535])
def test_a_frame_of_one_value_in_a_steady_scene_leaves_no_trace(count: int) -> None:
    thermal_range = ThermalRange()
    before = thermal_range.to_8_bit(scene(30_000), 1.0, 99.0, 0.9)
    thermal_range.to_8_bit(np.full((120, 160), count, np.uint16), 1.0, 99.0, 0.9)
    assert (thermal_range.to_8_bit(scene(30_000), 1.0, 99.0, 0.9) == before).all()


def test_a_first_frame_of_one_value_leaves_no_trace() -> None:
    thermal_range = ThermalRange()
    thermal_range.to_8_bit(np.zeros((120, 160), np.uint16), 1.0, 99.0, 0.9)
    assert thermal_range.window is None
    assert saturated(thermal_range.to_8_bit(scene(30_000), 1.0, 99.0, 0.9)) < 0.05


@pytest.mark.parametrize('jump', [3000, -3000])
def test_a_jump_of_the_gain_is_followed_at_once(jump: int) -> None:
    thermal_range = ThermalRange()
    before = thermal_range.to_8_bit(scene(30_000), 1.0, 99.0, 0.9)
    after = thermal_range.to_8_bit(scene(30_000 + jump), 1.0, 99.0, 0.9)
    assert np.abs(before.astype(int) - after).max() <= 1


def test_flat_frame_has_no_contrast() -> None:
    noise = np.random.default_rng(0).normal(20_000, 1, (120, 160)).round().astype(np.uint16)
    thermal_range = ThermalRange()
    grey = thermal_range.to_8_bit(noise, 1.0, 99.0, 0.0)
    black, white = thermal_range.window or (0, 0)
    assert white - black == pytest.approx(NARROWEST_WINDOW)
    assert grey.std() < 15  # one count of noise is 8 of 255 levels


@pytest.mark.parametrize('count', [0, 65_535])
def test_extreme_flat_frames_do_not_wrap(count: int) -> None:
    grey = ThermalRange().to_8_bit(np.full((40, 40), count, np.uint16), 1.0, 99.0, 0.5)
    assert len(np.unique(grey)) == 1


@pytest.mark.parametrize('frame', [np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)])
def test_other_arrays_are_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match='HxW uint8 or uint16. Got'):
        ThermalRange().to_8_bit(frame, 1.0, 99.0, 0.0)
