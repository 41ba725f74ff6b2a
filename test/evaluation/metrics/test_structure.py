# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""SSIM, SCD and PSNR: closed forms, limits, and torchmetrics as the other opinion."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from degfuse_ros.evaluation.metrics import psnr
from degfuse_ros.evaluation.metrics.structure import (
    correlations_of_differences,
    structural_similarity,
)

GENERATOR = np.random.default_rng(5)
IMAGES = torch.from_numpy(GENERATOR.integers(0, 256, (3, 50, 60)).astype(np.uint8))


def flat(level: int) -> torch.Tensor:
    """Return a flat image."""
    return torch.full((50, 60), level, dtype=torch.uint8)


def test_similarity_to_itself_is_one() -> None:
    assert structural_similarity(IMAGES[:1], IMAGES[:1]).item() == pytest.approx(1)


def test_similarity_of_flat_images_is_that_of_their_means() -> None:
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 50 + constant) / (100 ** 2 + 50 ** 2 + constant)
    assert structural_similarity(flat(100)[None], flat(50)[None]).item() == \
        pytest.approx(expected)


def test_similarity_of_a_negative_is_below_zero() -> None:
    assert structural_similarity(IMAGES[:1], 255 - IMAGES[:1]).item() < -0.5


def test_similarity_agrees_with_torchmetrics_away_from_the_border() -> None:
    sources, fused = IMAGES[:2], IMAGES[2:]
    theirs = []
    for source in sources:
        _, similarity = structural_similarity_index_measure(
            fused[None].double(), source[None, None].double(), data_range=255.0,
            return_full_image=True)
        theirs.append(similarity[..., 5:-5, 5:-5].mean().item())
    assert structural_similarity(sources, fused).item() == pytest.approx(sum(theirs) / 2, rel=1e-9)


def test_a_fusion_that_adds_the_sources_correlates_fully() -> None:
    visible, thermal = IMAGES[0] // 2, IMAGES[1] // 2
    fused = torch.stack((visible + thermal, visible, flat(7)))
    scores = correlations_of_differences(torch.stack((visible, thermal)), fused).tolist()
    assert scores[0] == pytest.approx(2)
    # The visible image itself: nothing is left to correlate with the thermal one.
    difference = visible.double() - thermal.double()
    own = np.corrcoef(difference.flatten(), visible.flatten())[0, 1]
    assert scores[1] == pytest.approx(own)
    across = np.corrcoef(visible.flatten(), thermal.flatten())[0, 1]
    assert scores[2] == pytest.approx(-2 * across)


def test_flat_images_correlate_with_nothing() -> None:
    sources = torch.stack((flat(10), flat(200)))
    assert correlations_of_differences(sources, IMAGES).tolist() == [0, 0, 0]


def test_psnr() -> None:
    black, grey = np.zeros((50, 60), np.uint8), np.full((50, 60, 3), 51, np.uint8)
    assert psnr(grey, black) == pytest.approx(20 * math.log10(5), abs=1e-5)
    assert psnr(grey, grey) == 100


def test_psnr_of_two_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match=r'same height and width. Got \(50, 60\) and \(50, 61\)'):
        psnr(np.zeros((50, 60), np.uint8), np.zeros((50, 61), np.uint8))
