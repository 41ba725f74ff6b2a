# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Losses of equations 16 to 21 against cases that a person can compute, and NumPy."""

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from degfuse_ros.network import losses

EXPERTS = 8


def grey(*values: float) -> Tensor:
    """A 1 x 1 x 1 x N image."""
    return torch.tensor(values).view(1, 1, 1, -1)


def ramp(slope: float) -> Tensor:
    """1 x 1 x 8 x 8 image that rises to the right."""
    return 0.5 + slope * (torch.arange(8.0) - 3.5).expand(1, 1, 8, 8)


def test_brightness_target_of_a_hand_computed_case():
    visible, thermal = grey(0.2, 0.4, 0.6), grey(0.6, 0.3, 0.0)
    # Maximum 0.6, 0.4, 0.6; heat 0.3, 0, -0.3, of which 1.2: the sum is 0.56, 0.4, 0.24.
    half = np.array([0.58, 0.4, 0.42])
    expected = half.mean() + 1.06 * (half - half.mean())
    found = losses.brightness_target(visible, thermal)
    np.testing.assert_allclose(found.flatten(), expected, atol=1e-6)
    assert losses.pixel_loss(found, visible, thermal).item() == 0
    assert losses.pixel_loss(found + 0.1, visible, thermal).item() == pytest.approx(0.1)


def test_brightness_target_stays_in_range_and_belongs_to_each_image_alone():
    torch.manual_seed(0)
    visible, thermal = torch.rand(2, 3, 1, 9, 8).round()  # extremes
    found = losses.brightness_target(visible, thermal)
    assert found.min() >= 0 and found.max() <= 1
    alone = losses.brightness_target(visible[1:2], thermal[1:2])
    torch.testing.assert_close(found[1:2], alone)


def test_gradient_loss_is_zero_for_the_stronger_source_a_little_steeper():
    strong, weak, fused = ramp(0.1), ramp(0.02), ramp(1.14 * 0.1)
    assert losses.gradient_loss(fused, strong, weak).item() == pytest.approx(0, abs=1e-6)
    assert losses.gradient_loss(fused, weak, strong).item() == pytest.approx(0, abs=1e-6)


def test_gradient_loss_keeps_the_sign_of_the_larger_magnitude():
    falling, rising, fused = ramp(-0.1), ramp(0.02), ramp(-1.14 * 0.1)
    assert losses.gradient_loss(fused, falling, rising).item() == pytest.approx(0, abs=1e-6)
    assert losses.gradient_loss(fused, rising, falling).item() == pytest.approx(0, abs=1e-6)
    # A plain maximum would be content with the weaker rise instead.
    assert losses.gradient_loss(rising, falling, rising).item() > 0.5


def test_gradient_loss_of_a_flat_image_is_the_mean_slope():
    # Sobel of a ramp is 8 times its slope; the two border columns see half of it.
    expected = 1.14 * 8 * 0.05 * (6 + 2 * 0.5) / 8
    found = losses.gradient_loss(ramp(0.0), ramp(-0.05), ramp(0.01))
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('weight', [1.0, 1.7])
def test_gradient_loss_equals_numpy_on_random_images(weight: float):
    random = np.random.default_rng(0)
    fused, visible, thermal = (random.random((12, 15)).astype(np.float32) for _ in range(3))
    own, seen, heat = (
        np.stack([cv2.Sobel(image, cv2.CV_32F, right, 1 - right, borderType=cv2.BORDER_REPLICATE)
                  for right in (1, 0)]) for image in (fused, visible, thermal))
    longer = weight * np.hypot(*seen) >= np.hypot(*heat)
    assert 0.2 < longer.mean() < 0.95
    expected = np.abs(own - 1.14 * np.where(longer, seen, heat)).mean((1, 2)).sum()
    images = torch.from_numpy(np.stack((fused, visible, thermal)))[:, None, None]
    found = losses.gradient_loss(images[0], images[1], images[2], weight)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_gradient_loss_takes_both_derivatives_from_one_source():
    across, down = ramp(0.05), ramp(0.02).mT  # edges at right angles
    fused = ramp(1.14 * 0.05)
    assert losses.gradient_loss(fused, across, down).item() == pytest.approx(0, abs=1e-6)
    # The maximum of each derivative by itself is a slope that neither source has.
    assert losses.gradient_loss(across + down - 0.5, across, down).item() > 0.1


def test_a_weight_per_image_decides_close_choices():
    seen, heat = ramp(0.08).expand(2, 1, 8, 8), ramp(-0.1).expand(2, 1, 8, 8)
    weight = torch.tensor([1.0, 1.5]).view(2, 1, 1, 1)
    fused = torch.cat((ramp(-1.14 * 0.1), ramp(1.14 * 0.08)))
    assert losses.gradient_loss(fused, seen, heat, weight).item() == pytest.approx(0, abs=1e-6)


def test_reconstruction_loss_adds_both_distances():
    zero, visible, thermal = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.3), grey(0.2, 0.2)
    found = losses.reconstruction_loss(zero, visible, torch.zeros_like(thermal), thermal)
    assert found.item() == pytest.approx(0.5)
    assert losses.reconstruction_loss(visible, visible, thermal, thermal).item() == 0


def test_squared_variation_is_zero_for_even_and_analytic_for_uneven_values():
    assert losses.squared_variation(torch.full((EXPERTS,), 3.0)).item() == 0
    # All on one of M: mean 1/M, mean square 1/M, so CV^2 = M - 1. Values 1 and 3: mean 2,
    # variance 1. The last axis alone counts.
    alone = torch.zeros(EXPERTS)
    alone[2] = 5
    assert losses.squared_variation(alone).item() == pytest.approx(EXPERTS - 1, rel=1e-5)
    rows = torch.tensor([[1.0, 3.0], [2.0, 2.0]])
    torch.testing.assert_close(losses.squared_variation(rows), torch.tensor([0.25, 0.0]))


def even(layers: int) -> tuple[Tensor, Tensor]:
    """Gates L x 4 x M and load L x M that use all experts alike."""
    return torch.full((layers, 4, EXPERTS), 1 / EXPERTS), torch.ones(layers, EXPERTS)


def test_load_loss_is_zero_for_even_load_and_sums_blocks():
    assert losses.load_loss(*even(2)).item() == pytest.approx(0, abs=1e-9)
    gates, load = even(3)
    for block in (0, 2):
        gates[block], load[block] = torch.eye(EXPERTS)[0], 4 * torch.eye(EXPERTS)[0]
    assert losses.load_loss(gates, load).item() == pytest.approx(
        2 * 2 * (EXPERTS - 1), rel=1e-5)


def test_load_loss_judges_importance_and_load_apart():
    gates, load = torch.full((1, 6, 2), 0.5), torch.tensor([[3.0, 3.0]])
    uneven_gates = torch.tensor([0.5, 1.5]).expand(1, 6, 2)  # mean 1, deviation 0.5
    assert losses.load_loss(gates, torch.tensor([[6.0, 0.0]])).item() == pytest.approx(1, rel=1e-5)
    assert losses.load_loss(uneven_gates, load).item() == pytest.approx(0.25, rel=1e-5)


def test_load_loss_sums_importance_over_the_batch():
    # Each image uses one expert, together they use all of them alike.
    found = losses.load_loss(torch.eye(EXPERTS)[None], torch.ones(1, EXPERTS))
    assert found.item() == pytest.approx(0, abs=1e-9)


def test_descending_the_load_loss_evens_the_gates():
    logits = torch.tensor([[[2.0, 0.0, -1.0, 0.5]]], requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        gates = logits.softmax(-1)
        losses.load_loss(gates, gates.sum(1)).backward()
        optimiser.step()
    torch.testing.assert_close(logits.softmax(-1), torch.full((1, 1, 4), 0.25), atol=0.01, rtol=0)


def entropy(distribution: np.ndarray) -> float:
    """Shannon entropy in nats."""
    positive = distribution[distribution > 0]
    return float(-(positive * np.log(positive)).sum())


@pytest.mark.parametrize('tasks', [2, 3])
def test_mutual_information_equals_the_entropies_of_the_joint_distribution(tasks: int):
    rows = np.random.default_rng(1).dirichlet(np.ones(EXPERTS), (tasks, 4, 5))  # T x L x B x M
    expected = 0.0
    for block in range(4):
        joint = rows[:, block].mean(1) / tasks  # p(t, e), tasks equally likely
        expected += entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint)
    found = losses.mutual_information_loss(torch.from_numpy(rows))
    assert found.item() == pytest.approx(-expected, abs=1e-6)


def test_mutual_information_is_zero_when_tasks_choose_alike():
    rows = torch.rand(3, 6, EXPERTS).softmax(-1)
    found = losses.mutual_information_loss(torch.stack((rows, rows.flip(1))))
    assert found.item() == pytest.approx(0, abs=1e-6)


def test_mutual_information_is_ln_2_per_block_when_tasks_share_no_expert():
    rows = torch.zeros(2, 3, 4, EXPERTS)
    rows[0, ..., :4], rows[1, ..., 4:] = 0.25, 0.25
    found = losses.mutual_information_loss(rows)
    assert found.item() == pytest.approx(-3 * math.log(2), rel=1e-5)


def test_mutual_information_loss_falls_as_tasks_part():
    push = torch.tensor([1.0, -1.0] * (EXPERTS // 2)).expand(1, 1, EXPERTS)
    found = [losses.mutual_information_loss(
        torch.stack((step * push, -step * push)).softmax(-1)).item()
        for step in (0.0, 0.3, 1.0, 3.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] > 0.5


def test_mutual_information_has_finite_gradients_at_one_hot_gates():
    one_hot = torch.eye(EXPERTS)[:2].view(2, 1, 1, EXPERTS).requires_grad_()
    losses.mutual_information_loss(one_hot).backward()
    assert one_hot.grad is not None and torch.isfinite(one_hot.grad).all()


def test_night_target_is_a_logarithmic_curve_of_the_asked_mean():
    torch.manual_seed(0)
    night = 0.15 * torch.rand(1, 3, 24, 24) ** 2
    night[..., :4, :4] = torch.tensor([0.8, 0.1, 0.1]).view(3, 1, 1)  # a lit red sign
    target = losses.night_target(night, level=0.25)
    mean = (target[0].permute(1, 2, 0).numpy() @ [0.299, 0.587, 0.114]).mean()
    assert mean == pytest.approx(0.25, abs=2e-3)
    # One k explains every pixel: ln(1 + k I) / ln(1 + k).
    found = np.interp(0.25, *_means_by_strength(night.numpy()))
    expected = np.log1p(found * night.numpy()) / np.log1p(found)
    weights = np.array([0.299, 0.587, 0.114]).reshape(3, 1, 1)
    light, grey = ((weights * image[0]).sum(0) for image in (night.numpy(), expected))
    # The darker, the less of the colour is believed: half of it at a luminance of 0.02.
    believed = grey + light / (light + 0.02) * (expected - grey)
    assert target.numpy() == pytest.approx(believed, abs=5e-3)
    assert target.max() < 1 and target[0, 0, 0, 0] > 1.5 * target[0, 1, 0, 0]  # still red


def _means_by_strength(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean luminance of the tone curve for a range of k, and that range."""
    strengths = np.geomspace(0.01, 60, 4000)
    weights = np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    means = [(weights * np.log1p(k * image) / np.log1p(k)).sum(1).mean() for k in strengths]
    return np.array(means), strengths


def test_night_target_stops_at_the_strongest_curve_and_leaves_bright_pictures_alone():
    black = torch.full((1, 3, 8, 8), 0.001)
    expected = np.log1p(60 * 0.001) / np.log1p(60)
    assert losses.night_target(black).numpy() == pytest.approx(expected, rel=1e-3)
    bright = torch.rand(1, 3, 8, 8) * 0.2 + 0.6
    torch.testing.assert_close(losses.night_target(bright), bright, atol=5e-3, rtol=0)


def test_coarse_takes_means_of_four_by_four_pixels():
    image = torch.rand(2, 3, 8, 9)
    found = losses.coarse(image)
    assert found.shape == (2, 3, 2, 3)
    assert found[1, 2, 1, 0].item() == pytest.approx(image[1, 2, 4:, :4].mean().item())
    # The last column is one pixel wide; what lies beyond it does not count.
    assert found[0, 0, 0, 2].item() == pytest.approx(image[0, 0, :4, 8].mean().item())


def test_colour_constancy_bears_any_exposure_but_no_tint():
    sodium = torch.rand(2, 3, 8, 8) * torch.tensor([0.9, 0.6, 0.2]).view(3, 1, 1)
    assert losses.colour_constancy_loss(0.5 * sodium, sodium).item() < 1e-4
    # Shares of the mean (r + g + b) / 3: from (1, 1, 1) to (1.5, 0.75, 0.75).
    grey, red = torch.full((1, 3, 4, 4), 0.4), torch.full((1, 3, 4, 4), 0.4)
    red[:, 0] = 0.8
    found = losses.colour_constancy_loss(red, grey).item()
    assert found == pytest.approx((0.5 ** 2 + 2 * 0.25 ** 2) / 3, rel=0.02)


def test_spatial_consistency_bears_a_shift_but_no_steeper_ramp():
    flat, rising = torch.full((1, 3, 16, 16), 0.3), torch.zeros(1, 3, 16, 16)
    rising += 0.01 * torch.arange(16.0)
    assert losses.spatial_consistency_loss(flat + 0.2, flat).item() == pytest.approx(0, abs=1e-12)
    # Neighbours 4 pixels apart differ by 0.04 where there was nothing.
    found = losses.spatial_consistency_loss(rising, flat).item()
    assert found == pytest.approx(0.04 ** 2, rel=1e-4)


def test_smoothness_loss_is_zero_for_flat_maps_and_the_slope_squared_for_a_ramp():
    assert losses.smoothness_loss(torch.full((2, 8, 5, 5), 0.3)).item() == 0
    rising = (0.1 * torch.arange(6.0)).expand(1, 8, 5, 6)
    assert losses.smoothness_loss(rising).item() == pytest.approx(0.01, rel=1e-5)
    both = rising + 0.2 * torch.arange(5.0).view(5, 1)
    assert losses.smoothness_loss(both).item() == pytest.approx(0.01 + 0.04, rel=1e-5)
