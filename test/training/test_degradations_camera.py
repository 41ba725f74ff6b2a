# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Flaws of cameras that name no weather."""

import pytest
import torch
from degraded import BATCH, at, generator, likeness, pictures, plain

from degfuse_ros.training.degradations import camera_flaws
from degfuse_ros.training.degradations.camera import _move


def test_half_strength_is_mild():
    clean = pictures(1).expand(-1, 3, -1, -1)  # grey: JPEG halves the colours' resolution
    assert likeness(at(camera_flaws, 0.5, clean), clean) > 24
    assert likeness(at(camera_flaws, 0.1, clean), clean) > 32


def test_brightness_and_colour_stay():
    for value in (0.2, 0.8):
        result = at(camera_flaws, 1.0, plain(value))
        assert (result.mean((2, 3)) - value).abs().max() < 0.02


@pytest.mark.parametrize('reach', [2.0, 4.0])
def test_motion_smears_a_point_into_a_line_that_stays_in_place(reach: float):
    point = torch.zeros(BATCH, 1, 33, 33)
    point[..., 16, 16] = 1
    line = _move(point, torch.full((BATCH, 1, 1, 1), reach), generator())[:, 0]
    torch.testing.assert_close(line.sum((1, 2)), torch.ones(BATCH), rtol=0, atol=1e-4)
    rows, columns = torch.meshgrid(*[torch.arange(33.0) - 16] * 2, indexing='ij')
    for picture in line:
        assert (picture * rows).sum().abs() < 0.02 and (picture * columns).sum().abs() < 0.02
        places = torch.stack((rows, columns)).flatten(1)
        across, along = torch.linalg.eigvalsh((places * picture.flatten()) @ places.T)
        # Nine even steps: their deviation is 0.645 of the reach, and interpolation adds a little.
        assert along.sqrt().item() == pytest.approx(0.645 * reach, rel=0.25)
        assert across < 0.7
    directions = torch.stack([(picture * columns ** 2).sum() for picture in line])
    assert directions.max() > 4 * directions.min()


def test_not_every_picture_has_every_flaw():
    flat = torch.cat([at(camera_flaws, 1.0, plain(0.5), seed) for seed in range(4)])
    noise = flat.std((1, 2, 3))
    assert (noise < 1 / 255).float().mean() > 0.1 and noise.max() > 0.01
