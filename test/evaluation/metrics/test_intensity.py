# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""SD, SF and AG of images whose values are known."""

import math

import numpy as np
import pytest
import torch

from degfuse_ros.evaluation.metrics.intensity import (
    average_gradient,
    spatial_frequency,
    standard_deviation,
)

HEIGHT, WIDTH = 48, 64
FLAT = torch.full((HEIGHT, WIDTH), 200, dtype=torch.uint8)
# Left half 0, right half 100.
STEP = torch.cat((torch.zeros(HEIGHT, WIDTH // 2), torch.full((HEIGHT, WIDTH // 2), 100)),
                 dim=1).to(torch.uint8)
# One grey level per column and two per row.
RAMP = (torch.arange(WIDTH) + 2 * torch.arange(HEIGHT)[:, None]).to(torch.uint8)
BATCH = torch.stack((FLAT, STEP, RAMP))


def test_standard_deviation() -> None:
    # A uniform 0 .. n - 1 has the variance (n^2 - 1) / 12.
    ramp = math.sqrt((WIDTH ** 2 - 1) / 12 + 4 * (HEIGHT ** 2 - 1) / 12)
    assert standard_deviation(BATCH).tolist() == pytest.approx([0, 50, ramp])


def test_spatial_frequency() -> None:
    # One of the WIDTH - 1 differences along each row of the step is 100.
    expected = [0, 100 / math.sqrt(WIDTH - 1), math.sqrt(1 + 4)]
    assert spatial_frequency(BATCH).tolist() == pytest.approx(expected)


def test_average_gradient() -> None:
    # Central differences see the step in two columns, as 50 each.
    scale = (HEIGHT - 1) * (WIDTH - 1)
    step = 2 * HEIGHT * 50 / math.sqrt(2) / scale
    ramp = HEIGHT * WIDTH * math.sqrt((1 + 4) / 2) / scale
    assert average_gradient(BATCH).tolist() == pytest.approx([0, step, ramp])


def test_shuffling_pixels_adds_detail_and_keeps_contrast() -> None:
    order = np.random.default_rng(2).permutation(RAMP.numel())
    pair = torch.stack((RAMP, RAMP.flatten()[order].view(HEIGHT, WIDTH)))
    deviation = standard_deviation(pair)
    assert deviation[0].item() == pytest.approx(deviation[1].item())
    for metric in (spatial_frequency, average_gradient):
        before, after = metric(pair).tolist()
        assert after > 10 * before
