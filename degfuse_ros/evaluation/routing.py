# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which experts a model uses in which condition, and whether the paper's claims about it hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.engine import CLASSES
from degfuse_ros.evaluation.observation import Observation, controlled
from degfuse_ros.evaluation.routing_claims import check_claims


def summarise(observations: Sequence[Observation], layers: Sequence[str],
              kernels: Sequence[str]) -> dict[str, Any]:
    """Summarise one model's routing.

    A condition is a class: the pairs degraded in this one way, or their clean originals. Where
    the run degraded nothing, it is the real pairs whose one class is known.

    Args:
        observations: all of one model, in any order; one or more.
        layers: name of each of the L rows of `Observation.routing`.
        kernels: shape of each of the M experts, such as '1x3'.

    Returns:
        A dict that is plain JSON: layers, experts (names, 'expert_0' first), kernels, conditions
        (C classes), images {condition: number}, heat {condition: L x M mean gate weights}, load
        (L x M, mean over conditions with equal weight), distance (C x C, `distance`), unused
        (share of the L M experts that no observation used), claims (`check_claims`).
    """
    chosen = controlled(observations) or [
        each for each in observations if not each.case and len(each.labels) == 1]
    members = {name: [each for each in chosen if each.labels == (name,)] for name in CLASSES}
    members = {name: listed for name, listed in members.items() if listed}
    heat = {name: _mean(listed) for name, listed in members.items()}
    load = np.mean(list(heat.values()), axis=0) if heat else _mean(observations)
    distances = [[distance(one, other) for other in heat.values()] for one in heat.values()]
    used = np.any([each.routing > 0 for each in observations], axis=0)
    return {
        'layers': list(layers),
        'experts': [f'expert_{index}' for index in range(len(kernels))],
        'kernels': list(kernels),
        'conditions': list(heat),
        'images': {name: len(listed) for name, listed in members.items()},
        'heat': {name: table.tolist() for name, table in heat.items()},
        'load': load.tolist(),
        'distance': distances,
        'unused': float(1 - used.mean()),
        'claims': check_claims(heat, kernels, distances, _spread_within(members)),
    }


def distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence of two routings in bits, mean over layers.

    0 where both use the experts in the same way, 1 where they share none.

    Args:
        first: L x M gate weights; rows sum to 1.
        second: the same of another condition.

    Source: Lin, Divergence measures based on the Shannon entropy (1991).
    """
    middle = (first + second) / 2
    mean = (_relative_entropy(first, middle) + _relative_entropy(second, middle)) / 2
    return float(mean.mean().clip(0, 1))  # rounding may leave -1e-17


def _relative_entropy(table: NDArray[np.float64],
                      reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of each row in bits; 0 log 0 is 0."""
    ratio = np.divide(table, reference, out=np.ones_like(table), where=table > 0)
    return (table * np.log2(ratio)).sum(axis=1)


def _mean(observations: Sequence[Observation]) -> NDArray[np.float64]:
    """L x M mean gate weights, rows scaled to sum to 1 (the gates are rounded to float32)."""
    total = np.sum([each.routing for each in observations], axis=0, dtype=np.float64)
    return total / total.sum(axis=1, keepdims=True)


def _spread_within(members: dict[str, list[Observation]]) -> list[float]:
    """Distance between two halves of a condition's scenes, for each with two scenes or more.

    It says how far apart two routings lie by the choice of scenes alone.
    """
    spread = []
    for listed in members.values():
        scenes = sorted({(each.group, each.pair) for each in listed})
        if len(scenes) > 1:
            even = set(scenes[::2])
            halves = [[each for each in listed if ((each.group, each.pair) in even) == wanted]
                      for wanted in (True, False)]
            spread.append(distance(_mean(halves[0]), _mean(halves[1])))
    return spread
