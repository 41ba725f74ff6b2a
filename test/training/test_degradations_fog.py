# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Fog against the scattering model and its scale of severities."""

import pytest
import torch
from degraded import BATCH, LEVELS, at, falls, generator, pictures
from torch import Tensor

from degfuse_ros.training.degradations.fog import edges_left, fog, fog_in_infrared


def steps(image: Tensor) -> Tensor:
    """Steps of luma between neighbours, B x N."""
    grey = (image * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1)
    return torch.cat((grey.diff(dim=1).flatten(1), grey.diff(dim=2).flatten(1)), 1)


def share_left(foggy: Tensor, clean: Tensor) -> Tensor:
    """Share of the clean picture's steps that is left, B; the fog's own do not count."""
    own = steps(clean)
    return (steps(foggy) * own.sign()).sum(1) / own.abs().sum(1)


def smooth_scenes() -> Tensor:
    """Pictures without grain, BATCH x 3 x 96 x 128, whose thumbnails keep their edges."""
    coarse = torch.rand(BATCH, 3, 6, 8, generator=generator())
    return torch.nn.functional.interpolate(coarse, (96, 128), mode='bilinear')


@pytest.mark.parametrize('severity', [0.1, 0.3, 0.6, 0.9])
def test_severity_is_the_share_of_the_edges_that_is_lost_in_every_look(severity: float):
    wanted = 1 / (1 + 3.2 * severity + severity ** 2)
    assert edges_left(torch.tensor(severity)).item() == pytest.approx(wanted)
    scenes = smooth_scenes()
    left = torch.cat([share_left(at(fog, severity, scenes, seed), scenes)
                      for seed in range(4)])
    # 0.05 of the edges are less than 0.1 of severity.
    assert left.mean().item() == pytest.approx(wanted, abs=0.05)
    assert left.std() < 0.05


def scattered(value: float, severity: float, seed: int) -> Tensor:
    return at(fog, severity, torch.full((BATCH, 3, 48, 64), value), seed)


def test_fog_obeys_the_scattering_model_on_display_or_in_linear_light():
    # I = J t + A (1 - t): steps between three neighbours keep their ratio, in the light that is
    # mixed. Neighbours have nearly the same depth.
    values = torch.tensor([0.1, 0.4, 0.8])
    stripes = values.repeat(32).expand(BATCH, 3, 48, 96).contiguous()
    seen = set()
    for result in at(fog, 0.4, stripes)[:, 0]:
        fits = []
        for power in (1.0, 2.2):
            one, two, three = (result[:, first::3] ** power for first in range(3))
            ratio = ((two - one) / (three - two)).median()
            light = values ** power
            wanted = (light[1] - light[0]) / (light[2] - light[1])
            fits.append((ratio / wanted - 1).abs().item() < 0.05)
        assert sum(fits) == 1
        seen.add(fits[0])
    assert seen == {True, False}


def test_looks_differ_in_depth_and_airlight():
    looks = torch.cat([at(fog, 0.6, pictures(), seed) for seed in range(8)])
    airlight = looks.mean((1, 2, 3))
    assert airlight.max() - airlight.min() > 0.3  # from smoke to fog in the sun
    black = torch.cat([scattered(0.0, 0.6, seed) for seed in range(8)]).mean(1)  # N x H x W
    uneven = black.std((1, 2)) / black.mean((1, 2))
    assert (uneven < 0.05).float().mean() > 0.1  # mist without depth
    assert (uneven > 0.15).float().mean() > 0.2
    tint = (looks.mean((2, 3)) - airlight[:, None]).abs().amax(1)
    assert tint.max() > 0.015


def test_the_far_is_hidden_before_the_near():
    # Over many looks the upper rows of a road scene lose more than the lower ones.
    stripes = torch.full((BATCH, 3, 64, 64), 0.3)
    stripes[..., ::4] = 0.5
    contrast = sum(at(fog, 0.5, stripes, seed).diff(dim=-1).abs().mean((0, 1, 3))
                   for seed in range(6))
    assert contrast[4:16].mean() < 0.85 * contrast[-12:].mean()


def test_fog_takes_contrast():
    spreads = [at(fog, level, pictures()).std((2, 3)).mean().item() for level in LEVELS]
    assert falls(spreads)


def test_fog_takes_less_of_the_thermal_contrast_than_of_the_visible():
    scenes = smooth_scenes()
    heat = scenes[:, :1]
    kept = at(fog_in_infrared, 0.9, heat).std((1, 2, 3)) / heat.std((1, 2, 3))
    assert kept.max() < 1.0 + 1e-6 and kept.min() < 0.9
    assert kept.mean() > 2 * edges_left(torch.tensor(0.9))


def test_fog_takes_far_thermal_detail_before_near():
    # Vertical stripes, alike from top to bottom: what differs is the fog.
    stripes = torch.tensor([0.2, 0.8]).repeat(32).expand(BATCH, 1, 96, 64).contiguous()
    ratios = []
    for seed in range(6):
        result = at(fog_in_infrared, 1.0, stripes, seed)
        swing = (result[..., 1::2] - result[..., ::2]).mean((1, 3))  # B x H
        ratios.append(swing[:, :24].mean(1) / swing[:, -24:].mean(1))
    assert torch.cat(ratios).mean() < 0.97
