# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Classes over time, in memory that does not grow with the bag."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

# Columns of the plot: more than its pixels show.
_BINS = 600
# Seconds; doubled as often as the bag asks for it.
_FIRST_WIDTH = 0.1


class ClassTimeline:
    """Mean scores of every class in a fixed number of spans of time."""

    def __init__(self) -> None:
        """Begin with no results; the first one tells which classes there are."""
        self._labels: dict[str, int] = {}
        self._width = _FIRST_WIDTH
        self._sums = np.zeros((_BINS, 0))
        self._counts = np.zeros(_BINS)

    @property
    def labels(self) -> dict[str, int]:
        """How often each class had the highest score."""
        return dict(self._labels)

    def add(self, seconds: float, scores: Mapping[str, float]) -> None:
        """Add a result.

        Args:
            seconds: since the beginning of the bag; below 0 counts as 0.
            scores: probability per class.
        """
        if not self._labels:
            self._labels = dict.fromkeys(sorted(scores), 0)
            self._sums = np.zeros((_BINS, len(scores)))
        while seconds >= _BINS * self._width:
            self._width *= 2
            self._sums = _halved(self._sums)
            self._counts = _halved(self._counts)
        place = int(max(seconds, 0.0) / self._width)
        self._sums[place] += [scores[name] for name in self._labels]
        self._counts[place] += 1
        self._labels[max(scores, key=lambda name: scores[name])] += 1

    def series(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the middles of the spans with results, N seconds, and mean scores N x classes."""
        there = self._counts > 0
        times = (np.flatnonzero(there) + 0.5) * self._width
        return times, self._sums[there] / self._counts[there, None]

    def plot(self, path: Path, title: str) -> None:
        """Write a picture: the share of each class over time.

        Args:
            path: of a PNG file.
            title: above the picture.

        Raises:
            OSError: it cannot be written.
        """
        from matplotlib.figure import Figure
        times, scores = self.series()
        figure = Figure((9, 3), layout='constrained')
        axes = figure.add_subplot()
        for name, line in zip(self._labels, scores.T):
            axes.plot(times, line, label=f'{name} ({self._labels[name]})', linewidth=1.2)
        axes.set(title=title, xlabel='seconds since the beginning of the bag',
                 ylabel='mean score', ylim=(-0.02, 1.02))
        if self._labels:
            axes.legend(loc='center left', bbox_to_anchor=(1.0, 0.5), frameon=False)
        figure.savefig(path, format='png', dpi=110)


def _halved(values: np.ndarray) -> np.ndarray:
    """Add up neighbours, and make room behind."""
    return np.concatenate([values[0::2] + values[1::2], np.zeros_like(values[::2])])
