# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic degradations against the physics that they stand for."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from degfuse_ros.network.config import CLASSES, DEGRADATIONS
from degfuse_ros.training import degradations
from degfuse_ros.training.degradations import (
    degrade_thermal,
    degrade_visible,
    draw_severities,
    fog,
    low_light,
    overexposed,
    rain,
)

Degrade = Callable[[Tensor, Tensor, torch.Generator], Tensor]
VISIBLE: list[Degrade] = [fog, low_light, overexposed, rain]
ALL: list[Degrade] = [*VISIBLE, degrade_thermal]
LEVELS = (0.1, 0.3, 0.6, 1.0)
BATCH = 12


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(channels: int = 3, seed: int = 0) -> Tensor:
    """BATCH x C x 48 x 64: blocks of random values from 0 to 1 with fine grain."""
    random = generator(seed)
    coarse = torch.rand(BATCH, channels, 6, 8, generator=random)
    grain = 0.05 * torch.randn(BATCH, channels, 48, 64, generator=random)
    return (coarse.repeat_interleave(8, 2).repeat_interleave(8, 3) + grain).clamp(0, 1)


def at(degrade: Degrade, severity: float, image: Tensor | None = None, seed: int = 5) -> Tensor:
    """Degrade a batch, by default of pictures, at one severity."""
    if image is None:
        image = pictures(1 if degrade is degrade_thermal else 3)
    return degrade(image, torch.full((len(image),), severity), generator(seed))


def rises(values: list[float]) -> bool:
    return all(low < high for low, high in zip(values, values[1:]))


@pytest.mark.parametrize('degrade', ALL)
def test_severity_0_changes_no_bit_beside_any_other(degrade: Degrade):
    image = pictures(1 if degrade is degrade_thermal else 3)
    severity = torch.linspace(0, 1, BATCH)
    severity[7] = 0
    result = degrade(image, severity, generator())
    for index in range(BATCH):
        assert torch.equal(result[index], image[index]) == (severity[index] == 0)


@pytest.mark.parametrize('degrade', ALL)
@pytest.mark.parametrize('value', [0.0, 1.0, None])
def test_result_lies_in_0_to_1(degrade: Degrade, value: float | None):
    image = pictures(1 if degrade is degrade_thermal else 3)
    if value is not None:
        image = torch.full_like(image, value)
    for severity in (0.05, 1.0):
        result = at(degrade, severity, image)
        assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1
        assert result.shape == image.shape and result.dtype == image.dtype


@pytest.mark.parametrize('degrade', ALL)
def test_a_seed_repeats_a_batch_and_another_does_not(degrade: Degrade):
    first = at(degrade, 0.7)
    assert torch.equal(first, at(degrade, 0.7))
    other = at(degrade, 0.7, seed=6)
    assert all(not torch.equal(*pair) for pair in zip(first, other))


@pytest.mark.parametrize('degrade', ALL)
def test_input_stays_as_it_is(degrade: Degrade):
    image = pictures(1 if degrade is degrade_thermal else 3)
    before = image.clone()
    at(degrade, 1.0, image)
    assert torch.equal(image, before)


@pytest.mark.parametrize('degrade', ALL)
def test_distance_from_clean_grows_with_severity(degrade: Degrade):
    image = pictures(1 if degrade is degrade_thermal else 3)
    assert rises([(at(degrade, level, image) - image).abs().mean().item() for level in LEVELS])


def test_fog_takes_contrast():
    spreads = [at(fog, level).std((2, 3)).mean().item() for level in LEVELS]
    assert rises([-spread for spread in spreads])


def test_fog_obeys_the_scattering_model():
    # I = J t + A (1 - t): with the same t and A, two scenes' difference is scaled by t alone.
    one, two = pictures(seed=1), pictures(seed=2)
    difference, scattered = one - two, at(fog, 0.6, one) - at(fog, 0.6, two)
    clear = difference.abs() > 0.05  # a quotient of small numbers says nothing
    ratio = torch.where(clear, scattered / difference, torch.nan)
    transmission = ratio.nanmean(1, keepdim=True)
    assert (ratio - transmission)[clear].abs().max() < 1e-4
    assert ratio[clear].min() > 0 and ratio[clear].max() <= 1
    airlight = (at(fog, 0.6, one) - one * transmission) / (1 - transmission)
    airlight = torch.where(transmission < 0.9, airlight, torch.nan)
    middle = airlight.flatten(2).nanmedian(-1).values[..., None, None]
    # One colour for each picture, in the range of a bright sky's.
    assert (airlight - middle).abs().nan_to_num(0).max() < 5e-3
    assert middle.min() > 0.4 and middle.max() <= 1 and middle.std() > 0.02


def test_fog_hides_what_is_far_before_what_is_near():
    white = torch.ones(BATCH, 3, 48, 64)
    # Of a picture's rows, from far to near.
    transmission = (at(fog, 0.6, white) - at(fog, 0.6, 0 * white)).mean((0, 1, 3))
    assert transmission[:8].mean() < 0.8 * transmission[-8:].mean()


def test_low_light_takes_light():
    means = [at(low_light, level).mean().item() for level in LEVELS]
    assert rises([-mean for mean in means])
    # A scene in 1.5 % of its light, seen through a display gamma of 2.2.
    white = at(low_light, 1.0, torch.ones(BATCH, 3, 48, 64))
    assert white.mean().item() == pytest.approx(0.015 ** (1 / 2.2), rel=0.1)


def test_low_light_adds_noise_and_8_bit_steps():
    flat = at(low_light, 1.0, torch.full((BATCH, 3, 48, 64), 0.7))
    assert flat.std((2, 3)).mean() > 1 / 255
    assert (flat * 255 - (flat * 255).round()).abs().max() < 1e-4


def test_overexposure_adds_light_and_clips():
    results = [at(overexposed, level) for level in LEVELS]
    assert rises([result.mean().item() for result in results])
    assert rises([(result == 1).float().mean().item() for result in results])
    assert (pictures() == 1).float().mean() < (results[0] == 1).float().mean()


def streak_directions(image: Tensor) -> tuple[Tensor, Tensor]:
    """Angle of the streaks from vertical in radians and coherence, B each, by structure tensor."""
    down, right = torch.gradient(image.mean(1), dim=(1, 2))
    rows, columns, mixed = (part.mean((1, 2)) for part in
                            (down * down, right * right, down * right))
    angle = 0.5 * torch.atan2(2 * mixed, columns - rows)  # of the gradient, from horizontal
    coherence = torch.hypot(columns - rows, 2 * mixed) / (columns + rows)
    return angle.abs(), coherence


def test_rain_is_bright_streaks_near_vertical_over_the_dark():
    dark = torch.full((BATCH, 3, 96, 96), 0.1)
    for severity in (0.3, 0.8):
        result = at(rain, severity, dark)
        assert result.min() >= 0.1  # drops show the sky: none is darker than the night
        assert (result - result.amin((2, 3), keepdim=True)).amax((1, 2, 3)).min() > 0.1
        angle, coherence = streak_directions(result)
        # Wind tilts by 0.6 rad at most, drops by 0.05 more. The rest is what pixels round.
        assert angle.max() < 0.8 and coherence.min() > 0.2
        gradient = [result.diff(dim=axis).square().mean() for axis in (2, 3)]
        assert gradient[1] > 1.5 * gradient[0]


@pytest.mark.parametrize(('angle', 'length'), [(0.0, 20.0), (0.6, 30.0), (-0.6, 18.0)])
def test_a_drop_falls_along_its_angle_over_its_length(angle: float, length: float):
    kernel = degradations._streak_kernels(torch.tensor([angle]), torch.tensor([length]), 35)[0, 0]
    down, right = torch.meshgrid(torch.arange(35.0) - 17, torch.arange(35.0) - 17, indexing='ij')
    share = kernel / kernel.sum()
    rows, columns, mixed = ((share * part).sum() for part in
                            (down * down, right * right, down * right))
    assert 0.5 * math.atan2(2 * mixed, rows - columns) == pytest.approx(angle, abs=0.03)
    # A line of even brightness: its length is its deviation times the root of 12.
    assert math.sqrt(12 * (rows + columns)) == pytest.approx(length, abs=2)
    assert kernel.max() == 1


def test_wind_tilts_a_pictures_streaks_its_own_way():
    angle, _ = streak_directions(at(rain, 0.8, torch.full((BATCH, 3, 96, 96), 0.1)))
    assert angle.max() - angle.min() > 0.2


def test_thermal_loses_contrast():
    halves = torch.full((BATCH, 1, 48, 64), 0.2)
    halves[:, :, :24] = 0.8
    contrast = []
    for level in LEVELS:
        result = at(degrade_thermal, level, halves)
        contrast.append(-(result[:, :, :24].mean() - result[:, :, 24:].mean()).item())
    assert rises([-0.6, *contrast]) and contrast[-1] < -0.2


def test_thermal_gets_grain_and_column_stripes():
    flat = torch.full((BATCH, 1, 48, 64), 0.5)
    results = [at(degrade_thermal, level, flat) for level in LEVELS]
    assert rises([result.std().item() for result in results])
    by_column, by_row = results[-1].mean(2).std(-1).mean(), results[-1].mean(3).std(-1).mean()
    assert by_column > 3 * by_row  # grain alone would give both within a sixth of each other


@pytest.mark.parametrize('column', range(len(DEGRADATIONS)))
def test_each_column_of_severity_is_its_own_degradation(column: int):
    severity = torch.zeros(BATCH, 4)
    severity[:, column] = 0.7
    clean = pictures()
    result = degrade_visible(clean, severity, generator())
    saturated = (result == 1).float().mean() > 0.2
    seen = {'fog': result.std((2, 3)).mean() < 0.6 * clean.std((2, 3)).mean(),
            'low_light': result.mean() < 0.4 * clean.mean(), 'overexposed': saturated,
            'rain': streak_directions(result - clean)[1].mean() > 0.1}
    assert seen[DEGRADATIONS[column]]
    if DEGRADATIONS[column] != 'low_light':
        assert not seen['low_light']
    assert saturated == (DEGRADATIONS[column] == 'overexposed')


def test_fog_at_night_is_dark():
    # The scene is foggy first and the camera sees little of it then: fog must not glow.
    both, foggy = torch.zeros(BATCH, 4), torch.zeros(BATCH, 4)
    both[:, :2], foggy[:, 0] = 0.8, 0.8
    dark = degrade_visible(pictures(), both, generator()).mean()
    assert dark < 0.4 * degrade_visible(pictures(), foggy, generator()).mean()


def test_a_picture_without_severity_stays_beside_degraded_ones():
    severity = torch.rand(BATCH, 4, generator=generator())
    severity[3] = 0
    clean = pictures()
    assert torch.equal(degrade_visible(clean, severity, generator())[3], clean[3])


def test_the_class_is_the_worst_degradation():
    labels = torch.arange(20000) % len(CLASSES)
    severity = draw_severities(labels, generator(), lowest=0.2)
    assert severity.shape == (20000, 4)
    assert not severity[labels == 0].any()
    degraded = severity[labels > 0]
    assert torch.equal(degraded.argmax(1), labels[labels > 0] - 1)
    worst = degraded.amax(1)
    assert worst.min() >= 0.2 and worst.max() <= 1
    # Evenly drawn: mean 0.6, standard error 0.23 / sqrt(16000).
    assert worst.mean().item() == pytest.approx(0.6, abs=0.01)
    assert ((degraded > 0).sum(1) <= 2).all()


def test_low_light_and_overexposure_exclude_each_other():
    labels = torch.arange(20000) % len(CLASSES)
    severity = draw_severities(labels, generator(), combined=1.0)
    assert not (severity[:, 1] * severity[:, 2]).any()
    # Every other two degradations do meet.
    together = (severity.T > 0).float() @ (severity > 0).float()
    assert ((together == 0) == torch.tensor([[False] * 4, [False, False, True, False],
                                             [False, True, False, False], [False] * 4])).all()


@pytest.mark.parametrize('combined', [0.0, 0.25, 1.0])
def test_share_of_combined_degradations(combined: float):
    labels = 1 + torch.arange(20000) % 4
    severity = draw_severities(labels, generator(), combined=combined)
    share = ((severity > 0).sum(1) == 2).float().mean().item()
    # The second one is drawn from four; a repeated class and what excludes the first add none.
    allowed = (3 + 2 + 2 + 3) / 16
    assert share == pytest.approx(combined * allowed,
                                  abs=4 * math.sqrt(combined * allowed / 20000))


def test_severities_repeat_with_the_seed():
    labels = torch.arange(100) % len(CLASSES)
    first = draw_severities(labels, generator(1))
    assert torch.equal(first, draw_severities(labels, generator(1)))
    assert not torch.equal(first, draw_severities(labels, generator(2)))
