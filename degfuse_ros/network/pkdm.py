# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""PKDM: enhancement from physical priors, before the network (method, section 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

CURVE_ITERATIONS = 8  # as published (equation 2)
TRANSMISSION_FLOOR = 0.1  # t0 of equation 1: at most ten times the haze-free contrast


def invert_scattering(image: Tensor, airlight: Tensor, transmission: Tensor,
                      floor: float = TRANSMISSION_FLOOR) -> Tensor:
    """Invert the atmospheric scattering model I = J t + A (1 - t) (equation 1).

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        airlight: B x 3 x 1 x 1, colour of the global atmospheric light in [0, 1].
        transmission: B x 1 x H x W, share of light that arrives.
        floor: t0, the smallest transmission divided by.

    Returns:
        J, B x 3 x H x W, not clipped.
    """
    return (image - airlight) / transmission.clamp(min=floor) + airlight


def apply_curves(image: Tensor, curves: Tensor) -> Tensor:
    """Apply I <- I + R_k (I^2 - I) once for each curve map (equation 2).

    Negative maps brighten and positive ones darken; 0 and 1 stay where they are.

    Args:
        image: B x 3 x H x W in [0, 1].
        curves: B x K x 1 x H x W in (-1, 1); all channels share a map, which keeps the hue.

    Returns:
        B x 3 x H x W in [0, 1].
    """
    for curve in curves.unbind(1):
        image = image + curve * (image * image - image)
    return image


def sharpen(thermal: Tensor, weight: Tensor) -> Tensor:
    """Add the weighted 3x3 Laplacian (equation 5).

    Args:
        thermal: B x 1 x H x W in [0, 1].
        weight: scalar, lambda of equation 5.

    Returns:
        B x 1 x H x W, not clipped.
    """
    # Centre positive: adding it raises an edge's bright side and lowers its dark one.
    padded = functional.pad(thermal, (1, 1, 1, 1), mode='replicate')
    around = (padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1]
              + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:])
    return thermal + weight * (4 * thermal - around)


def clear_haze(image: Tensor, depth: Tensor, airlight: Tensor) -> Tensor:
    """Invert the scattering model for an optical depth of lower resolution.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        depth: B x 1 x h x w, without an activation.
        airlight: B x 3.

    Returns:
        B x 3 x H x W, not clipped.
    """
    # Beer-Lambert: t = exp(-depth). The leak lets t exceed 1 by a hair, so that a pixel which
    # starts on the wrong side of depth 0 still receives a gradient.
    wide = functional.leaky_relu(_upsample(depth, image), 0.01)
    return invert_scattering(image, airlight[..., None, None], torch.exp(-wide))


def bend(image: Tensor, maps: Tensor) -> Tensor:
    """Apply curve maps of lower resolution.

    Args:
        image: B x 3 x H x W in [0, 1], outside which the curve is not monotone.
        maps: B x 8 x h x w in (-1, 1).

    Returns:
        B x 3 x H x W in [0, 1].
    """
    # Channel after channel in memory: a map that three channels share is twice as fast so.
    wide = _upsample(maps.contiguous(), image)
    return apply_curves(image.contiguous(), wide.unsqueeze(2))


def _zero(layer: nn.Conv2d | nn.Linear) -> nn.Conv2d | nn.Linear:
    """Start a last layer at zero, so that its stage starts as the identity."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _upsample(maps: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(maps, like.shape[-2:], mode='bilinear', align_corners=False)


def _convolve(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.LeakyReLU(0.1))


class _Context(nn.Module):
    """Small U-Net over a quarter-resolution image; sees the whole picture at its bottom."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide, widest = 2 * channels, 3 * channels
        self.fine = _convolve(3, channels)
        self.middle = _convolve(channels, wide, 2)
        self.coarse = _convolve(wide, widest, 2)
        # The picture's mean tells a dark picture from a dark region of a bright one, and haze
        # from a grey wall.
        self.whole = nn.Linear(widest, widest)
        self.bottom = _convolve(widest, wide)
        self.rise = _convolve(wide, channels)
        self.channels = channels

    def forward(self, small: Tensor) -> tuple[Tensor, Tensor]:
        """Return features, B x C x H/4 x W/4, and a summary of the picture, B x 3C."""
        fine = self.fine(small)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        summary = functional.leaky_relu(self.whole(coarse.mean((2, 3))), 0.1)
        deep = _upsample(self.bottom(coarse + summary[..., None, None]), middle) + middle
        return _upsample(self.rise(deep), fine) + fine, summary


class _Dehaze(nn.Module):
    """Predict airlight and transmission at quarter resolution, then invert scattering."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.context = _Context(channels)
        self.depth = _zero(nn.Conv2d(channels, 1, 3, padding=1))
        self.airlight = _zero(nn.Linear(3 * channels, 3))
        # sigmoid(1.4) = 0.8: a usual bright airlight
        nn.init.constant_(cast(Tensor, self.airlight.bias), 1.4)
        self.clear: Callable[[Tensor, Tensor, Tensor], Tensor] = clear_haze

    def forward(self, image: Tensor, small: Tensor) -> Tensor:
        features, summary = self.context(small)
        airlight = torch.sigmoid(self.airlight(summary))  # B x 3
        return self.clear(image, self.depth(features), airlight)


class _Curve(nn.Module):
    """Predict the eight curve maps from a quarter-resolution image and apply them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.context = _Context(channels)
        self.maps = _zero(nn.Conv2d(channels, CURVE_ITERATIONS, 3, padding=1))
        self.bend: Callable[[Tensor, Tensor], Tensor] = bend

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        image = image.clamp(0, 1)  # dehazing may leave this range
        features, _ = self.context(functional.avg_pool2d(image, 4, ceil_mode=True))
        maps = torch.tanh(self.maps(features))  # B x 8 x H/4 x W/4
        return self.bend(image, maps), maps


class _Derain(nn.Module):
    """Predict the rain-free background from 2x2 blocks (half resolution, nothing lost)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.PixelUnshuffle(2)]
        # Growing steps see a streak whole. Replicated borders leave no frame round the picture.
        for inputs, step in ((12, 1), (channels, 2), (channels, 4), (channels, 1)):
            layers += [nn.Conv2d(inputs, channels, 3, padding=step, dilation=step,
                                 padding_mode='replicate'), nn.LeakyReLU(0.1)]
        last = nn.Conv2d(channels, 12, 3, padding=1, padding_mode='replicate')
        self.body = nn.Sequential(*layers, _zero(last), nn.PixelShuffle(2))

    def forward(self, image: Tensor) -> Tensor:
        return image + self.body(image)


class PriorEnhancement(nn.Module):
    """Dehaze, low light and derain stages for the visible image; a Laplacian for the thermal one.

    Each visible stage is joined by I_out = I_in (1 + omega) + Enhance(I_in) (equation 4). Omega
    starts at -1 and every stage as the identity, so that the untrained chain returns its input.
    """

    # 215 k parameters together: a quarter of the engine's time on a CPU.
    def __init__(self, channels: int = 24, derain_channels: int = 32) -> None:
        super().__init__()
        self.dehaze = _Dehaze(channels)
        self.curve = _Curve(channels)
        self.derain = _Derain(derain_channels)
        self.omega = nn.Parameter(torch.full((3,), -1.0))
        self.laplacian_weight = nn.Parameter(torch.zeros(()))

    def visible(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Enhance the visible image.

        Args:
            image: B x 3 x H x W, RGB in [0, 1]; both sides even.

        Returns:
            The enhanced image, same shape, in [0, 1], and the curve maps B x 8 x H/4 x W/4 that
            the smoothness loss reads.
        """
        keep = 1 + self.omega
        small = functional.avg_pool2d(image, 4, ceil_mode=True)  # B x 3 x H/4 x W/4
        image = image * keep[0] + self.dehaze(image, small)
        curved, maps = self.curve(image)
        # The image first: the sum has its order in memory, which all that follows keeps.
        image = image * keep[1] + curved
        image = image * keep[2] + self.derain(image)
        return image.clamp(0, 1), maps  # clipped once, at the chain's end

    def brighten(self, image: Tensor) -> Tensor:
        """Apply the curve stage alone, B x 3 x H x W in [0, 1]: what night pictures train."""
        return self.curve(image)[0]

    def thermal(self, image: Tensor) -> Tensor:
        """Sharpen the thermal image, B x 1 x H x W, result in [0, 1] (equation 5)."""
        return sharpen(image, self.laplacian_weight).clamp(0, 1)
