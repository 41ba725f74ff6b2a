# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Flaws of uncooled thermal cameras."""

from __future__ import annotations

import torch
from torch import Tensor

from degfuse_ros.training.degradations.draws import (
    blur,
    chance,
    change_where,
    smooth_noise,
    uniform,
)


def degrade_thermal(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Blur, take contrast, add fixed-pattern stripes, noise and dead pixels; polarity stays.

    Args:
        image: B x 1 x H x W in [0, 1].
        severity: B on the CPU; each image has one flaw to this degree, and the others to drawn
            lesser ones.
        generator: on the image's device.

    Returns:
        B x 1 x H x W in [0, 1].
    """
    return change_where(image, severity, lambda part, strength: _wear(part, strength, generator))


def _wear(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    batch, _, height, width = image.shape

    def normal(*shape: int) -> Tensor:
        return torch.randn((batch, 1, *shape), generator=generator, device=image.device)

    shares = uniform(batch, 0, 1, generator, (4,)) ** 2
    shares = shares / shares.amax(1, keepdim=True)  # B x 4
    faded, striped, noisy, soft = (severity * share.view(-1, 1, 1, 1)
                                   for share in shares.unbind(1))
    image = blur(image, 2.2 * soft, 5)
    mean = image.mean((2, 3), keepdim=True)
    # A quarter of the contrast is left at worst: rain in the infrared, or an even scene.
    # What fades, fades to a grey of the camera's choice, not to black.
    grey = torch.lerp(mean, uniform(batch, 0.15, 0.6, generator), 0.6 * faded)
    image = grey + (image - mean) * (1 - 0.75 * faded)
    # Columns share an amplifier, rows less often; drift shades the whole.
    across = uniform(batch, 0, 1, generator) ** 2
    pattern = (0.05 * normal(1, width) * (1 - across).sqrt() + 0.05 * normal(height, 1)
               * across.sqrt()
               + 0.15 * (smooth_noise(batch, (height, width), 3, generator) - 0.5))
    image = image + striped * pattern + 0.08 * noisy * normal(height, width)
    # Up to 3 in 1000 pixels are dead or stuck, in a third of the cameras.
    flaw = uniform(batch, 0, 1, generator, (1, height, width))
    share = 0.003 * severity * chance(batch, 0.33, generator)
    image = torch.where(flaw < share, 0.0, image)
    return torch.where(flaw > 1 - 0.5 * share, 1.0, image)


def automatic_gain(thermal: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Map temperatures to grey as another camera's automatic gain would; never decreasing.

    Args:
        thermal: B x 1 x H x W in [0, 1].
        strength: B on the CPU, in [0, 1]; 0 keeps an image bit for bit.
        generator: on the image's device.

    Returns:
        B x 1 x H x W in [0, 1].
    """

    def change(image: Tensor, amount: Tensor) -> Tensor:
        batch = len(image)
        gamma = torch.exp2(amount * uniform(batch, -0.7, 0.7, generator))
        # Black may be raised and white lowered by a quarter; or a twelfth at either end is cut.
        black = amount * uniform(batch, -0.08, 0.25, generator)
        white = 1 - amount * uniform(batch, -0.08, 0.25, generator)
        return black + (white - black) * image ** gamma

    return change_where(thermal, strength, change)
