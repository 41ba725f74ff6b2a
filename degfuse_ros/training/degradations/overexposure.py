# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Too much light."""

from __future__ import annotations

import torch
from torch import Tensor

from degfuse_ros.training.degradations.draws import (
    GAMMA,
    blur,
    chance,
    change_where,
    constant,
    enlarge,
    place,
    ratio,
    thumbnail,
    uniform,
)

_STOPS = 2.8  # at severity 1; the median daylight pixel then clips


def overexposed(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Lengthen the exposure in linear light until it clips, with bloom, glare and stray light.

    Args:
        image: B x 3 x H x W, RGB.
        severity: B on the CPU, proportional to the stops of exposure; looks differ by a quarter.
        generator: on the image's device.
    """
    return change_where(image, severity, lambda part, strength: _expose(part, strength,
                                                                        generator))


def _expose(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    batch = len(image)
    # Each of the three other ways to lose the picture is there in some, at all strengths.
    bloom, glare, veil = ((chance(batch, share, generator) * uniform(batch, 0.2, 1, generator))
                          for share in (0.6, 0.4, 0.4))
    stops = _STOPS * severity * uniform(batch, 0.9, 1.2, generator) * (1 - 0.12 * (glare + veil))
    balance = 1 + severity * uniform(batch, -0.08, 0.08, generator, (3, 1, 1))
    light = image ** GAMMA * torch.exp2(stops) * balance
    light = light + severity * glare * _sun(image, generator)
    light = light + bloom * severity.sqrt() * _bloom(light, generator)
    tint = 1 + uniform(batch, -0.15, 0.15, generator, (3, 1, 1))
    light = light + 0.15 * veil * severity * tint  # stray light in the lens lifts the blacks
    # Two thirds clip at once; the others have a film's shoulder and may wash out without white.
    shoulder = light / (1 + light ** 3) ** (1 / 3)
    light = torch.where(chance(batch, 0.67, generator), light, shoulder)
    bright = light.clamp(0, 1) ** (1 / GAMMA)
    return (bright * 255).round() / 255


def _bloom(light: Tensor, generator: torch.Generator) -> Tensor:
    """Spill what clips into its surroundings: a glow close by, a halo far out."""
    batch, size = len(light), (light.shape[-2], light.shape[-1])
    spilt = thumbnail((light - 1).clamp(0, 4), 4)
    near = blur(spilt, uniform(batch, 0.5, 2.5, generator), 6)  # in quarters of pixels: 2 to 10
    far = blur(thumbnail(spilt, 4), uniform(batch, 0.8, 2.5, generator), 6)  # 13 to 40 pixels
    share = uniform(batch, 0, 1, generator)
    return enlarge((1 - share) * near + share * enlarge(far, (near.shape[-2], near.shape[-1])),
                   size)


def _sun(image: Tensor, generator: torch.Generator) -> Tensor:
    """Glare of a sun or lamp in or beside the picture, linear light, B x 3 x H x W."""
    batch, (height, width) = len(image), image.shape[-2:]
    rows, columns = place((height, width), image.device)
    down = rows - uniform(batch, -0.1, 0.7, generator)
    across = (columns - uniform(batch, -0.1, 1.1, generator)) * (width / height)
    distance = down ** 2 + across ** 2  # squared, in heights of the picture
    core = ratio(batch, 0.03, 0.2, generator)
    wide = ratio(batch, 0.2, 0.9, generator)
    # The disc is always white, however faint its glow.
    glow = 8 * torch.exp(-distance / core ** 2) + 0.5 / (1 + distance / wide ** 2)
    warm = uniform(batch, -0.1, 0.35, generator)
    colour = 1 - warm * constant([0.0, 0.3, 1.0], image.device).view(3, 1, 1)  # towards amber
    return glow * colour
