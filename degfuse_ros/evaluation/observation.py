# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a model said about one pair: its degradation and its routing, beside what is true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.engine import Degradation


@dataclass(frozen=True)
class Observation:
    """One model's answer for one pair, as it is or degraded by us.

    Attributes:
        model: the model's name.
        pair: the pair's name.
        group: the set that the pair belongs to.
        case: name of the benchmark's degradation; '' for the pair as it is.
        condition: for a pair as it is its class or 'unknown', otherwise the case's kind.
        labels: classes that are right answers: one, both of a combination, or none if not known.
        severity: true severity, 0 to 1, of each degradation that is present (those not named are
            absent); None where it is not known, which is so for all real images.
        degradation: class, scores and severities found by the model.
        routing: L x M float32, gate weight of each layer's experts; rows sum to 1.
    """

    model: str
    pair: str
    group: str
    case: str
    condition: str
    labels: tuple[str, ...]
    severity: dict[str, float] | None
    degradation: Degradation
    routing: NDArray[np.float32]

    @property
    def truth(self) -> str:
        """The class to compare the found one with: among several right answers, the one found."""
        found = self.degradation.label
        return found if found in self.labels else self.labels[0]

    @property
    def right(self) -> bool:
        """Whether the found class is a right answer."""
        return self.degradation.label in self.labels


def controlled(observations: Iterable[Observation]) -> list[Observation]:
    """Choose the pairs degraded in one way and their undegraded originals of class clean.

    All classes then show the same scenes, so that only the degradation differs. A clean pair of
    which there is no degraded copy is left out.
    """
    everything = list(observations)
    copies = [each for each in everything if each.case and len(each.labels) == 1]
    degraded = {(each.group, each.pair) for each in copies}
    return copies + [each for each in everything if not each.case and each.labels == ('clean',)
                     and (each.group, each.pair) in degraded]
