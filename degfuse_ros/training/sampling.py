# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the samplers of both stages share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from degfuse_ros.training.dataset import Pair

MOST_FLAWED = 0.5
"""Strongest flaws of the camera itself: a picture with these is still called clean."""


def half_zero(count: int, most: float, generator: torch.Generator) -> Tensor:
    """Draw B numbers on the CPU: half of them 0, the others even up to `most`."""
    return most * (2 * torch.rand(count, generator=generator) - 1).clamp(min=0)


def content(pairs: Sequence[Pair]) -> str:
    """Return a hash of which pairs there are and of what size and brightness."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(f'{pair.name}|{pair.condition}|{tuple(pair.visible.shape)}|'.encode())
        digest.update(f'{int(pair.visible.sum())}|{int(pair.thermal.sum())}|'.encode())
    return digest.hexdigest()[:16]
