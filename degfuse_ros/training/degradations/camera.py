# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Flaws that every camera has in any weather: they name no class."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from degfuse_ros.training.degradations.draws import change_where, place, ratio, sample, uniform
from degfuse_ros.training.degradations.jpeg import jpeg

_REACH = 4.0  # pixels of motion to either side at strength 1
_NOISE = 0.03  # deviation of the noise at strength 1: 8 of 255 steps


def camera_flaws(image: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Blur by motion, add sensor noise and compress, each by its own drawn share of strength.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        strength: B on the CPU, in [0, 1]; 0 keeps an image bit for bit. Up to 0.5 they are mild.
        generator: on the image's device.

    Returns:
        B x 3 x H x W, RGB in [0, 1].
    """
    return change_where(image, strength, lambda part, amount: _flawed(part, amount, generator))


def _flawed(image: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    batch, _, height, width = image.shape
    # A third of the pictures is without the one or the other.
    motion, noise, blocks = (strength * (1.5 * uniform(batch, 0, 1, generator) - 0.5).clamp(min=0)
                             for _ in range(3))
    image = _move(image, _REACH * motion, generator)
    grain = torch.randn(image.shape, generator=generator, device=image.device)
    # Between noise of each colour and noise of brightness alone; more in the light than in black.
    alike = uniform(batch, 0, 1, generator)
    grain = torch.lerp(grain, grain[:, :1], alike)
    image = image + _NOISE * noise * ratio(batch, 0.5, 1, generator) * grain * (0.4 + image).sqrt()
    # At strength 1 down to quality 25, at 0.5 down to 50.
    image = image.clamp(0, 1)
    return torch.where(blocks > 0, jpeg(image, 2 * blocks), image)


def _move(image: Tensor, reach: Tensor, generator: torch.Generator) -> Tensor:
    """Blur along a drawn direction.

    Args:
        image: B x C x H x W.
        reach: pixels to either side, B x 1 x 1 x 1.
        generator: on the image's device.
    """
    batch, _, height, width = image.shape
    angle = uniform(batch, 0, math.pi, generator, (1, 1))
    rows, columns = place((height, width), image.device)
    # Nine even steps: three taps a step apart, of three taps three steps apart.
    step = reach[:, 0] / 4
    for distance in (step, 3 * step):
        image = (image + sum(
            sample(image, (columns * width - 0.5 + sign * distance * angle.cos())
                   .expand(batch, height, width),
                   (rows * height - 0.5 + sign * distance * angle.sin())
                   .expand(batch, height, width)) for sign in (-1, 1))) / 3
    return image
