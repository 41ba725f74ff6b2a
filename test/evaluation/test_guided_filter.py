# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The guided filter where its result is known."""

import numpy as np
from scipy.ndimage import uniform_filter

from degfuse_ros.evaluation.guided_filter import guided_filter


def test_an_image_that_is_linear_in_the_guide_passes() -> None:
    guide = np.random.default_rng(0).random((50, 60)).astype(np.float32)
    image = 0.5 * guide + 0.2
    assert np.abs(guided_filter(guide, image, 4, 1e-6) - image).max() < 1e-3


def test_a_flat_guide_makes_it_a_mean_of_means() -> None:
    image = np.random.default_rng(1).random((50, 60)).astype(np.float32)
    expected = uniform_filter(uniform_filter(image.astype(float), 7), 7)
    found = guided_filter(np.full_like(image, 0.3), image, 3, 1e-3)
    assert np.abs(found - expected)[8:-8, 8:-8].max() < 1e-3


def test_a_step_that_the_guide_has_stays_and_another_is_smoothed() -> None:
    guide = np.zeros((60, 60), np.float32)
    guide[:, 30:] = 1
    with_edge = guided_filter(guide, guide * 0.8, 8, 1e-3)
    across = guided_filter(guide.T.copy(), guide * 0.8, 8, 1e-3)
    assert with_edge[30, 30] - with_edge[30, 29] > 0.75
    assert across[10, 30] - across[10, 29] < 0.1
