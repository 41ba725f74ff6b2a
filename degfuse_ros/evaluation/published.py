# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Rivals' figures that ship with the package, printed where they are known to compare."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib import resources

from degfuse_ros.evaluation.method import THERMAL, VISIBLE

TABLE = 'published.csv'
"""The shipped file; its head says who measured it, with what, on what."""

_TOLERANCE = 1e-3  # relative: the accuracy to which two implementations of the metrics agree

Scores = Mapping[str, Mapping[str, float]]


def published_scores(quality: Mapping[str, Scores]) -> dict[str, dict[str, dict[str, float]]]:
    """Return the rivals' scores for those groups that were measured on the very same pairs.

    Whether it is so is seen from the figures: the rows of the two cameras alone must come out as
    they did then. On other pairs, another number of them, or other conventions, they cannot.

    Args:
        quality: means by group and method, as measured now.

    Returns:
        {group: {rival: {metric: value}}}, without groups that do not compare.
    """
    shipped = _read()
    return {group: {name: values for name, (kind, values) in shipped[group].items()
                    if kind == 'network'}
            for group, rows in quality.items()
            if group in shipped and _same_pairs(rows, shipped[group])}


def _read() -> dict[str, dict[str, tuple[str, dict[str, float]]]]:
    """Read the shipped table: {group: {method: (kind, {metric: value})}}."""
    text = (resources.files('degfuse_ros.evaluation') / TABLE).read_text(encoding='utf-8')
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    result: dict[str, dict[str, tuple[str, dict[str, float]]]] = {}
    for row in csv.DictReader(lines):
        group, method, kind = row.pop('set'), row.pop('method'), row.pop('kind')
        row.pop('pairs')
        values = {metric: float(value) for metric, value in row.items()}
        result.setdefault(group, {})[method] = (kind, values)
    return result


def _same_pairs(now: Scores, then: Mapping[str, tuple[str, Mapping[str, float]]]) -> bool:
    return all(name in now and abs(now[name][metric] - value) <= _TOLERANCE * max(abs(value), 0.1)
               for name in (VISIBLE, THERMAL) for metric, value in then[name][1].items())
