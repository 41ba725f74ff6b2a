# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which degradations an image gets, and how much of each."""

from __future__ import annotations

import torch
from torch import Tensor

# For each class but clean, three columns of severity of which one comes second. Low light and
# overexposure exclude each other; overexposed fog is a white sheet.
_SECOND = ((1, 1, 3), (0, 0, 3), (3, 3, 3), (0, 1, 2))


def single_severity(label: int, level: float) -> Tensor:
    """Return the severities, 1 x 4, of a picture of one class (0 is clean) and level."""
    severity = torch.zeros(1, len(_SECOND))
    if label:
        severity[0, label - 1] = level
    return severity


def draw_severities(classes: Tensor, generator: torch.Generator, lowest: float = 0.2,
                    combined: float = 0.25) -> Tensor:
    """Draw severities in which each image's class is its worst degradation.

    Args:
        classes: B on the CPU, index into `CLASSES`; 0 is clean.
        generator: on the CPU.
        lowest: smallest severity of the worst degradation. Weaker ones cannot be told from clean.
        combined: share of degraded images that get a second, weaker degradation.

    Returns:
        B x 4 on the CPU, columns as in `DEGRADATIONS`.
    """
    batch, columns = len(classes), torch.arange(4)
    worst = lowest + (1 - lowest) * torch.rand(batch, generator=generator)
    severity = worst[:, None] * (classes[:, None] - 1 == columns)
    pick = torch.randint(0, 3, (batch,), generator=generator)
    second = torch.tensor(_SECOND)[(classes - 1).clamp(min=0), pick]
    # Above 0.2 of the worst it is seen, up to 0.8 the worst still names the picture.
    weaker = worst * (0.2 + 0.6 * torch.rand(batch, generator=generator))
    add = (torch.rand(batch, generator=generator) < combined) & (classes > 0)
    return torch.where(add[:, None] & (second[:, None] == columns), weaker[:, None], severity)
