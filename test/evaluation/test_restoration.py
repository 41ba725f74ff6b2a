# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Classical restoration of pictures whose damage is known."""

import numpy as np
import pytest

from degfuse_ros.evaluation.baselines import BASELINES
from degfuse_ros.evaluation.restoration import TWO_STAGE, dehaze, restore


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def patches() -> np.ndarray:
    """Blocks of strong colours, each with one channel at 0 as the dark channel prior wants it."""
    random = np.random.default_rng(3)
    blocks = random.uniform(0.4, 1, (12, 16, 3))
    blocks[np.arange(12)[:, None], np.arange(16), random.integers(0, 3, (12, 16))] = 0
    return blocks.repeat(16, axis=0).repeat(16, axis=1)


def error(image: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute error in grey levels."""
    return float(np.abs(image.astype(float) - truth).mean())


@pytest.mark.parametrize('degradations', [(), ('clean',)])
def test_what_is_clean_stays_as_it_is(degradations: tuple[str, ...]) -> None:
    visible = noise(60, 80, 3)
    assert np.array_equal(restore(visible, degradations), visible)


def test_an_unknown_degradation_is_named_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"^Unknown degradations \['snow'\]: .*overexposed.*$"):
        restore(noise(60, 80, 3), ('fog', 'snow'))


@pytest.mark.parametrize('transmission', [0.7, 0.4])
def test_dehazing_undoes_most_of_a_uniform_fog(transmission: float) -> None:
    clear = patches()
    truth = np.rint(255 * clear)
    clear[:40] = 0.9  # so far away that only fog is seen: where the airlight is read from
    foggy = np.rint(255 * (clear * transmission + 0.9 * (1 - transmission))).astype(np.uint8)
    restored = restore(foggy, ('fog',))
    scene = np.s_[64:]
    assert error(restored[scene], truth[scene]) < 0.45 * error(foggy[scene], truth[scene])
    assert restored[scene].std() > 1.2 * foggy[scene].std()
    assert np.array_equal(restored, dehaze(foggy))


@pytest.mark.parametrize('level', [0, 255])
def test_flat_pictures_have_finite_results(level: int) -> None:
    flat = np.full((60, 80, 3), level, np.uint8)
    for degradation in ('fog', 'low_light', 'overexposed', 'rain'):
        restored = [restore(flat, (degradation,), 'clahe'), restore(flat, (degradation,), 'curve')]
        assert np.shape(restored) == (2, *flat.shape)
        assert all(image.dtype == np.uint8 and np.ptp(image) == 0 for image in restored)


def test_the_curve_brings_a_dark_mean_to_middle_grey_and_keeps_the_order() -> None:
    dark = np.tile(np.arange(10, 40, dtype=np.uint8)[None, :, None], (20, 1, 3))
    bright = restore(dark, ('low_light',), 'curve')
    assert 115 < bright.mean() < 140
    assert (np.diff(bright[0, :, 0].astype(int)) > 0).all()


def test_neither_curve_works_against_its_purpose() -> None:
    dark, bright = noise(40, 40, 3) // 4, 255 - noise(40, 40, 3) // 4
    assert np.array_equal(restore(bright, ('low_light',), 'curve'), bright)
    assert np.array_equal(restore(dark, ('overexposed',)), dark)
    darker = restore(bright, ('overexposed',))
    assert (darker <= bright).all() and 115 < darker.mean() < 140


def test_clahe_brings_out_what_the_dark_hides() -> None:
    dark = (noise(120, 160)[..., None] // 16).repeat(3, axis=2)
    restored = restore(dark, ('low_light',), 'clahe')
    assert restored.std() > 1.5 * dark.std() and restored.mean() > dark.mean()


def test_the_median_removes_thin_streaks_altogether() -> None:
    scene = np.full((60, 80, 3), 70, np.uint8)
    scene[:, 40:] = 160
    rainy = scene.copy()
    rainy[5:25, 10] = rainy[30:50, 60] = 220
    assert np.array_equal(restore(rainy, ('rain',)), scene)


def test_light_is_restored_before_fog_whatever_the_order_of_the_names() -> None:
    visible = noise(60, 80, 3) // 4
    expected = dehaze(restore(visible, ('low_light',)))
    for order in (('fog', 'low_light'), ('low_light', 'fog')):
        assert np.array_equal(restore(visible, order), expected)


def test_two_stages_are_a_restoration_and_the_pyramid() -> None:
    assert list(TWO_STAGE) == ['two-stage (CLAHE)', 'two-stage (curve)']
    visible, thermal = noise(60, 80, 3) // 4, noise(60, 80, seed=1)
    brightened = [restore(visible, ('low_light',), 'clahe'),
                  restore(visible, ('low_light',), 'curve')]
    for name, expected in zip(TWO_STAGE, brightened):
        fused, restored = TWO_STAGE[name](visible, thermal, ('low_light',))
        assert np.array_equal(restored, expected)
        assert np.array_equal(fused, BASELINES['Laplacian pyramid'](expected, thermal))
        assert np.array_equal(TWO_STAGE[name](visible, thermal, ('clean',))[1], visible)
