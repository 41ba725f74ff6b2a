# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Misregistration: how far pixels go."""

import pytest
import torch
from degraded import BATCH, generator
from torch import Tensor

from degfuse_ros.training.degradations import misregister


def displacements(pixels: float, count: int = BATCH) -> tuple[Tensor, Tensor]:
    """Right and down displacement at inner pixels, N x 60 x 84 each, read off two ramps."""
    rows, columns = torch.meshgrid(torch.arange(72.0), torch.arange(96.0), indexing='ij')
    amount = torch.full((count,), pixels)
    moved = [misregister((ramp / 100).expand(count, 1, 72, 96), amount, generator())[:, 0] * 100
             for ramp in (columns, rows)]
    inner = (slice(None), slice(6, -6), slice(6, -6))
    return (moved[0] - columns)[inner], (moved[1] - rows)[inner]


@pytest.mark.parametrize('pixels', [0.5, 1.5, 3.0])
def test_the_longest_displacement_is_as_said(pixels: float):
    right, down = displacements(pixels)
    longest = torch.hypot(right, down).amax((1, 2))
    # The corners themselves go furthest; they are 6 pixels outside of what is read.
    # Cubic interpolation of a ramp is off by up to a twentieth of a pixel.
    assert longest.max() <= pixels + 0.05 and longest.min() > 0.7 * pixels


def test_it_shifts_turns_and_scales():
    right, down = displacements(3.0, 48)
    shift = torch.hypot(right.mean((1, 2)), down.mean((1, 2)))
    turn = right.diff(dim=1).mean((1, 2))  # of the columns with the row
    scale = right.diff(dim=2).mean((1, 2))
    assert shift.max() > 1.5 and shift.min() < 1
    for part in (turn, scale):
        assert part.max() > 0.01 and part.min() < -0.01
    # Turned and scaled, not sheared.
    torch.testing.assert_close(down.diff(dim=2).mean((1, 2)), -turn, rtol=0, atol=4e-3)
    torch.testing.assert_close(down.diff(dim=1).mean((1, 2)), scale, rtol=0, atol=4e-3)


def test_fine_detail_survives():
    detail = torch.rand(BATCH, 1, 64, 64, generator=generator())
    detail = torch.nn.functional.avg_pool2d(detail, 3, 1, 1)
    moved = misregister(detail, torch.full((BATCH,), 1.5), generator())
    assert moved.std() > 0.9 * detail.std()
