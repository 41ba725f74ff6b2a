# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What two cameras on one rig do to the registration."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from degfuse_ros.training.degradations.draws import change_where, place, sample, uniform


def misregister(thermal: Tensor, pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Shift, turn and scale by a little.

    Args:
        thermal: B x 1 x H x W in [0, 1].
        pixels: B on the CPU, displacement of the corner that is displaced most; 0 keeps an image
            bit for bit.
        generator: on the image's device.

    Returns:
        B x 1 x H x W; what comes in from outside mirrors what is inside.
    """
    return change_where(thermal, pixels, lambda part, amount: _displace(part, amount, generator))


def _displace(image: Tensor, pixels: Tensor, generator: torch.Generator) -> Tensor:
    batch, _, height, width = image.shape
    angle = uniform(batch, 0, 2 * math.pi, generator, (1, 1))
    shift, turn, scale = (uniform(batch, -1, 1, generator, (1, 1)) for _ in range(3))
    rows, columns = place((height, width), image.device)
    across, down = columns * width - width / 2, rows * height - height / 2  # from the centre
    # Each part alone displaces the corners by up to one pixel.
    corner = math.hypot(width, height) / 2
    right = shift * angle.cos() + (scale * across - turn * down) / corner  # B x H x W
    below = shift * angle.sin() + (scale * down + turn * across) / corner
    # Displacements are linear in the place, so that the longest is at a corner.
    longest = torch.hypot(right, below)[:, ::height - 1, ::width - 1].amax((1, 2), keepdim=True)
    size = pixels[:, 0] / longest
    # Cubic interpolation keeps the small detail that bilinear would blur away.
    return sample(image, across + width / 2 - 0.5 + size * right,
                  down + height / 2 - 0.5 + size * below, mode='bicubic')
