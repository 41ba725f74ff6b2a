# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pictures to degrade in tests, and how."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Degrade = Callable[[Tensor, Tensor, torch.Generator], Tensor]

LEVELS = (0.1, 0.3, 0.6, 1.0)
BATCH = 12


def generator(seed: int = 5) -> torch.Generator:
    """Make a seeded generator on the CPU."""
    return torch.Generator().manual_seed(seed)


def pictures(channels: int = 3, seed: int = 0) -> Tensor:
    """BATCH x C x 48 x 64: blocks of random values from 0 to 1 with fine grain."""
    random = generator(seed)
    coarse = torch.rand(BATCH, channels, 6, 8, generator=random)
    grain = 0.05 * torch.randn(BATCH, channels, 48, 64, generator=random)
    return (coarse.repeat_interleave(8, 2).repeat_interleave(8, 3) + grain).clamp(0, 1)


def plain(value: float, channels: int = 3, batch: int = BATCH, side: int = 64) -> Tensor:
    """Pictures of one value, batch x C x side x side."""
    return torch.full((batch, channels, side, side), value)


def at(degrade: Degrade, severity: float, image: Tensor, seed: int = 5) -> Tensor:
    """Degrade a batch at one severity."""
    return degrade(image, torch.full((len(image),), severity), generator(seed))


def rises(values: list[float]) -> bool:
    """Tell whether each value is above the one before it."""
    return all(low < high for low, high in zip(values, values[1:]))


def falls(values: list[float]) -> bool:
    """Tell whether each value is below the one before it."""
    return rises(values[::-1])


def likeness(changed: Tensor, image: Tensor) -> float:
    """Return the mean PSNR of a batch in dB."""
    error = (changed - image).square().mean((1, 2, 3))
    return (-10 * error.clamp(min=1e-10).log10()).mean().item()
