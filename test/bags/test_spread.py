# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Percentiles without keeping the numbers."""
import numpy as np
import pytest

from degfuse_ros.bags.spread import Spread


@pytest.mark.parametrize('numbers', [
    np.random.default_rng(0).lognormal(3, 1, 5000), np.random.default_rng(1).normal(0, 20, 5000),
    np.array([-3.0, 0.0, 0.0, 7.0]), np.array([5.0])])
def test_against_numpy(numbers: np.ndarray) -> None:
    spread = Spread()
    for number in numbers:
        spread.add(float(number))
    assert spread.count == len(numbers)
    assert spread.mean == pytest.approx(numbers.mean())
    assert (spread.smallest, spread.largest) == (numbers.min(), numbers.max())
    for share in (0.05, 0.5, 0.95, 1.0):
        expected = np.quantile(numbers, share, method='inverted_cdf')
        assert spread.percentile(share) == pytest.approx(expected, rel=0.012)


def test_none() -> None:
    assert (Spread().mean, Spread().percentile(0.5), Spread().largest) == (0, 0, 0)
