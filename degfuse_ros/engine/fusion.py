# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the engine returns for one pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Degradation:
    """The scene's degradation as the guidance network sees it.

    Attributes:
        label: class with the highest score.
        scores: probability per class, sums to 1.
        severity: 0 (none) to 1 per degradation; independent of each other, since scenes combine
            them.
    """

    label: str
    scores: dict[str, float]
    severity: dict[str, float]


@dataclass(frozen=True)
class Fusion:
    """One fused pair.

    Attributes:
        image: H x W x 3 uint8, RGB.
        degradation: class, scores and severities.
        routing: layers x experts float32; rows sum to 1 and have two non-zero entries.
    """

    image: NDArray[np.uint8]
    degradation: Degradation
    routing: NDArray[np.float32]
