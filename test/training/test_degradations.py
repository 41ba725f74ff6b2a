# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What holds for every degradation and flaw, and for all together."""

import pytest
import torch
from degraded import BATCH, LEVELS, Degrade, at, falls, generator, likeness, pictures
from torch import Tensor

from degfuse_ros.network.config import DEGRADATIONS
from degfuse_ros.training.degradations import (
    automatic_gain,
    camera_flaws,
    degrade_thermal,
    degrade_visible,
    fog,
    low_light,
    misregister,
    overexposed,
    rain,
)

VISIBLE: list[Degrade] = [fog, low_light, overexposed, rain, camera_flaws]
THERMAL: list[Degrade] = [degrade_thermal, automatic_gain, misregister]
ALL = [*VISIBLE, *THERMAL]


def made_for(degrade: Degrade, seed: int = 0) -> Tensor:
    return pictures(1 if degrade in THERMAL else 3, seed)


@pytest.mark.parametrize('degrade', ALL)
def test_severity_0_changes_no_bit_beside_any_other(degrade: Degrade):
    image = made_for(degrade)
    severity = torch.linspace(0, 1, BATCH)
    severity[7] = 0
    result = degrade(image, severity, generator())
    for index in range(BATCH):
        assert torch.equal(result[index], image[index]) == (severity[index] == 0)
    assert torch.equal(at(degrade, 0.0, image), image)


@pytest.mark.parametrize('degrade', ALL)
@pytest.mark.parametrize('value', [0.0, 1.0, None])
def test_result_lies_in_0_to_1(degrade: Degrade, value: float | None):
    image = made_for(degrade)
    if value is not None:
        image = torch.full_like(image, value)
    for severity in (0.01, 1.0):
        result = at(degrade, severity, image)
        assert result.isfinite().all() and result.min() >= 0 and result.max() <= 1
        assert result.shape == image.shape and result.dtype == image.dtype


@pytest.mark.parametrize('degrade', ALL)
def test_a_seed_repeats_a_batch_and_another_does_not(degrade: Degrade):
    image = made_for(degrade)
    first = at(degrade, 0.7, image)
    assert torch.equal(first, at(degrade, 0.7, image))
    other = at(degrade, 0.7, image, seed=6)
    assert all(not torch.equal(*pair) for pair in zip(first, other))


@pytest.mark.parametrize('degrade', ALL)
def test_input_stays_as_it_is(degrade: Degrade):
    image = made_for(degrade)
    before = image.clone()
    at(degrade, 1.0, image)
    degrade(image, torch.linspace(0, 1, BATCH), generator())
    assert torch.equal(image, before)


@pytest.mark.parametrize('degrade', ALL)
def test_more_severe_is_less_like_the_original(degrade: Degrade):
    image = made_for(degrade)
    assert falls([likeness(at(degrade, level, image), image) for level in LEVELS])


@pytest.mark.parametrize('degrade', ALL)
@pytest.mark.parametrize('size', [(37, 53), (16, 16)])
def test_any_size_will_do(degrade: Degrade, size: tuple[int, int]):
    image = made_for(degrade)[..., :size[0], :size[1]]
    assert at(degrade, 0.8, image).shape == image.shape


@pytest.mark.parametrize('column', range(len(DEGRADATIONS)))
def test_each_column_of_severity_is_its_own_degradation(column: int):
    severity = torch.zeros(BATCH, 4)
    severity[:, column] = 0.7
    alone = (fog, low_light, overexposed, rain)[column]
    result = degrade_visible(pictures(), severity, generator())
    assert torch.equal(result, at(alone, 0.7, pictures()))
    assert alone.__name__ == DEGRADATIONS[column]


def test_only_what_has_a_severity_is_drawn():
    # A picture's look does not depend on clean ones beside it.
    severity = torch.zeros(BATCH, 4)
    severity[5] = torch.tensor([0.3, 0.0, 0.4, 0.5])
    result = degrade_visible(pictures(), severity, generator())
    alone = degrade_visible(pictures()[5:6], severity[5:6], generator())
    # Sums over a picture may round otherwise in another batch.
    torch.testing.assert_close(result[5:6], alone, rtol=0, atol=1 / 255)
    untouched = [index for index in range(BATCH) if index != 5]
    assert torch.equal(result[untouched], pictures()[untouched])


def test_fog_at_night_is_dark():
    # The scene is foggy first and the camera sees little of it then: fog must not glow.
    both, foggy = torch.zeros(BATCH, 4), torch.zeros(BATCH, 4)
    both[:, :2], foggy[:, 0] = 0.8, 0.8
    grey = 0.5 * pictures()  # no lamps
    dark = degrade_visible(grey, both, generator()).mean()
    assert dark < 0.4 * degrade_visible(grey, foggy, generator()).mean()


def night_with_lamp(fogged: float) -> Tensor:
    """Return the mean of many nights with one lamp in the middle, 65 x 65."""
    scene = torch.full((64, 3, 65, 65), 0.2)
    scene[..., 30:35, 30:35] = 1.0
    severity = torch.zeros(64, 4)
    severity[:, 0], severity[:, 1] = fogged, 0.8
    return degrade_visible(scene, severity, generator()).mean((0, 1))


def test_lamps_have_halos_in_fog_at_night():
    foggy, clear = night_with_lamp(0.6), night_with_lamp(0.0)
    beside, far = (slice(30, 35), slice(38, 42)), (slice(0, 8), slice(0, 8))
    assert foggy[beside].mean() - foggy[far].mean() > 0.03
    assert (clear[beside].mean() - clear[far].mean()).abs() < 0.01
    assert foggy[32, 32] > foggy[beside].mean()


def test_rain_at_dusk_is_dim():
    black = torch.zeros(BATCH, 3, 64, 64)
    severity = torch.zeros(BATCH, 4)
    severity[:, 3] = 0.7
    day = degrade_visible(black, severity, generator())
    severity[:, 1] = 0.6
    dusk = degrade_visible(black, severity, generator())
    assert 0 < dusk.amax((1, 2, 3)).mean() < 0.6 * day.amax((1, 2, 3)).mean()
