# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal values to grey levels: windows, smoothing, saturation, contrast, and odd values."""

from __future__ import annotations

import numpy as np
import pytest

from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.thermal import (
    NARROWEST_WINDOW,
    NARROWEST_WINDOW_KELVIN,
    ThermalLook,
    ThermalRange,
)

# Everything but percentiles and smoothing at its default.
USUAL = ThermalLook()


def between(low: float, high: float, smoothing: float) -> ThermalLook:
    """Return a percentile window."""
    return ThermalLook(percentile_low=low, percentile_high=high, smoothing=smoothing)


def ramp(low: int, high: int) -> np.ndarray:
    """Return counts from low to high in equal shares, as 101 x 100 pixels."""
    return np.linspace(low, high, 10_100).reshape(101, 100).round().astype(np.uint16)


def test_8_bit_frames_are_returned_as_they_are() -> None:
    frame = np.arange(256, dtype=np.uint8).reshape(16, 16)
    thermal_range = ThermalRange()
    assert thermal_range.to_8_bit(frame, USUAL) is frame
    assert thermal_range.window is None


def test_window_is_the_percentiles_and_ends_saturate() -> None:
    frame = ramp(20_000, 30_000)
    grey = ThermalRange().to_8_bit(frame, between(10.0, 90.0, 0.0))
    expected = np.clip((frame.astype(np.float64) - 21_000) / 8_000, 0, 1) * 255
    assert grey.dtype == np.uint8 and grey.shape == frame.shape
    assert np.abs(grey - expected).max() <= 1.0
    assert grey[0, 0] == 0 and grey[-1, -1] == 255


def test_one_hot_pixel_does_not_darken_the_picture() -> None:
    frame = ramp(20_000, 20_400)
    with_sun = frame.copy()
    with_sun[50, 50] = 65_535
    plain = ThermalRange().to_8_bit(frame, between(1.0, 99.0, 0.0)).astype(int)
    sunny = ThermalRange().to_8_bit(with_sun, between(1.0, 99.0, 0.0)).astype(int)
    rest = np.ones(frame.shape, bool)
    rest[50, 50] = False
    assert np.abs(plain - sunny)[rest].max() <= 1 and sunny[50, 50] == 255


def test_window_moves_by_the_share_that_smoothing_leaves() -> None:
    thermal_range = ThermalRange()
    thermal_range.to_8_bit(ramp(20_000, 21_000), between(0.0, 100.0, 0.75))
    thermal_range.to_8_bit(ramp(20_020, 21_060), between(0.0, 100.0, 0.75))
    assert thermal_range.window == pytest.approx((20_005, 21_015))


def test_window_moves_by_a_fortieth_of_its_width_at_most() -> None:
    thermal_range = ThermalRange()
    thermal_range.to_8_bit(ramp(20_000, 21_000), between(0.0, 100.0, 0.5))
    thermal_range.to_8_bit(ramp(20_400, 21_400), between(0.0, 100.0, 0.5))
    assert thermal_range.window == pytest.approx((20_025, 21_025))


def test_without_smoothing_every_frame_is_followed() -> None:
    thermal_range = ThermalRange()
    for end in (21_000, 21_800, 20_500):
        thermal_range.to_8_bit(ramp(20_000, end), between(0.0, 100.0, 0.0))
        assert thermal_range.window == pytest.approx((20_000, end))


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
    before = thermal_range.to_8_bit(scene(30_000), USUAL)
    thermal_range.to_8_bit(np.full((120, 160), count, np.uint16), USUAL)
    assert (thermal_range.to_8_bit(scene(30_000), USUAL) == before).all()


def test_a_first_frame_of_one_value_leaves_no_trace() -> None:
    thermal_range = ThermalRange()
    thermal_range.to_8_bit(np.zeros((120, 160), np.uint16), USUAL)
    assert thermal_range.window is None
    assert saturated(thermal_range.to_8_bit(scene(30_000), USUAL)) < 0.05


@pytest.mark.parametrize('jump', [3000, -3000])
def test_a_jump_of_the_gain_is_followed_at_once(jump: int) -> None:
    thermal_range = ThermalRange()
    before = thermal_range.to_8_bit(scene(30_000), USUAL)
    after = thermal_range.to_8_bit(scene(30_000 + jump), USUAL)
    assert np.abs(before.astype(int) - after).max() <= 1


def test_flat_frame_has_no_contrast() -> None:
    noise = np.random.default_rng(0).normal(20_000, 1, (120, 160)).round().astype(np.uint16)
    thermal_range = ThermalRange()
    grey = thermal_range.to_8_bit(noise, between(1.0, 99.0, 0.0))
    black, white = thermal_range.window or (0, 0)
    assert white - black == pytest.approx(NARROWEST_WINDOW)
    assert grey.std() < 15  # one count of noise is 8 of 255 levels


@pytest.mark.parametrize('count', [0, 65_535])
def test_extreme_flat_frames_do_not_wrap(count: int) -> None:
    grey = ThermalRange().to_8_bit(np.full((40, 40), count, np.uint16), between(1.0, 99.0, 0.5))
    assert len(np.unique(grey)) == 1


@pytest.mark.parametrize('frame', [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8),
                                   np.zeros((4, 4), np.int16)])
def test_other_arrays_are_refused(frame: np.ndarray) -> None:
    with pytest.raises(ValueError, match='HxW uint8, uint16 or float32. Got'):
        ThermalRange().to_8_bit(frame, USUAL)


@pytest.mark.parametrize('mode', ['percentile', 'local_contrast'])
@pytest.mark.parametrize('kelvin', [5, 300])
@pytest.mark.parametrize('size', [12, 30, 80])
@pytest.mark.parametrize('radiometric', [False, True])
def test_a_hot_object_changes_the_background_by_less_than_5_percent_per_frame(
        mode: str, kelvin: int, size: int, radiometric: bool) -> None:
    random, look, thermal_range = np.random.default_rng(0), ThermalLook(range=mode), ThermalRange()
    hot = np.zeros((120, 160), bool)
    hot[20:20 + size, 30:30 + size] = True  # up to a third of the view
    slope = 30_000 + 400 * np.linspace(0, 1, 160) ** 2
    means, objects = [], []
    for number in range(200):
        frame = slope + random.normal(0, 20, hot.shape)
        if 5 <= number < 120:
            frame[hot] += 100 * kelvin
        values = (frame / 100 - 273.15).astype(np.float32) if radiometric else frame.astype('u2')
        grey = thermal_range.to_8_bit(values, look)
        means.append(float(grey[~hot].mean()))
        objects.append(float(grey[hot].mean()))
    changes = np.abs(np.diff(means)) / means[:-1]
    assert changes.max() < 0.05
    assert objects[5] > 230  # white from its first frame on
    if size > 12:  # larger than the percentile leaves out: in the end it has the range
        assert means[119] < 0.8 * means[0] and means[199] > 1.2 * means[119]


def test_a_turn_to_another_scene_is_followed_at_once() -> None:
    thermal_range = ThermalRange()
    thermal_range.to_8_bit(scene(30_000), USUAL)
    sky = (scene(30_000).astype(float) - 30_000) / 8 + 29_700  # narrow and cooler
    assert saturated(thermal_range.to_8_bit(sky.astype(np.uint16), USUAL)) < 0.05


FIXED = ThermalLook(range='fixed', unit='counts', low=20_000, high=30_000)


def test_fixed_range_in_counts_stays_where_it_is() -> None:
    thermal_range = ThermalRange()
    for low, high in ((0, 65_535), (24_000, 26_000), (29_990, 30_000)):
        frame = ramp(low, high)
        expected = np.clip((frame.astype(float) - 20_000) / 10_000, 0, 1) * 255
        assert np.abs(thermal_range.to_8_bit(frame, FIXED) - expected).max() <= 0.5 + 1e-6


@pytest.mark.parametrize('black', [-70_000, -5_000, -0.5, 65_534.5, 65_535, 70_000])
def test_fixed_range_beyond_the_counts(black: float) -> None:
    frame = ramp(0, 65_535)
    look = ThermalLook(range='fixed', unit='counts', low=black, high=black + 100_000)
    expected = np.clip((frame.astype(float) - black) / 100_000, 0, 1) * 255
    assert np.abs(ThermalRange().to_8_bit(frame, look) - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(('scale', 'offset'), [(0.01, -273.15), (0.04, -273.15), (0.1, -40.0)])
def test_fixed_range_in_degrees(scale: float, offset: float) -> None:
    look = ThermalLook(range='fixed', low=-10.0, high=40.0, scale=scale, offset=offset)
    degrees = np.linspace(-30, 60, 3_000).reshape(50, 60)
    counts = ((degrees - offset) / scale).round()
    expected = np.clip((counts * scale + offset + 10) / 50, 0, 1) * 255
    for kind in (np.uint16, np.float32):
        grey = ThermalRange().to_8_bit(counts.astype(kind), look)
        assert np.abs(grey - expected).max() <= 1.0


def test_radiometric_floats_in_degrees() -> None:
    look = ThermalLook(range='fixed', low=0.0, high=51.0, scale=1.0, offset=0.0)
    frame = np.array([[-20.0, 0.0, 10.2, 51.0, 600.0]], np.float32)
    assert ThermalRange().to_8_bit(frame, look).tolist() == [[0, 0, 51, 255, 255]]


@pytest.mark.parametrize('mode', ['percentile', 'fixed', 'local_contrast'])
def test_black_hot_is_inverted(mode: str) -> None:
    for frame in (scene(30_000), np.arange(256, dtype=np.uint8).reshape(16, 16),
                  scene(30_000).astype(np.float32)):
        white, black = (ThermalRange().to_8_bit(frame, ThermalLook(range=mode, polarity=polarity))
                        for polarity in ('white_hot', 'black_hot'))
        assert (white.astype(int) + black == 255).all()


def contrast(grey: np.ndarray) -> float:
    """Return the mean of the standard deviations inside squares of 20 pixels."""
    tiles = grey.reshape(6, 20, 8, 20).astype(float)
    return float(tiles.std(axis=(1, 3)).mean())


def test_local_contrast_shows_what_the_window_leaves_flat() -> None:
    random = np.random.default_rng(1)
    frame = 30_000 + 4_000 * (np.arange(160) >= 80) + random.normal(0, 60, (120, 160))
    for values in (frame.astype(np.uint16), (frame / 150).astype(np.uint8)):
        plain, local = (ThermalRange().to_8_bit(values, ThermalLook(range=mode))
                        for mode in ('percentile', 'local_contrast'))
        assert contrast(local) > 1.3 * contrast(plain)
        sides, were = (grey[:, 90:].mean() - grey[:, :70].mean() for grey in (local, plain))
        assert sides > 0.5 * were  # they stay apart


def test_values_that_are_no_number_are_black_and_move_nothing() -> None:
    frame = scene(30_000).astype(np.float32) / 100
    broken = frame.copy()
    broken[::3, ::2] = np.nan
    broken[1, :80], broken[2, :80] = np.inf, -np.inf
    whole, grey = (ThermalRange().to_8_bit(values, USUAL) for values in (frame, broken))
    assert (grey[::3, ::2] == 0).all()
    assert (grey[1, :80] == 255).all() and (grey[2, :80] == 0).all()
    assert np.abs(grey.astype(int) - whole)[np.isfinite(broken)].max() <= 4


def test_a_few_finite_values_between_others_are_found() -> None:
    frame = np.full((400, 400), np.nan, np.float32)
    frame[1, 1:3] = 20.0, 40.0  # the sampling grid steps over them
    grey = ThermalRange().to_8_bit(frame, between(0.0, 100.0, 0.0))
    assert grey[1, 1] == 0 and grey[1, 2] == 255 and np.count_nonzero(grey) == 1


@pytest.mark.parametrize('mode', ['percentile', 'fixed'])
@pytest.mark.filterwarnings('error')
def test_the_largest_floats_do_not_overflow(mode: str) -> None:
    largest = float(np.finfo(np.float32).max)
    two = np.full((40, 40), -largest, np.float32)
    two[:, 20:] = largest
    grey = ThermalRange().to_8_bit(two, ThermalLook(range=mode))
    assert (grey[:, :20] == 0).all() and (grey[:, 20:] == 255).all()
    bits = np.random.default_rng(0).integers(0, 2**32, (120, 160), np.uint32).view(np.float32)
    bits = np.where(np.isnan(bits), np.float32(np.nan), bits)  # signalling ones warn by themselves
    thermal_range, look = ThermalRange(), ThermalLook(range=mode)
    for frame in (bits, bits[::-1], two):  # the window moves as well
        grey = thermal_range.to_8_bit(frame, look)
        assert (grey[np.isnan(frame)] == 0).all()
        assert grey[frame > 1e38].min() > 127 > grey[frame < -1e38].max()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_no_finite_value_at_all_is_refused(value: float) -> None:
    thermal_range = ThermalRange()
    with pytest.raises(ImageError, match='none of the 1024 values') as caught:
        thermal_range.to_8_bit(np.full((32, 32), value, np.float32), USUAL)
    assert caught.value.kind == 'not_finite' and thermal_range.window is None


def test_flat_degrees_have_no_contrast() -> None:
    noise = np.random.default_rng(0).normal(20, 0.02, (120, 160)).astype(np.float32)
    thermal_range = ThermalRange()
    assert thermal_range.to_8_bit(noise, USUAL).std() < 15
    black, white = thermal_range.window or (0, 0)
    assert white - black == pytest.approx(NARROWEST_WINDOW_KELVIN)


def test_a_camera_that_switches_between_8_and_16_bits() -> None:
    thermal_range = ThermalRange()
    own = np.random.default_rng(0).integers(0, 256, (120, 160), dtype=np.uint8)
    before = thermal_range.to_8_bit(scene(30_000), USUAL)
    assert thermal_range.to_8_bit(own, USUAL) is own
    assert (thermal_range.to_8_bit(scene(30_000), USUAL) == before).all()
    degrees = thermal_range.to_8_bit(scene(30_000).astype(np.float32) / 100 - 273.15, USUAL)
    assert np.abs(degrees.astype(int) - before).max() <= 2  # of another unit: taken at once


@pytest.mark.parametrize('mode', ['percentile', 'fixed', 'local_contrast'])
@pytest.mark.parametrize('kind', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('shape', [(1, 1), (4, 1), (5, 7), (33, 47)])
def test_every_size(mode: str, kind: type, shape: tuple[int, int]) -> None:
    frame: np.ndarray = np.arange(shape[0] * shape[1]).reshape(shape).astype(kind)
    grey = ThermalRange().to_8_bit(frame, ThermalLook(range=mode))
    assert grey.shape == shape and grey.dtype == np.uint8


def test_look_is_read_from_parameters() -> None:
    values = {f'thermal_{name}': value for name, value in vars(FIXED).items()}
    assert ThermalLook.of(values.__getitem__) == FIXED
