# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Rain: streaks of four distances and the mist behind them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from degfuse_ros.network.image_math import luma
from degfuse_ros.training.degradations.draws import (
    GAMMA,
    chance,
    change_where,
    place,
    ratio,
    sample,
    smooth_noise,
    thumbnail,
    uniform,
)

_LAYERS = 4
_LONGEST = 90  # pixels; also what the canvas is higher than the picture
_OPACITY = 0.08  # mean over the picture of the streaks' opacity at severity 1: a cloudburst
_MIST = 0.45  # optical depth behind the streaks at severity 1, at most twice that
_FAINTEST = 0.3  # least share of a layer's opacity that a drop has


@dataclass(frozen=True)
class _Layers:
    """Looks of L layers for each of B pictures; all are B x L x 1 x 1.

    Attributes:
        length: of the longest streaks, pixels.
        width: pixels.
        opacity: in the middle of a drop.
        cover: mean opacity over the picture.
        hardness: 1 leaves soft sides; more steepens them.
        tilt: columns per row.
        spread: how much the tilt changes from side to side: drops fly past the camera.
    """

    length: Tensor
    width: Tensor
    opacity: Tensor
    cover: Tensor
    hardness: Tensor
    tilt: Tensor
    spread: Tensor


def rain(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Draw streaks, from far drizzle to near drops, over mist.

    Args:
        image: B x 3 x H x W, RGB.
        severity: B on the CPU. The mean opacity of streaks and mist is proportional to it; looks
            differ by half.
        generator: on the image's device.
    """
    return change_where(image, severity, lambda part, strength: _rain(part, strength, generator))


def _rain(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    batch, size = len(image), (image.shape[-2], image.shape[-1])
    # Less mist, more streaks: about the same share of the edges is lost. In a fifth there is no
    # mist at all, in others up to twice the usual.
    mist = (2.5 * uniform(batch, 0, 1, generator) - 0.5).clamp(0)
    streaks = severity * _OPACITY * ratio(batch, 0.7, 1.5, generator) * (1.4 - 0.4 * mist)
    power = torch.where(chance(batch, 0.5, generator), GAMMA, 1.0)  # which light is mixed
    layers = _draw_layers(streaks / power, power, generator)
    clear = torch.exp(-severity * _MIST * mist
                      * (0.5 + smooth_noise(batch, size, 3, generator)))
    # A drop shows the sky in little: its own grey, or a share of the picture's brightest part.
    brightest = luma(thumbnail(image, 16)).amax((2, 3), keepdim=True)
    sky = uniform(batch, 0.55, 1, generator)
    sky = torch.where(chance(batch, 0.5, generator), sky, sky * brightest)
    # It is brighter than most of the picture, or nothing of it would be seen.
    sky = sky.maximum(luma(image).mean((2, 3), keepdim=True) + 0.3)
    sky = (sky * (1 + uniform(batch, -0.05, 0.05, generator, (3, 1, 1)))).clamp(max=1)
    light, sky = image ** power, sky ** power
    # The mist is no brighter than the drops; most often it is the scene's own grey.
    grey = light.mean((1, 2, 3), keepdim=True)
    light = light * clear + (1 - clear) * (grey + (sky - grey) * uniform(batch, 0, 1, generator))
    # Two thirds only brighten: before the sky itself a drop is not seen.
    least = torch.where(chance(batch, 0.67, generator), 0.0, -1.0)
    opacity = _streaks(size, layers, generator)
    light = light + opacity * (sky - light).maximum(least)
    return light.clamp(min=0) ** (1 / power)


def _draw_layers(cover: Tensor, power: Tensor, generator: torch.Generator) -> _Layers:
    """Draw the layers of each picture, of which one to four have drops.

    Args:
        cover: mean opacity of all layers together, B x 1 x 1 x 1.
        power: from display to the light that is mixed, B x 1 x 1 x 1. In linear light half the
            opacity is as visible before what is dark.
        generator: on the image's device.
    """
    batch, shape = len(cover), (_LAYERS, 1, 1)
    # A near drop is long, broad and out of focus; lens, shutter and drop size add their part.
    nearness = uniform(batch, 0, 1, generator, shape)
    length = 6 * (_LONGEST / 6) ** nearness * ratio(batch, 0.5, 1.5, generator, shape)
    width = 0.5 * 6 ** nearness * ratio(batch, 0.6, 1.4, generator, shape)
    weights = uniform(batch, 0, 1, generator, shape) ** 2
    weights = weights * (weights >= uniform(batch, 0, 1, generator) * weights.amax(1, True))
    cover = cover * weights / weights.sum(1, keepdim=True)  # B x L x 1 x 1
    # A near drop passes a pixel in less of the exposure, and out of focus.
    opacity = ratio(batch, 0.12, 0.9, generator, shape) * (1 - 0.4 * nearness) / power
    # Drops that fill more than a third of the picture would run together: make them stronger.
    opacity = opacity.maximum(cover / 0.3).clamp(max=0.9)
    # Angles of up to 0.6 rad, calm more often than storm.
    wind = 0.6 * uniform(batch, -1, 1, generator) * uniform(batch, 0, 1, generator).sqrt()
    tilt = torch.tan(wind + uniform(batch, -0.06, 0.06, generator, shape))
    spread = uniform(batch, -0.2, 0.2, generator).expand_as(tilt)
    return _Layers(length.clamp(5, _LONGEST), width.clamp(0.5, 3), opacity, cover,
                   uniform(batch, 1, 2, generator, shape), tilt, spread)


def _streaks(size: tuple[int, int], layers: _Layers, generator: torch.Generator) -> Tensor:
    """Opacity of all layers together, B x 1 x H x W."""
    batch, (height, width) = len(layers.cover), size
    count = batch * _LAYERS
    length, broad, opacity, cover, hardness, tilt, spread = (
        getattr(layers, name).reshape(count, 1, 1) for name in _Layers.__dataclass_fields__)
    # Drops start anywhere on an upright canvas; each falls over its column's share of the length.
    canvas = (height + _LONGEST, width)
    own = (length * uniform(count, 0.5, 1, generator, (1, width))).clamp(min=4)  # N x 1 x W
    chosen = uniform(count, 0, 1, generator, canvas)
    # A column is never narrower than a pixel: a thinner drop is a fainter one.
    column = broad.clamp(min=1)
    thin = (broad / column)
    mean = 0.5 * (1 + _FAINTEST)
    density = cover / (opacity * thin * mean * own)
    starts = torch.where(chosen < density, 1 - (1 - _FAINTEST) * chosen / density, 0)
    fallen = starts.cumsum(1)  # N x H' x W
    rows = torch.arange(_LONGEST, canvas[0], device=chosen.device).view(1, -1, 1)
    before = (rows - own.round().long()).expand(count, height, width)
    drops = (fallen[:, _LONGEST:] - fallen.gather(1, before)).clamp(0, 1)[:, None]
    # The wind shears the canvas; its columns are as broad as the drops.
    down, across = place(size, chosen.device)
    lean = tilt + spread * (across - 0.5)
    columns = (across * width - lean * down * height) / column
    drops = sample(drops, columns, (down * height - 0.5).expand_as(columns))
    alpha = (drops * hardness[:, None]).clamp(max=1) * (opacity * thin)[:, None]
    alpha = alpha.view(batch, _LAYERS, height, width)
    return 1 - (1 - alpha).prod(1, keepdim=True)
