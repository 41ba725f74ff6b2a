# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Fog, smoke, mist and haze."""

from __future__ import annotations

import torch
from torch import Tensor

from degfuse_ros.network.image_math import luma
from degfuse_ros.training.degradations.draws import (
    GAMMA,
    chance,
    change_where,
    constant,
    enlarge,
    place,
    ratio,
    smooth_noise,
    thumbnail,
    uniform,
)

# Optical depths that are tried, from nothing to all but the nearest gone.
_DEPTHS = 0.003 * 1.5 ** torch.arange(21.0)


def edges_left(severity: Tensor) -> Tensor:
    """Share of the display contrast that fog leaves: 0.48 at severity 0.3, 0.3 at 0.6, 0.19 at 1.

    Even fog of optical depth 1.3 at severity 1 with a bright airlight does so on display.
    """
    return 1 / (1 + 3.2 * severity + severity ** 2)


def fog(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Scatter by Koschmieder's law, in linear light or as on display, through a drawn depth.

    Args:
        image: B x 3 x H x W, RGB.
        severity: B on the CPU. 1 less the share of edges that are left, as `edges_left` has it.
        generator: on the image's device.
    """
    return change_where(image, severity, lambda part, strength: _scatter(part, strength,
                                                                         generator))


def fog_in_infrared(thermal: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Take thermal contrast through the same kinds of depth: far detail goes before near.

    Long waves pass smoke untouched and fog of small drops well, wet fog badly: the optical depth
    is up to three tenths of what even fog of that severity has in the visible.

    Args:
        thermal: B x 1 x H x W in [0, 1].
        severity: B on the CPU, of the visible image's fog; 0 keeps an image bit for bit.
        generator: on the image's device.

    Returns:
        B x 1 x H x W in [0, 1].
    """

    def change(image: Tensor, amount: Tensor) -> Tensor:
        depth = _depth(thumbnail(image, 4).expand(-1, 3, -1, -1), generator)
        thickness = 0.8 * amount * uniform(len(image), 0, 1, generator) ** 2
        transmission = torch.exp(-thickness * enlarge(depth, (image.shape[-2], image.shape[-1])))
        air = image.mean((2, 3), keepdim=True)  # as warm as the scene on the whole
        return air + transmission * (image - air)

    return change_where(thermal, severity, change)


def _scatter(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    batch, size = len(image), (image.shape[-2], image.shape[-1])
    small = thumbnail(image, 4)
    depth = _depth(small, generator)
    # Bright more often than dark: smoke at .4, fog in the sun at 1.
    grey = 1 - 0.6 * uniform(batch, 0, 1, generator) ** 2
    tint = 1 + uniform(batch, -0.06, 0.06, generator, (3, 1, 1))
    # Half of the scatterings are computed as on display: no camera's curve is sRGB's.
    power = torch.where(chance(batch, 0.5, generator), GAMMA, 1.0)
    thickness = _thickness(small, depth, grey, power, edges_left(severity))
    transmission = torch.exp(-thickness * enlarge(depth, size))
    rows, _ = place(size, image.device)
    slope = uniform(batch, -0.1, 0.3, generator)  # often lighter towards the sky
    airlight = ((grey * tint).clamp(max=1) * (1 + slope * (0.5 - rows))).clamp(0, 1)
    light = airlight ** power + transmission * (image ** power - airlight ** power)
    return light.clamp(min=0) ** (1 / power)


def _depth(small: Tensor, generator: torch.Generator) -> Tensor:
    """Draw depths of mean 1: even, a road's, a street canyon's, banks, the picture's or mixed.

    Args:
        small: thumbnails, B x 3 x h x w.
        generator: on their device.

    Returns:
        B x 1 x h x w.
    """
    batch, size = len(small), (small.shape[-2], small.shape[-1])
    rows, columns = place(size, small.device)
    # A flat road's depth grows as 1 / (row - horizon); above the horizon all is far.
    horizon = uniform(batch, 0.05, 0.6, generator)
    reach = uniform(batch, 0.06, 0.25, generator)  # smaller: the near is spared more
    road = (reach / (rows - horizon).clamp(min=1e-3)).clamp(max=1)
    # A street's depth falls from its vanishing point to all sides.
    across = columns - uniform(batch, 0.2, 0.8, generator)
    down = rows - uniform(batch, 0.2, 0.6, generator)
    wall = ratio(batch, 0.05, 0.5, generator)
    canyon = wall / (wall + torch.hypot(across, down))
    banks = (0.1 + 0.6 * smooth_noise(batch, size, 3, generator)
             + 0.4 * smooth_noise(batch, size, 8, generator))
    # Bright and high up is far: follows the picture's own edges.
    scene = 0.1 + 0.7 * luma(small) + 0.4 * (1 - rows)
    families = torch.stack([each.expand(batch, 1, *size) / each.mean((2, 3), keepdim=True)
                            for each in (torch.ones_like(scene), road, canyon, banks, scene)])
    weights = uniform(batch, 0, 1, generator, (5,)) ** 6  # mostly one, sometimes several
    even = torch.eye(5, device=small.device)[0]
    # Mist and lens haze know no depth at all.
    weights = torch.where(chance(batch, 0.3, generator, (1,)), even, weights)
    weights = (weights / weights.sum(1, keepdim=True)).T.view(5, batch, 1, 1, 1)
    # The higher the power, the more the near is spared and the far is gone.
    depth = (weights * families).sum(0) ** uniform(batch, 1, 2.5, generator)
    return depth / depth.mean((2, 3), keepdim=True)


def _thickness(small: Tensor, depth: Tensor, airlight: Tensor, power: Tensor,
               left: Tensor) -> Tensor:
    """Find the optical depth that leaves a share of the edges on display, B x 1 x 1 x 1.

    Args:
        small: thumbnails, B x 3 x h x w.
        depth: B x 1 x h x w.
        airlight: grey on display, B x 1 x 1 x 1.
        power: from display to the light in which it scatters, B x 1 x 1 x 1.
        left: share of edges, B x 1 x 1 x 1.
    """
    grey = luma(small).clamp(min=0.02)  # B x 1 x h x w
    down, right = torch.gradient(grey, dim=(2, 3))
    edges = down.abs() + right.abs() + 1e-4
    tried = constant(_DEPTHS, small.device)
    transmission = torch.exp(-tried.view(1, -1, 1, 1) * depth)  # B x K x h x w
    light = airlight ** power + transmission * (grey ** power - airlight ** power)
    # d display / d display: transmission times the slopes of both curves.
    slope = transmission * (grey / light ** (1 / power)) ** (power - 1)
    kept = (slope * edges).sum((2, 3)) / edges.sum((2, 3))  # B x K
    left = left.view(-1, 1)
    # Between the last depth that leaves more and the first that leaves less.
    upper = (kept > left).sum(1, keepdim=True).clamp(1, len(_DEPTHS) - 1)
    more, less = kept.gather(1, upper - 1), kept.gather(1, upper)
    share = ((more - left) / (more - less).clamp(min=1e-6)).clamp(-1, 1)
    low, high = tried[upper - 1], tried[upper]
    return (low + share * (high - low)).clamp(min=0).view(-1, 1, 1, 1)
