# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What all degradations draw and compute alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as functional
from torch import Tensor

GAMMA = 2.2  # display gamma of sRGB, as one power


def uniform(count: int, low: float, high: float, generator: torch.Generator,
            shape: tuple[int, ...] = (1, 1, 1)) -> Tensor:
    """Draw count x *shape numbers evenly from [low, high) on the generator's device."""
    empty = torch.empty((count, *shape), device=generator.device)
    return empty.uniform_(low, high, generator=generator)


def ratio(count: int, low: float, high: float, generator: torch.Generator,
          shape: tuple[int, ...] = (1, 1, 1)) -> Tensor:
    """Draw count x *shape numbers from [low, high) whose logarithms are even."""
    return torch.exp(uniform(count, math.log(low), math.log(high), generator, shape))


def chance(count: int, share: float, generator: torch.Generator,
           shape: tuple[int, ...] = (1, 1, 1)) -> Tensor:
    """Draw count x *shape truths, of which a share is True."""
    return uniform(count, 0, 1, generator, shape) < share


def smooth_noise(count: int, size: tuple[int, int], cells: int,
                 generator: torch.Generator) -> Tensor:
    """Noise in [0, 1] that varies over H / cells pixels, count x 1 x H x W."""
    coarse = uniform(count, 0, 1, generator, (1, cells, cells))
    return functional.interpolate(coarse, size, mode='bicubic', align_corners=False).clamp(0, 1)


def place(size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Coordinates of pixel centres from 0 to 1: rows H x 1 and columns W."""
    height, width = size
    rows = (torch.arange(height, device=device) + 0.5) / height
    return rows[:, None], (torch.arange(width, device=device) + 0.5) / width


def to_light(display: Tensor, toe: Tensor) -> Tensor:
    """Display values in [0, 1] to linear light.

    Args:
        display: B x C x H x W.
        toe: B x 1 x 1 x 1, True for sRGB's curve (IEC 61966-2-1), which is a line in the blacks,
            False for a pure power.
    """
    curve = ((display + 0.055) / 1.055) ** 2.4
    curve = torch.where(display <= 0.04045, display / 12.92, curve)
    return torch.where(toe, curve, display ** GAMMA)


def to_display(light: Tensor, toe: Tensor) -> Tensor:
    """Linear light to display values: the inverse of `to_light`, cut to [0, 1]."""
    light = light.clamp(0, 1)
    curve = torch.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return torch.where(toe, curve, light ** (1 / GAMMA))


def constant(values: object, device: torch.device) -> Tensor:
    """Bring numbers to the device without waiting for it, as torch.tensor(device=) would."""
    return torch.as_tensor(values).to(device, non_blocking=True)


def thumbnail(image: Tensor, factor: int) -> Tensor:
    """Means over about factor x factor pixels: what varies slowly is cheap to compute there."""
    size = [max(2, side // factor) for side in image.shape[-2:]]
    return functional.interpolate(image, size, mode='area')


def enlarge(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring a thumbnail back to H x W."""
    return functional.interpolate(image, size, mode='bilinear', align_corners=False)


def blur(image: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Gaussian blur by two passes of 2 radius + 1 taps with replicated borders.

    Args:
        image: B x C x H x W.
        sigma: pixels, B x 1 x 1 x 1; 0 leaves the image nearly as it is.
        radius: pixels; twice the largest sigma and up.
    """
    batch, channels, height, width = image.shape
    offsets = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-offsets ** 2 / (2 * sigma.view(-1, 1).clamp(min=0.1) ** 2))
    kernel = kernel / kernel.sum(1, keepdim=True)  # B x T
    kernel = kernel.repeat_interleave(channels, 0)[:, None, :, None]  # BC x 1 x T x 1
    planes = image.reshape(1, batch * channels, height, width)
    planes = functional.pad(planes, (radius,) * 4, mode='replicate')
    planes = functional.conv2d(planes, kernel, groups=batch * channels)
    planes = functional.conv2d(planes, kernel.transpose(2, 3), groups=batch * channels)
    return planes.view_as(image)


def sample(image: Tensor, columns: Tensor, rows: Tensor, mode: str = 'bilinear') -> Tensor:
    """Read an image at pixel coordinates, B x H x W each; borders are mirrored."""
    height, width = image.shape[-2:]
    grid = torch.stack(((2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1), -1)
    return functional.grid_sample(image, grid, mode=mode, padding_mode='reflection',
                                  align_corners=False)


def change_where(image: Tensor, severity: Tensor,
                 change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Change the images whose severity is above 0 and keep the others bit for bit.

    Args:
        image: B x C x H x W.
        severity: B on the CPU: the device is not waited for.
        change: from N x C x H x W and severity N x 1 x 1 x 1 to N x C x H x W, cut to [0, 1] here.
    """
    rows = severity.nonzero()[:, 0]
    if not len(rows):
        return image
    strength = severity[rows].to(image, non_blocking=True).view(-1, 1, 1, 1)
    if len(rows) == len(image):
        return change(image, strength).clamp(0, 1)
    rows = rows.to(image.device, non_blocking=True)
    return image.index_copy(0, rows, change(image[rows], strength).clamp(0, 1))
