# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Overexposure: stops, clipping, bloom and glare."""

import torch
from degraded import BATCH, LEVELS, at, generator, pictures, plain, rises

from degfuse_ros.training.degradations import overexposed
from degfuse_ros.training.degradations.overexposure import _bloom, _sun


def test_overexposure_adds_light_and_clips():
    results = [at(overexposed, level, pictures()) for level in LEVELS]
    assert rises([result.mean().item() for result in results])
    assert rises([(result > 0.98).float().mean().item() for result in results])


def test_nothing_gets_darker_but_by_the_film_shoulder():
    clean = pictures()
    result = at(overexposed, 0.6, clean)
    kept = (result.mean(1) >= clean.mean(1) - 2 / 255).flatten(1).all(1)
    assert kept.float().mean() >= 0.5
    dim = clean.mean(1) < 0.6  # where no shoulder reaches
    assert (result.mean(1) - clean.mean(1))[dim].min() > -2 / 255


def test_severity_is_proportional_to_stops():
    # A dark grey neither clips nor has anything beside it that spills; one in ten looks is
    # without glare and stray light, of which shadows get more than their share.
    for severity in (0.3, 0.6, 0.9):
        result = torch.cat([at(overexposed, severity, plain(0.15), seed) for seed in range(6)])
        stops = 2.2 * (result.mean(1).flatten(1).median(1).values / 0.15).log2()
        assert 2.3 * severity < stops.quantile(0.1) < 3.2 * severity


def test_some_looks_wash_out_without_white():
    result = torch.cat([at(overexposed, 0.7, plain(0.7), seed) for seed in range(4)])
    white = (result.amin(1) >= 254 / 255).float().mean((1, 2))
    assert (white < 0.1).any() and (white > 0.9).any()


def test_what_clips_spills_over_its_surroundings():
    light = torch.zeros(BATCH, 3, 128, 128)
    light[..., 56:72, 56:72] = 4.0
    spilt = _bloom(light, generator()).mean((0, 1))
    along = [spilt[64, 64 + distance].item() for distance in (0, 16, 32, 56)]
    assert rises(along[::-1]) and along[1] > 0.05 and along[2] > 0.002
    assert not _bloom(light.clamp(max=1), generator()).any()  # nothing clips


def test_glare_has_a_centre_and_falls_off():
    glare = _sun(torch.zeros(64, 3, 96, 128), generator())
    assert glare.min() > 0 and glare.max() < 10
    peak = glare.sum(1).flatten(1).argmax(1)
    rows, columns = peak // 128, peak % 128
    assert rows.float().std() > 10 and columns.float().std() > 20  # each has its own place
    steps = glare.mean(1).diff(dim=-1)
    index = torch.arange(127)
    for picture, column in enumerate(columns.tolist()):
        assert (steps[picture][:, index < column - 1] >= -1e-6).all()
        assert (steps[picture][:, index > column + 1] <= 1e-6).all()
    warm = glare[:, 0].mean((1, 2)) / glare[:, 2].mean((1, 2))
    assert warm.max() > 1.2 and warm.min() < 1


def test_result_is_in_8_bit_steps():
    result = at(overexposed, 0.5, pictures())
    assert (result * 255 - (result * 255).round()).abs().max() < 1e-3
