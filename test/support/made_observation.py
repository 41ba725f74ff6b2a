# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Observations without a model."""

import numpy as np

from degfuse_ros.engine import CLASSES, DEGRADATIONS, Degradation
from degfuse_ros.evaluation.observation import Observation


def observe(found: str, labels: tuple[str, ...] = (), *, case: str = '', pair: str = 'one',
            group: str = 'set', truth: dict[str, float] | None = None,
            severity: dict[str, float] | None = None,
            routing: list[list[float]] | None = None) -> Observation:
    """Make what a model would have said.

    Args:
        found: the class with the highest score.
        labels: right answers.
        case: name of the degradation.
        pair: the pair's name.
        group: its set.
        truth: true severities of the degradations that are present.
        severity: severities found, 0 where none is given.
        routing: gate weights, L x M.
    """
    scores = {name: 0.8 if name == found else 0.05 for name in CLASSES}
    severities = {name: (severity or {}).get(name, 0.0) for name in DEGRADATIONS}
    return Observation('made', pair, group, case, case or (labels or ('unknown',))[0], labels,
                       truth, Degradation(found, scores, severities),
                       np.array(routing or [[1.0]], np.float32))
