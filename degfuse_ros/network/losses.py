# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Losses of equations 15 to 21 and the reference-free ones for real degraded images."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.network.image_math import luma, sobel


def pixel_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """L1 distance of the fused luminance to the brighter source (equation 16).

    Args:
        fused: B x 1 x H x W.
        visible: B x 1 x H x W, luminance of the clean original, or of PKDM's output where a real
            image has none.
        thermal: B x 1 x H x W, likewise.
    """
    return functional.l1_loss(fused, torch.maximum(visible, thermal))


def gradient_loss(fused: Tensor, visible: Tensor, thermal: Tensor) -> Tensor:
    """L1 distance to the stronger source gradient, its sign kept (equation 17); B x 1 x H x W."""
    loss = fused.new_zeros(())
    for own, seen, heat in zip(sobel(fused), sobel(visible), sobel(thermal)):
        loss = loss + functional.l1_loss(own, torch.where(seen.abs() >= heat.abs(), seen, heat))
    return loss


def reconstruction_loss(visible: Tensor, visible_target: Tensor,
                        thermal: Tensor, thermal_target: Tensor) -> Tensor:
    """L1 distances of the reconstructions, B x 3 x H x W and B x 1 x H x W (equation 18)."""
    return (functional.l1_loss(visible, visible_target)
            + functional.l1_loss(thermal, thermal_target))


def squared_variation(values: Tensor) -> Tensor:
    """CV squared, variance over squared mean, along the last axis; 0 for even values."""
    mean = values.mean(-1)
    return values.var(-1, unbiased=False) / (mean * mean + 1e-10)


def load_loss(gates: Tensor, load: Tensor) -> Tensor:
    """Sum over blocks of CV^2(importance) + CV^2(load) (equation 19).

    Args:
        gates: L x B x M gate weights.
        load: L x M smooth load.
    """
    return (squared_variation(gates.sum(1)) + squared_variation(load)).sum()


def mutual_information_loss(probabilities: Tensor) -> Tensor:
    """Sum over blocks of -I(E; T) in nats, tasks equally likely (equation 20).

    Args:
        probabilities: T x L x B x M gate probabilities of T tasks.

    Returns:
        Scalar between -L ln(T) and 0.
    """
    given_task = probabilities.mean(2)  # T x L x M
    overall = given_task.mean(0, keepdim=True)
    ratio = torch.log(given_task + 1e-10) - torch.log(overall + 1e-10)
    return -(given_task * ratio).sum() / len(probabilities)


def night_target(image: Tensor, level: float = 0.25, strongest: float = 60.0) -> Tensor:
    """Brighten night pictures by the logarithmic tone curve ln(1 + k I) / ln(1 + k).

    Each picture gets the k that brings its mean luminance to `level`, or `strongest`. Lamps and
    signs keep their shape and hue, which no target for the mean alone would ask for: saturating
    what is bright already is the cheapest way to a higher mean.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        level: mean luminance aimed at; a night that a person sees well and still knows as night.
        strongest: largest k; it multiplies the darkest grey levels by 15, and their noise too.
    """
    def curve(strength: Tensor) -> Tensor:
        strength = strength.view(-1, 1, 1, 1)
        return torch.log1p(strength * image) / torch.log1p(strength)

    low = image.new_full((len(image),), 1e-2)
    high = image.new_full((len(image),), strongest)
    for _ in range(16):  # bisection of ln k, exact to 2e-4
        middle = (low * high).sqrt()
        dark = luma(curve(middle)).mean((1, 2, 3)) < level
        low, high = torch.where(dark, middle, low), torch.where(dark, high, middle)
    return curve(high)


def exposure_loss(brightened: Tensor, original: Tensor) -> Tensor:
    """L1 distance of brightened night pictures to `night_target` of the originals.

    Zero-DCE (Guo et al. 2020, equation 5) pulls every 16-pixel patch to 0.6 instead. That flattens
    a night sky to grey.

    Args:
        brightened: B x 3 x H x W, RGB in [0, 1].
        original: B x 3 x H x W, RGB in [0, 1].
    """
    return functional.l1_loss(brightened, night_target(original))


def smoothness_loss(maps: Tensor) -> Tensor:
    """Squared total variation of the curve maps, B x 8 x h x w (Zero-DCE, equation 7)."""
    return maps.diff(dim=2).square().mean() + maps.diff(dim=3).square().mean()
