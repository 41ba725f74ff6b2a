# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal flaws, and the differences between automatic gains."""

import torch
from degraded import BATCH, LEVELS, at, falls, generator, pictures, plain, rises

from degfuse_ros.training.degradations import automatic_gain, degrade_thermal


def test_thermal_loses_contrast_but_never_its_polarity():
    halves = plain(0.2, 1, 48)
    halves[:, :, :32] = 0.8
    contrast = []
    for level in LEVELS:
        result = at(degrade_thermal, level, halves)
        difference = (result[:, :, :28].mean((1, 2, 3)) - result[:, :, 36:].mean((1, 2, 3)))
        assert (difference > 0.1).all()
        contrast.append(difference.mean().item())
    assert falls([0.6, *contrast]) and contrast[-1] < 0.5


def test_thermal_gets_grain_and_stripes():
    flat = plain(0.5, 1, 48)
    results = [at(degrade_thermal, level, flat) for level in LEVELS]
    assert rises([result.std().item() for result in results])
    worn = torch.cat([at(degrade_thermal, 1.0, flat, seed) for seed in range(6)])
    by_column = worn.mean(2).diff().std(-1) / worn.mean(3).diff().std(-1)
    # Grain alone would leave both alike; columns more often share an amplifier.
    assert by_column.max() > 3 and by_column.min() < 0.5 and by_column.median() > 1.2


def test_some_cameras_have_dead_pixels():
    result = at(degrade_thermal, 1.0, torch.full((96, 1, 64, 64), 0.5))
    ends = ((result == 0) | (result == 1)).float().mean((1, 2, 3))
    assert 0.15 < (ends > 0).float().mean() < 0.55
    assert ends.max() < 0.01


def test_each_picture_has_one_flaw_in_full():
    # None of the looks is harmless: severity says something in all of them.
    image = pictures(1)
    for seed in range(4):
        error = (at(degrade_thermal, 0.8, image, seed) - image).square().mean((1, 2, 3)).sqrt()
        assert error.min() > 0.015


def test_automatic_gain_keeps_the_order_of_temperatures():
    ramp = torch.linspace(0, 1, 256).view(1, 1, 16, 16).repeat(BATCH, 1, 1, 1)
    results = automatic_gain(ramp, torch.linspace(0.1, 1, BATCH), generator()).flatten(1)
    assert (results.diff(dim=1) >= 0).all()
    # At most a twelfth is cut at either end.
    assert ((results == 0).sum(1) < 80).all() and ((results == 1).sum(1) < 40).all()
    assert (results[:, -1] - results[:, 0]).min() > 0.45
    assert (results[:, 128] - 0.5).abs().max() > 0.08
