# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Mean, extremes and percentiles of many numbers, in memory that does not grow."""
from __future__ import annotations

import math
from collections import Counter

# Steps per factor of ten: a percentile is right to 1.2 %.
_STEPS = 200


class Spread:
    """Numbers of any sign.

    Attributes:
        count: how many there were.
        smallest: of them; 0 for none.
        largest: of them; 0 for none.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.count = 0
        self.smallest = self.largest = self._sum = 0.0
        self._steps: Counter[tuple[int, int]] = Counter()

    def add(self, number: float) -> None:
        """Add a number."""
        self.smallest = min(self.smallest, number) if self.count else number
        self.largest = max(self.largest, number) if self.count else number
        self.count += 1
        self._sum += number
        sign = (number > 0) - (number < 0)
        # The size is counted from the middle of the line, so that steps sort like the numbers.
        self._steps[sign, sign * math.ceil(_STEPS * math.log10(abs(number))) if sign else 0] += 1

    @property
    def mean(self) -> float:
        """Of all numbers; 0 for none."""
        return self._sum / self.count if self.count else 0.0

    def percentile(self, share: float) -> float:
        """Return the number that a share of all does not exceed; 0 for none.

        Args:
            share: 0 to 1.
        """
        left = share * self.count
        for sign, step in sorted(self._steps):
            left -= self._steps[sign, step]
            if left <= 0:
                value = sign * 10 ** (sign * step / _STEPS)
                return min(max(value, self.smallest), self.largest)
        return self.largest
