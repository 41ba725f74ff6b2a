# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Tone and tint of other cameras."""

import torch
from degraded import BATCH, at, pictures, plain

from degfuse_ros.network.image_math import luma
from degfuse_ros.training.degradations import another_tone


def test_strength_0_keeps_an_image_and_a_seed_repeats_one():
    clean = pictures()
    assert torch.equal(at(another_tone, 0.0, clean), clean)
    assert torch.equal(at(another_tone, 1.0, clean, 3), at(another_tone, 1.0, clean, 3))
    assert not torch.equal(at(another_tone, 1.0, clean, 3), at(another_tone, 1.0, clean, 4))


def test_nothing_becomes_dark_or_washed_out():
    for value in (0.2, 0.5, 0.8):
        grey = luma(torch.cat([at(another_tone, 1.0, plain(value), seed) for seed in range(8)]))
        levels = grey.mean((1, 2, 3))
        assert levels.std() > 0.01
        assert levels.min() > 0.6 * value and levels.max() < min(1.0, 1.6 * value)


def test_order_of_brightness_stays():
    ramp = torch.linspace(0, 0.9, 64).expand(BATCH, 3, 8, 64).contiguous()
    grey = luma(at(another_tone, 1.0, ramp))
    assert (grey.diff(dim=3) > -1e-4).all()


def test_saturation_goes_both_ways():
    red = torch.tensor([0.6, 0.4, 0.4]).view(1, 3, 1, 1).expand(BATCH, 3, 16, 16).contiguous()
    result = torch.cat([at(another_tone, 1.0, red, seed) for seed in range(8)])
    spread = (result.amax(1) - result.amin(1)).mean((1, 2))
    assert spread.min() < 0.17 < 0.23 < spread.max()
