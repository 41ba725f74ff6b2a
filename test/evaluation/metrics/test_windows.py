# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Windows: known weights, and the same means as SciPy's correlation."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from degfuse_ros.evaluation.metrics.windows import gaussian, window_mean, window_statistics

LEVELS = np.random.default_rng(6).uniform(0, 255, (20, 31))


def test_weights() -> None:
    side = math.exp(-1 / (2 * 0.6 ** 2))
    assert gaussian(3, 0.6) == pytest.approx([side / (1 + 2 * side), 1 / (1 + 2 * side),
                                              side / (1 + 2 * side)])
    assert sum(gaussian(17, 3.4)) == pytest.approx(1)


@pytest.mark.parametrize('window', [gaussian(5, 1), [0.5, 0.3, 0.2], [1.0]])
def test_means_and_variances_agree_with_scipy(window: list[float]) -> None:
    square = np.outer(window, window)
    mean = correlate2d(LEVELS, square, 'valid')
    power = correlate2d(LEVELS ** 2, square, 'valid')
    levels = torch.from_numpy(np.stack((LEVELS, -LEVELS)))
    means, variances = window_statistics(levels, window)
    np.testing.assert_allclose(means, np.stack((mean, -mean)), rtol=1e-12)
    np.testing.assert_allclose(variances[0], power - mean ** 2, atol=1e-9)
    np.testing.assert_allclose(variances[1], variances[0])


def test_an_image_as_small_as_the_window_has_one_mean() -> None:
    assert window_mean(torch.full((3, 3), 4.0, dtype=torch.float64), gaussian(3, 1)).tolist() == \
        [[pytest.approx(4)]]
