# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Entropy, mutual information and VIF: known histograms, joint histograms and limits."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import visual_information_fidelity

from degfuse_ros.evaluation.metrics.information import (
    entropy,
    mutual_information,
    visual_information,
)

GENERATOR = np.random.default_rng(3)
SMOOTH = torch.from_numpy(
    GENERATOR.integers(0, 256, (8, 10)).astype(np.uint8).repeat(8, 0).repeat(8, 1))  # 64 x 80
FLAT = torch.full_like(SMOOTH, 200)


def noisy(image: Tensor, spread: float) -> Tensor:
    """Return an image with Gaussian noise."""
    noise = np.random.default_rng(4).normal(0, spread, tuple(image.shape))
    return (image + torch.from_numpy(noise)).round().clamp(0, 255).to(torch.uint8)


def test_entropy_of_known_histograms() -> None:
    every_level = torch.arange(256, dtype=torch.uint8).view(16, 16)
    halves = torch.where(every_level < 128, 3, 250).to(torch.uint8)
    quarter = torch.where(every_level < 64, 3, 250).to(torch.uint8)
    flat = torch.full_like(halves, 9)
    expected = [8, 1, 2 - 0.75 * math.log2(3), 0]
    assert entropy(torch.stack((every_level, halves, quarter, flat))).tolist() == \
        pytest.approx(expected)


def test_entropy_does_not_see_the_order_of_pixels() -> None:
    order = GENERATOR.permutation(SMOOTH.numel())
    before, after = entropy(torch.stack((SMOOTH, SMOOTH.flatten()[order].view_as(SMOOTH))))
    assert before.item() == pytest.approx(after.item())


def test_mutual_information_of_a_known_joint_histogram() -> None:
    # Joint frequencies 1/2, 1/8, 1/8, 1/4 of (source, fused) = (0, 0), (0, 1), (1, 0), (1, 1).
    source = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1], dtype=torch.uint8).view(2, 4)
    fused = torch.tensor([0, 0, 0, 0, 1, 0, 1, 1], dtype=torch.uint8).view(2, 4)
    marginal = -(5 / 8 * math.log2(5 / 8) + 3 / 8 * math.log2(3 / 8))
    joint = 1 / 2 * 1 + 2 * 1 / 8 * 3 + 1 / 4 * 2
    one = 2 * marginal - joint
    sources = torch.stack((source, source))
    assert mutual_information(sources, fused[None]).tolist() == pytest.approx([2 * one])


def test_mutual_information_with_itself_is_entropy_and_with_nothing_is_zero() -> None:
    sources = torch.stack((SMOOTH, SMOOTH))
    same, nothing = mutual_information(sources, torch.stack((SMOOTH, FLAT))).tolist()
    assert same == pytest.approx(2 * entropy(SMOOTH[None]).item())
    assert nothing == pytest.approx(0, abs=1e-12)


def test_visual_information_of_itself_is_one_per_source() -> None:
    assert visual_information(torch.stack((SMOOTH, SMOOTH)), SMOOTH[None]).tolist() == \
        pytest.approx([2], abs=1e-6)


def test_visual_information_agrees_with_torchmetrics() -> None:
    fused = torch.stack((SMOOTH // 3, noisy(SMOOTH, 20), 255 - SMOOTH))
    # One by one: older versions average over the batch.
    theirs = [visual_information_fidelity(
        image[None, None].double(), SMOOTH[None, None].double()).item() for image in fused]
    assert visual_information(SMOOTH[None], fused).tolist() == pytest.approx(theirs, rel=1e-6)


def test_visual_information_falls_with_noise_and_rises_with_contrast() -> None:
    half = (SMOOTH // 2 + 50).to(torch.uint8)
    fused = torch.stack((SMOOTH, noisy(SMOOTH, 5), noisy(SMOOTH, 20), half, FLAT))
    same, little, much, pale, flat = visual_information(SMOOTH[None], fused).tolist()
    assert same > little > much > 0
    assert same > pale > 0
    assert flat == 0
    assert visual_information(half[None], SMOOTH[None]).item() > 1


def test_a_flat_source_adds_one() -> None:
    assert visual_information(FLAT[None], torch.stack((FLAT, SMOOTH))).tolist() == [1, 1]


def test_visual_information_does_not_depend_on_the_mean() -> None:
    dark = (SMOOTH // 4).to(torch.uint8)
    scores = visual_information(torch.stack((dark, SMOOTH)), torch.stack((dark, dark + 190)))
    assert scores[0].item() == pytest.approx(scores[1].item(), rel=1e-9)
