# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""How well a model names the degradation and tells how strong it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from degfuse_ros.engine import CLASSES, DEGRADATIONS
from degfuse_ros.evaluation.observation import Observation, controlled

SEEN = 0.25
"""Severity from which a degradation counts as seen: the mildest cases are just above it."""


def summarise(observations: Sequence[Observation]) -> dict[str, Any]:
    """Summarise one model's classes and severities.

    Args:
        observations: all of one model, in any order.

    Returns:
        A dict that is plain JSON; shares of no images at all are None:

        synthetic: for pairs degraded in one way and their clean originals: count, accuracy (0 to
            1; classes with more images weigh more), balanced (mean of per_class), per_class
            {class: share found}, classes (order of the confusion), confusion (row =
            truth, column = found, counts), and by degradation severity_error (mean absolute error
            where it is present, 0 to 1), severity_absent (mean severity found where there is
            none) and severity_order (Spearman's rank correlation of true and found severity where
            it is present; left out where the true one is always the same).
        combined: for pairs degraded in two ways: count, one_of_both (share whose class is one of
            the two), both_seen (share in which both have a severity of `SEEN` or more).
        real: {group: {count, accuracy, truth {class: images}, confusion}} for pairs as they are
            whose class is known; where several classes are right, the found one counts.
    """
    combined = [each for each in observations if each.case and len(each.labels) > 1]
    groups: dict[str, list[Observation]] = defaultdict(list)
    for each in observations:
        if not each.case and each.labels:
            groups[each.group].append(each)
    return {
        'synthetic': _synthetic(controlled(observations)),
        'combined': _combined(combined),
        'real': {group: _real(members) for group, members in groups.items()},
    }


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation, -1 to 1, equal values sharing their mean rank.

    0 where all values of one side are equal: such an answer orders nothing.
    """
    ranks = np.stack([_ranks(np.asarray(first)), _ranks(np.asarray(second))])
    ranks -= ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt((ranks ** 2).sum(axis=1).prod())
    return float(ranks[0] @ ranks[1] / scale) if scale > 0 else 0.0


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks from 1 on, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    return mean_ranks[inverse.ravel()]


def _share(holds: Sequence[bool]) -> float | None:
    return sum(holds) / len(holds) if holds else None


def _accuracy(observations: Sequence[Observation]) -> float | None:
    return _share([each.right for each in observations])


def _confusion(observations: Sequence[Observation]) -> list[list[int]]:
    """Count found classes (columns) per true class (rows), both in the order of CLASSES."""
    counts = Counter((each.truth, each.degradation.label) for each in observations)
    return [[counts[truth, found] for found in CLASSES] for truth in CLASSES]


def _real(observations: Sequence[Observation]) -> dict[str, Any]:
    truth = Counter(each.truth for each in observations)
    return {
        'count': len(observations),
        'accuracy': _accuracy(observations),
        'truth': {name: truth[name] for name in CLASSES if name in truth},
        'confusion': _confusion(observations),
    }


def _combined(observations: Sequence[Observation]) -> dict[str, Any]:
    seen = [all(each.degradation.severity[name] >= SEEN for name in each.labels)
            for each in observations]
    return {
        'count': len(observations),
        'one_of_both': _accuracy(observations),
        'both_seen': _share(seen),
    }


def _synthetic(observations: Sequence[Observation]) -> dict[str, Any]:
    confusion = _confusion(observations)
    per_class = {name: row[index] / sum(row)
                 for index, (name, row) in enumerate(zip(CLASSES, confusion)) if sum(row)}
    return {
        'count': len(observations),
        'accuracy': _accuracy(observations),
        'balanced': fmean(per_class.values()) if per_class else None,
        'per_class': per_class,
        'classes': list(CLASSES),
        'confusion': confusion,
        **_severities(observations),
    }


def _severities(observations: Sequence[Observation]) -> dict[str, dict[str, float]]:
    """Compare true and found severities, one degradation at a time."""
    error, absent, order = {}, {}, {}
    for name in DEGRADATIONS:
        # A clean original has no true severities given: all of them are 0.
        truth = np.array([(each.severity or {}).get(name, 0.0) for each in observations])
        found = np.array([each.degradation.severity[name] for each in observations])
        present = truth > 0
        if present.any():
            error[name] = float(np.abs(found - truth)[present].mean())
        if (~present).any():
            absent[name] = float(found[~present].mean())
        if len(set(truth[present])) > 1:
            order[name] = spearman(truth[present], found[present])
    return {'severity_error': error, 'severity_absent': absent, 'severity_order': order}
