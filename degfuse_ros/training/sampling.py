# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the samplers of both stages share."""

from __future__ import annotations

import torch
from torch import Tensor


def half_zero(count: int, most: float, generator: torch.Generator) -> Tensor:
    """Draw B numbers on the CPU: half of them 0, the others even up to `most`."""
    return most * (2 * torch.rand(count, generator=generator) - 1).clamp(min=0)
