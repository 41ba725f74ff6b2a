# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A scene: one pair as the methods see it, with the truth that they are judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.engine import CLASSES, DEGRADATIONS
from degfuse_ros.evaluation.degradations import Case, degrade
from degfuse_ros.evaluation.pairs import EvaluationPair

CLEAN_CASE = 'clean'
"""Name of the undegraded originals in the benchmark: restoring too much shows there."""


@dataclass(frozen=True)
class Scene:
    """One pair, as it is or degraded by the benchmark.

    Attributes:
        pair: where it comes from.
        clean: H x W x 3 uint8 RGB, the visible image that results are compared with.
        visible: H x W x 3 uint8 RGB, the visible image that methods get.
        thermal: H x W uint8.
        case: the benchmark's degradation; None for a pair as it is.
    """

    pair: EvaluationPair
    clean: NDArray[np.uint8]
    visible: NDArray[np.uint8]
    thermal: NDArray[np.uint8]
    case: Case | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Right answers to the question what is wrong with it; () if nobody knows."""
        if self.case is not None:
            return self.case.labels
        return (self.pair.condition,) if self.pair.condition in CLASSES else ()

    @property
    def degradations(self) -> tuple[str, ...]:
        """What a restoration that is told the truth has to undo."""
        return tuple(label for label in self.labels if label in DEGRADATIONS)

    def degraded(self, case: Case, seed: int) -> Scene:
        """Return this scene in another weather.

        Args:
            case: degradation and level.
            seed: of the benchmark; the same seed gives the same picture.
        """
        changed = degrade(self.clean, case, self.pair.name, seed)
        return Scene(self.pair, self.clean, changed, self.thermal, case)
