# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the engine returns for one pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pair(NamedTuple):
    """What is fused into one image.

    Attributes:
        visible: H x W x 3 uint8, RGB.
        thermal: H x W uint8, warm is bright.
        coverage: H x W float32 in [0, 1]: where the thermal image is valid. At 0 the result is
            the restored visible image alone, between it is blended. None: valid everywhere.
    """

    visible: NDArray[np.uint8]
    thermal: NDArray[np.uint8]
    coverage: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Degradation:
    """The scene's degradation as the guidance network sees it.

    Attributes:
        label: class with the highest score; with a `guidance_period` above 1 the last frame's,
            until another leads it clearly.
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
        image: H x W x 3 uint8, RGB; stays as it is whatever is fused later. On CUDA it is a view
            of page-locked memory, which all images of one batch keep alive and whose size is
            rounded up to a power of two: who collects many images had better keep copies.
        degradation: class, scores and severities.
        routing: layers x experts float32; rows sum to 1 and have two non-zero entries.
    """

    image: NDArray[np.uint8]
    degradation: Degradation
    routing: NDArray[np.float32]


class Answer(NamedTuple):
    """One pair's result as the network gives it, on the host.

    Attributes:
        image: H x W x 3 uint8, RGB.
        scores: 5 probabilities.
        severity: 4 numbers in [0, 1].
        routing: layers x experts float32.
    """

    image: NDArray[np.uint8]
    scores: list[float]
    severity: list[float]
    routing: NDArray[np.float32]
