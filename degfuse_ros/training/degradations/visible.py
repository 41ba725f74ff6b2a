# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""All four degradations of a visible image together."""

from __future__ import annotations

import torch
from torch import Tensor

from degfuse_ros.network.config import DEGRADATIONS
from degfuse_ros.training.degradations.draws import GAMMA
from degfuse_ros.training.degradations.fog import fog
from degfuse_ros.training.degradations.low_light import lamp_light, low_light
from degfuse_ros.training.degradations.overexposure import overexposed
from degfuse_ros.training.degradations.rain import rain


def degrade_visible(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Apply all four degradations in the order in which light meets them.

    Fog and rain at night are dark, since the camera sees little of what they scatter; lamps in
    fog at night get halos.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        severity: B x 4 on the CPU, columns as in `DEGRADATIONS`; 0 keeps an image bit for bit.
        generator: on the image's device.

    Returns:
        B x 3 x H x W, RGB in [0, 1].
    """
    amount = dict(zip(DEGRADATIONS, severity.unbind(1)))
    result = fog(image, amount['fog'], generator)
    result = rain(result, amount['rain'], generator)
    result = overexposed(result, amount['overexposed'], generator)
    result = low_light(result, amount['low_light'], generator)
    return _light_lamps(image, result, amount, generator)


def _light_lamps(clean: Tensor, dark: Tensor, amount: dict[str, Tensor],
                 generator: torch.Generator) -> Tensor:
    """Add the lamps of pictures in fog at night."""
    both = (amount['fog'] * amount['low_light']).nonzero()[:, 0]
    if not len(both):
        return dark
    fogged = amount['fog'][both].to(dark, non_blocking=True).view(-1, 1, 1, 1)
    both = both.to(dark.device, non_blocking=True)
    light = dark[both] ** GAMMA + lamp_light(clean[both], fogged, generator)
    return dark.index_copy(0, both, light.clamp(0, 1) ** (1 / GAMMA))
