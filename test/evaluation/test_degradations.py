# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The benchmark's degradations against the physics that they stand for."""

import math

import numpy as np
import pytest

from degfuse_ros.evaluation.degradations import (
    CASES,
    ELECTRONS,
    FOG_DEPTH,
    READ_NOISE,
    ROW_NOISE,
    STOPS_BRIGHT,
    STOPS_DARK,
    Case,
    degrade,
)
from degfuse_ros.network.config import DEGRADATIONS

KINDS = ('fog_uniform', 'fog_depth', 'low_light', 'overexposed', 'rain', 'fog_low_light',
         'rain_low_light')
BY_NAME = {case.name: case for case in CASES}


def flat(level: int, height: int = 240, width: int = 320) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def scene(height: int = 240, width: int = 320) -> np.ndarray:
    """Blocks of random colours with fine grain."""
    random = np.random.default_rng(1)
    blocks = random.uniform(20, 220, (height // 20, width // 20, 3))
    grain = random.normal(0, 8, (height, width, 1))
    return np.clip(blocks.repeat(20, 0).repeat(20, 1) + grain, 0, 255).astype(np.uint8)


def light(image: np.ndarray) -> np.ndarray:
    """Linear light of sRGB, by the formula."""
    value = image / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(255 ** 2 / np.mean((image.astype(float) - truth) ** 2)))


def test_every_kind_has_three_levels_of_rising_severity() -> None:
    assert tuple(dict.fromkeys(case.kind for case in CASES)) == KINDS
    assert len(BY_NAME) == len(CASES) == 3 * len(KINDS)
    for kind in KINDS:
        levels = [case for case in CASES if case.kind == kind]
        assert [case.level for case in levels] == [1, 2, 3]
        assert [case.name for case in levels] == [f'{kind}_{level}' for level in (1, 2, 3)]
        for mild, heavy in zip(levels, levels[1:]):
            assert mild.labels == heavy.labels == tuple(mild.severity) == tuple(heavy.severity)
            assert all(0 < mild.severity[name] < heavy.severity[name] <= 1
                       for name in mild.labels)
        assert set(levels[0].labels) <= set(DEGRADATIONS)
        assert len(levels[0].labels) == 1 + kind.endswith('_low_light')


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_draws_depend_on_seed_and_name_alone(case: Case) -> None:
    visible = scene()
    before = visible.copy()
    first = degrade(visible, case, 'pair')
    degrade(visible, CASES[0], 'something between')
    assert np.array_equal(first, degrade(visible, case, 'pair'))
    assert np.array_equal(visible, before)
    assert first.shape == visible.shape and first.dtype == np.uint8
    assert not np.array_equal(first, degrade(visible, case, 'another pair'))
    assert not np.array_equal(first, degrade(visible, case, 'pair', seed=1))


@pytest.mark.parametrize('kind', KINDS)
def test_a_higher_level_is_further_from_the_clean_picture(kind: str) -> None:
    visible = scene()
    for name in ('a', 'b', 'c'):
        found = [psnr(degrade(visible, BY_NAME[f'{kind}_{level}'], name), visible)
                 for level in (1, 2, 3)]
        assert 35 > found[0] > found[1] > found[2] > 4


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
@pytest.mark.parametrize('size', [(41, 41), (161, 351)])
def test_odd_sizes_and_flat_pictures_are_taken(case: Case, size: tuple[int, int]) -> None:
    for level in (0, 255):
        assert degrade(flat(level, *size), case, 'pair').shape == (*size, 3)


@pytest.mark.parametrize('level', [1, 2, 3])
def test_uniform_fog_scales_differences_of_light_and_adds_a_constant(level: int) -> None:
    case = BY_NAME[f'fog_uniform_{level}']
    dark, bright = (degrade(flat(value), case, 'pair') for value in (60, 200))
    assert np.ptp(dark, axis=(0, 1)).max() == np.ptp(bright, axis=(0, 1)).max() == 0
    transmission = math.exp(-FOG_DEPTH * case.severity['fog'])
    difference = light(bright[0, 0]) - light(dark[0, 0])
    expected = transmission * (light(np.array(200)) - light(np.array(60)))
    assert difference == pytest.approx(expected, abs=0.012)  # a grey level is up to 0.009 there
    airlight = (light(dark[0, 0]) - transmission * light(np.array(60))) / (1 - transmission)
    assert (airlight > 0.35).all() and (airlight < 0.9).all()


def test_depth_fog_hides_the_far_more_than_the_near() -> None:
    visible = np.where(np.indices((240, 320)).sum(0)[..., None] % 2 == 0, 60, 160)
    visible = visible.repeat(3, axis=2).astype(np.uint8)
    for name in 'abcde':
        foggy = degrade(visible, BY_NAME['fog_depth_3'], name).astype(float)
        near, far = foggy[-30:, :].std(axis=(0, 1)), foggy[80:110, 140:180].std(axis=(0, 1))
        assert (near > 2 * far).all()


@pytest.mark.parametrize('level', [1, 2, 3])
def test_low_light_takes_stops_of_light_at_the_centre(level: int) -> None:
    case = BY_NAME[f'low_light_{level}']
    dark = light(degrade(flat(255), case, 'pair'))[110:130, 150:170]
    expected = 2 ** (-STOPS_DARK * case.severity['low_light'])
    assert dark[..., 1].mean() == pytest.approx(expected, rel=0.03)


def test_low_light_noise_is_that_of_counted_electrons() -> None:
    case = BY_NAME['low_light_1']
    dark = ELECTRONS * light(degrade(flat(255, 480, 640), case, 'pair'))[200:280, 250:390, 1]
    expected = dark.mean() + READ_NOISE ** 2 + ROW_NOISE ** 2
    assert dark.var() == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize('level', [1, 2, 3])
def test_overexposure_brightens_by_its_stops_away_from_the_sun_and_clips(level: int) -> None:
    case = BY_NAME[f'overexposed_{level}']
    grey = degrade(flat(60), case, 'pair')
    gain = 2 ** (STOPS_BRIGHT * case.severity['overexposed'])
    corner = light(grey[-20:]).min()
    assert gain * light(np.array(60)) <= corner + 0.005 < 2.5 * gain * light(np.array(60))
    assert grey.max() > 200  # the sun, which the picture did not have
    visible = scene()
    bright = degrade(visible, case, 'pair')
    assert (bright >= visible).all()
    assert (bright == 255).mean() > 0.1 * level


def test_rain_draws_bright_steep_streaks_before_the_dark() -> None:
    visible = flat(230)
    visible[100:] = 40  # a bright sky above a dark street
    rainy = degrade(visible, BY_NAME['rain_2'], 'pair').astype(int)
    sky, street = rainy[5:90, ..., 1], rainy[110:, ..., 1]
    veil = np.percentile(street, 5)
    assert 0.05 < (street > veil + 20).mean() < 0.6
    assert street.std() > 4 * sky.std()  # a drop shows the sky, so before the sky it hides
    across, along = np.abs(np.diff(street, axis=1)).mean(), np.abs(np.diff(street, axis=0)).mean()
    assert across > 2 * along


def test_more_severe_rain_has_the_same_drops_and_more() -> None:
    covered = [degrade(flat(0), BY_NAME[f'rain_{level}'], 'pair')[..., 1] for level in (1, 2, 3)]
    # Even on black a drop keeps a little of its own light.
    wet = [image > image.min() + 5 for image in covered]
    assert wet[0].mean() < wet[1].mean() < wet[2].mean()
    assert (wet[0] & wet[2]).sum() > 0.95 * wet[0].sum()
