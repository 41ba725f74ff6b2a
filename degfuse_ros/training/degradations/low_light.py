# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Too little light."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.network.image_math import luma
from degfuse_ros.training.degradations.draws import (
    GAMMA,
    blur,
    chance,
    change_where,
    enlarge,
    ratio,
    smooth_noise,
    thumbnail,
    to_display,
    to_light,
    uniform,
)
from degfuse_ros.training.degradations.jpeg import jpeg

_STOPS = 6.0  # too few at severity 1: 1.6 % of the light, a street at night


def low_light(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Take light away in linear light; add photon, read and row noise, a colour cast and JPEG.

    Args:
        image: B x 3 x H x W, RGB.
        severity: B on the CPU, proportional to the stops of light that lack, within a tenth.
        generator: on the image's device.
    """
    return change_where(image, severity, lambda part, strength: _darken(part, strength, generator))


def _darken(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    batch, size = len(image), (image.shape[-2], image.shape[-1])
    stops = _STOPS * severity * uniform(batch, 0.88, 1.12, generator)
    # Lamps and headlights: more light here, less there, for half of the pictures.
    uneven = chance(batch, 0.5, generator) * uniform(batch, 0, 2.5, generator)
    stops = stops + severity * uneven * (smooth_noise(batch, size, 4, generator) - 0.5)
    cast = 1 + severity * uniform(batch, -0.25, 0.25, generator, (3, 1, 1))
    toe = chance(batch, 0.7, generator)  # the curves of cameras differ most in the blacks
    light = to_light(image, toe) * torch.exp2(-stops) * cast
    # Some cut off the blacks: up to a fiftieth of what white has become.
    floor = chance(batch, 0.4, generator) * uniform(batch, 0, 0.02, generator)
    light = (_sensor(light, severity, generator) - floor * severity * torch.exp2(-stops)).clamp(0)
    dark = to_display(light, toe)
    # Half of the cameras smooth their grain away, edges with it.
    smooth = chance(batch, 0.5, generator) * severity * uniform(batch, 0, 0.8, generator)
    means = functional.avg_pool2d(functional.pad(dark, (1,) * 4, 'replicate'), 3, 1)
    dark = torch.lerp(dark, means, smooth)
    dark = (dark * 255).round() / 255
    # Half compress it: quality 93 to 50.
    packed = jpeg(dark, ratio(batch, 0.15, 1, generator))
    return torch.where(chance(batch, 0.5, generator), packed, dark)


def _sensor(light: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Count photons and read them out with noise.

    Args:
        light: B x 3 x H x W, 1 is white at full exposure.
        severity: B x 1 x 1 x 1; little light is lost in a small camera's gain too, so that noise
            grows with it.
        generator: on the image's device.
    """
    batch, _, height, width = light.shape
    device = light.device
    full = ratio(batch, 400, 10000, generator)  # electrons of a white pixel: phone to good camera
    counted = torch.poisson(light.clamp(min=0) * full, generator) / full
    read = uniform(batch, 0.5, 5, generator) / full
    bands = chance(batch, 0.5, generator) * uniform(batch, 0, 1.2, generator) / full
    noise = read * torch.randn(light.shape, generator=generator, device=device)
    noise = noise + bands * torch.randn((batch, 1, height, 1), generator=generator, device=device)
    # The full amount of noise from severity 0.2 on: what is hardly dark is hardly noisy.
    return torch.lerp(light, counted + noise, (5 * severity).clamp(max=1))


def lamp_light(clean: Tensor, fogged: Tensor, generator: torch.Generator) -> Tensor:
    """Let small bright spots of a scene shine in the night, with halos where there is fog.

    Args:
        clean: B x 3 x H x W, RGB, before any degradation.
        fogged: severity of fog, B x 1 x 1 x 1.
        generator: on the image's device.

    Returns:
        B x 1 x H x W, linear light as the dark camera sees it.
    """
    batch, size = len(clean), (clean.shape[-2], clean.shape[-1])
    light = luma(clean) ** GAMMA
    small = thumbnail(light, 4)
    wide = blur(small, torch.full_like(fogged, 3.0), 7)
    # Lamps, windows, signs: clearly brighter than some 12 pixels round them.
    spots = (small - wide - 0.15).clamp(min=0)
    near, far = (blur(spots, uniform(batch, sigma, 2 * sigma, generator), 7)
                 for sigma in (0.7, 1.7))
    strength = uniform(batch, 0.1, 1, generator)
    core = (light - enlarge(wide, size) - 0.15).clamp(min=0)
    return strength * (core * torch.exp(-2 * fogged) + fogged * enlarge(near + 2 * far, size))
