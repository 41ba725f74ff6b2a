# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Averages that nobody is fooled by: a row says so if it stands for fewer images than others."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

IMAGES = 'images'
"""Key of the number of images behind a row of means."""

Rows = Mapping[str, Mapping[str, float]]


def mean_over_cases(by_case: Mapping[str, Rows]) -> dict[str, dict[str, float]]:
    """Average each method's metrics over all cases.

    A method that lacks a case has no such mean: the cases differ in how hard they are.

    Args:
        by_case: {case: {method: {metric: mean}}}; 'images' are added up.

    Returns:
        {method: {metric: mean}}.
    """
    result = {}
    for method in dict.fromkeys(name for rows in by_case.values() for name in rows):
        if all(method in rows for rows in by_case.values()):
            own = [rows[method] for rows in by_case.values()]
            result[method] = {metric: fmean(row[metric] for row in own) for metric in own[0]
                              if all(metric in row for row in own)}
            if IMAGES in own[0]:
                result[method][IMAGES] = sum(row[IMAGES] for row in own)
    return result


def lacking_cases(by_case: Mapping[str, Rows]) -> dict[str, list[str]]:
    """Name the cases that a method has nothing for, if it has something for others."""
    methods = dict.fromkeys(name for rows in by_case.values() for name in rows)
    lacking = {method: [case for case, rows in by_case.items() if method not in rows]
               for method in methods}
    return {method: cases for method, cases in lacking.items() if cases}


def without_even_counts(rows: Rows) -> dict[str, dict[str, float]]:
    """Drop the number of images where it is the same in all rows and says nothing."""
    if len({row.get(IMAGES) for row in rows.values()}) > 1:
        return {method: dict(row) for method, row in rows.items()}
    return {method: {metric: value for metric, value in row.items() if metric != IMAGES}
            for method, row in rows.items()}
