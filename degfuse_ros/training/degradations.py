# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic degradations of clean pairs, in batches, each with a severity in [0, 1].

Every function returns its input where the severity is 0. Images are B x C x H x W float in [0, 1],
visible ones RGB; severity is B. Random numbers come from the given generator, so a seed repeats a
batch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

GAMMA = 2.2  # display gamma of sRGB, as one power


def _uniform(like: Tensor, low: float, high: float, generator: torch.Generator,
             shape: tuple[int, ...] = (1, 1, 1)) -> Tensor:
    """Draw B x *shape numbers from [low, high)."""
    size = (len(like), *shape)
    return low + (high - low) * torch.rand(size, generator=generator, device=like.device)


def _smooth_noise(image: Tensor, cells: int, generator: torch.Generator) -> Tensor:
    """Noise in [0, 1) that varies over H / cells pixels, B x 1 x H x W."""
    coarse = _uniform(image, 0, 1, generator, (1, cells, cells))
    return functional.interpolate(coarse, image.shape[-2:], mode='bicubic').clamp(0, 1)


def _blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur by two separable passes with replicated borders."""
    radius = max(1, math.ceil(3 * sigma))
    offsets = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-offsets ** 2 / (2 * sigma ** 2))
    kernel = (kernel / kernel.sum()).expand(image.shape[1], 1, -1)
    padded = functional.pad(image, (radius,) * 4, mode='replicate')
    rows = functional.conv2d(padded, kernel.unsqueeze(2), groups=image.shape[1])
    return functional.conv2d(rows, kernel.unsqueeze(3), groups=image.shape[1])


def _blend(image: Tensor, changed: Tensor, severity: Tensor) -> Tensor:
    """Keep images of severity 0 bit for bit."""
    return torch.where(severity.view(-1, 1, 1, 1) > 0, changed.clamp(0, 1), image)


def fog(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Scattering with a road scene's depth: near at the bottom, far at a horizon, uneven banks."""
    height = image.shape[-2]
    rows = torch.linspace(0, 1, height, device=image.device).view(1, 1, -1, 1)
    horizon = _uniform(image, 0.2, 0.55, generator)
    # A flat road's depth grows as 1 / (row - horizon); above the horizon all is far.
    depth = (0.12 / (rows - horizon).clamp(min=0.12)).clamp(max=1.0)  # B x 1 x H x 1
    flat = (_uniform(image, 0, 1, generator) < 0.25).float()  # smoke and lens haze know no depth
    depth = flat * 0.6 + (1 - flat) * depth
    banks = 0.6 + 0.8 * _smooth_noise(image, 4, generator)
    # 3.5 optical depths hide all but 3 % of a far object: dense fog.
    thickness = 3.5 * severity.view(-1, 1, 1, 1) ** 1.2 * depth * banks
    tint = 1 + _uniform(image, -0.06, 0.06, generator, (3, 1, 1))
    airlight = (_uniform(image, 0.5, 0.95, generator) * tint).clamp(0, 1)
    transmission = torch.exp(-thickness)
    return _blend(image, image * transmission + airlight * (1 - transmission), severity)


def low_light(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Fewer photons: scaling in linear light, colour cast, shot and read noise, 8-bit rounding."""
    strength = severity.view(-1, 1, 1, 1)
    linear = image ** GAMMA
    # Severity 1 leaves 1.5 % of the light, a street at night after the camera has opened up.
    exposed = linear * torch.exp(-4.2 * strength)
    cast = 1 + strength * _uniform(image, -0.2, 0.2, generator, (3, 1, 1))
    pooled = exposed * cast
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    # Shot noise grows with the root of the signal; read noise is there in the dark as well.
    shot, read = _uniform(image, 0.0, 0.012, generator), _uniform(image, 0.0, 0.002, generator)
    noisy = pooled + noise * strength * (shot * pooled.sqrt() + read)
    dark = noisy.clamp(min=0) ** (1 / GAMMA)
    return _blend(image, (dark * 255).round() / 255, severity)


def overexposed(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Too much light: gain in linear light, clipping, and bloom round what clips."""
    strength = severity.view(-1, 1, 1, 1)
    gain = 1 + strength * _uniform(image, 2.0, 6.0, generator)
    linear = (image ** GAMMA) * gain
    spill = _blur((linear - 1).clamp(0, 2), 6.0) * strength * _uniform(image, 0, 0.6, generator)
    veil = strength * _uniform(image, 0, 0.12, generator)  # stray light in the lens lifts blacks
    bright = (linear + spill + veil).clamp(0, 1) ** (1 / GAMMA)
    return _blend(image, (bright * 255).round() / 255, severity)


def _streak_kernels(angle: Tensor, length: Tensor, size: int) -> Tensor:
    """Line kernels of given angles (radians from vertical) and lengths (pixels), B x 1 x S x S."""
    axis = torch.arange(size, device=angle.device) - size // 2
    down, right = torch.meshgrid(axis, axis, indexing='ij')
    angle, length = angle.view(-1, 1, 1), length.view(-1, 1, 1)
    along = down * torch.cos(angle) + right * torch.sin(angle)
    across = right * torch.cos(angle) - down * torch.sin(angle)
    line = (1 - across.abs()).clamp(min=0) * (along.abs() <= length / 2)
    return (line / line.amax((1, 2), keepdim=True)).unsqueeze(1)


def rain(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Bright motion-blurred streaks in a fine and a coarse layer over a light veil."""
    batch, _, height, width = image.shape
    strength = severity.view(-1, 1, 1, 1)
    wind = _uniform(image, -0.6, 0.6, generator, ())  # one wind per image, for both layers
    result = image
    # (longest streak in pixels, drops per pixel, opacity): far drizzle and near drops.
    for longest, density, opacity in ((13, 0.012, 0.5), (35, 0.003, 0.7)):
        drops = torch.rand((batch, 1, height, width), generator=generator, device=image.device)
        seeds = (drops < density * (0.4 + strength)).float()
        length = _uniform(image, 0.5, 1.0, generator, ()) * longest
        jitter = _uniform(image, -0.05, 0.05, generator, ())
        kernels = _streak_kernels(wind + jitter, length, longest)
        streaks = functional.conv2d(seeds.view(1, batch, height, width), kernels,
                                    padding=longest // 2, groups=batch).view_as(seeds)
        cover = streaks.clamp(0, 1) * opacity * (0.25 + 0.75 * strength)
        colour = _uniform(image, 0.65, 0.95, generator)  # a drop shows the sky, not the lamp
        result = result + cover * (colour - result)
    veil = 0.25 * strength * _uniform(image, 0.3, 1.0, generator)
    grey = result.mean((1, 2, 3), keepdim=True)
    return _blend(image, result + veil * (grey * 0.5 + 0.3 - result), severity)


def degrade_thermal(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Low contrast, column stripes and noise of an uncooled sensor, B x 1 x H x W."""
    strength = severity.view(-1, 1, 1, 1)
    mean = image.mean((2, 3), keepdim=True)
    faded = mean + (image - mean) * (1 - 0.6 * strength * _uniform(image, 0, 1, generator))
    stripes = torch.randn((len(image), 1, 1, image.shape[-1]), generator=generator,
                          device=image.device)
    grain = torch.randn(image.shape, generator=generator, device=image.device)
    noisy = faded + strength * (0.03 * stripes * _uniform(image, 0, 1, generator)
                                + 0.05 * grain * _uniform(image, 0, 1, generator))
    return _blend(image, noisy, severity)


def degrade_visible(image: Tensor, severity: Tensor, generator: torch.Generator) -> Tensor:
    """Apply all four degradations in the order in which light meets them.

    Args:
        image: B x 3 x H x W, RGB.
        severity: B x 4, columns fog, low_light, overexposed, rain.
        generator: on the image's device.
    """
    image = fog(image, severity[:, 0], generator)
    image = rain(image, severity[:, 3], generator)
    image = overexposed(image, severity[:, 2], generator)
    return low_light(image, severity[:, 1], generator)


def draw_severities(classes: Tensor, generator: torch.Generator, lowest: float = 0.2,
                    combined: float = 0.25) -> Tensor:
    """Draw severities, B x 4, in which each image's class is its worst degradation.

    Args:
        classes: B, index into `CLASSES`; 0 is clean.
        generator: on the same device.
        lowest: smallest severity of the worst degradation. Weaker ones cannot be told from clean.
        combined: share of degraded images for which a second, weaker degradation is drawn. The
            class itself and what excludes it may be drawn too and add nothing, so that five in
            eight of these images get one.
    """
    device, batch = classes.device, len(classes)
    worst = lowest + (1 - lowest) * torch.rand(batch, generator=generator, device=device)
    columns = torch.arange(4, device=device)
    severity = worst[:, None] * (classes[:, None] - 1 == columns)
    second = torch.randint(0, 4, (batch,), generator=generator, device=device)
    # Low light and overexposure exclude each other.
    clash = ((classes == 2) & (second == 2)) | ((classes == 3) & (second == 1))
    pick = torch.rand(batch, generator=generator, device=device) < combined
    weaker = 0.8 * worst * torch.rand(batch, generator=generator, device=device)
    add = (pick & ~clash & (classes > 0) & (second != classes - 1))[:, None]
    return torch.where(add & (second[:, None] == columns), weaker[:, None], severity)
