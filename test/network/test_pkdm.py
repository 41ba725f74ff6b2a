# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""PKDM against the scattering model, a plain curve loop, SciPy's Laplacian and equation 4."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch import Tensor

from degfuse_ros.network.pkdm import (
    CURVE_ITERATIONS,
    TRANSMISSION_FLOOR,
    PriorEnhancement,
    apply_curves,
    invert_scattering,
    sharpen,
)

SIZES = [(32, 48), (34, 50), (16, 16)]  # the second is no multiple of the maps' factor 4


def haze(clear: np.ndarray, airlight: np.ndarray, transmission: np.ndarray) -> np.ndarray:
    """I = J t + A (1 - t), the forward direction that the code under test never computes."""
    return clear * transmission + airlight * (1 - transmission)


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clear images 2 x 3 x 12 x 20, their airlight and a transmission that falls with the row."""
    random = np.random.default_rng(seed)
    clear = random.random((2, 3, 12, 20))
    airlight = random.uniform(0.6, 1.0, (2, 3, 1, 1))
    far = np.linspace(0.0, 1.8, 12).reshape(1, 1, 12, 1)
    return clear, airlight, np.exp(-far * random.uniform(0.5, 1.0, (2, 1, 1, 20)))


def dehazed(hazy: np.ndarray, airlight: np.ndarray, transmission: np.ndarray,
            floor: float = TRANSMISSION_FLOOR) -> np.ndarray:
    """`invert_scattering` on NumPy arrays."""
    return invert_scattering(torch.from_numpy(hazy), torch.from_numpy(airlight),
                             torch.from_numpy(transmission), floor).numpy()


def perturbed(seed: int = 0, scale: float = 0.05) -> PriorEnhancement:
    """An enhancement chain whose every parameter has left its starting value."""
    torch.manual_seed(seed)
    chain = PriorEnhancement()
    with torch.no_grad():
        for parameter in chain.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return chain


def test_synthetic_haze_is_removed_exactly_above_the_floor():
    clear, airlight, transmission = scene()
    assert transmission.min() > TRANSMISSION_FLOOR
    hazy = haze(clear, airlight, transmission)
    np.testing.assert_allclose(dehazed(hazy, airlight, transmission), clear, atol=1e-12)


def test_below_the_floor_contrast_is_only_partly_restored():
    clear, airlight, _ = scene()
    thin = np.full((2, 1, 12, 20), 0.02)
    hazy = haze(clear, airlight, thin)
    # (J t + A (1 - t) - A) / t0 + A: a fifth of the contrast comes back.
    expected = airlight + (clear - airlight) * 0.2
    np.testing.assert_allclose(dehazed(hazy, airlight, thin, floor=0.1), expected, atol=1e-12)


def test_zero_transmission_stays_finite():
    grey = torch.full((1, 3, 4, 4), 0.7)
    found = invert_scattering(grey, torch.full((1, 3, 1, 1), 0.9), torch.zeros(1, 1, 4, 4))
    assert torch.isfinite(found).all()


def test_curves_equal_a_plain_loop():
    random = np.random.default_rng(1)
    image = random.random((2, 3, 5, 7))
    curves = random.uniform(-1, 1, (2, CURVE_ITERATIONS, 3, 5, 7))
    expected = image.copy()
    for index in np.ndindex(*image.shape):
        batch, channel, row, column = index
        value = image[index]
        for step in range(CURVE_ITERATIONS):
            value += curves[batch, step, channel, row, column] * (value ** 2 - value)
        expected[index] = value
    found = apply_curves(torch.from_numpy(image), torch.from_numpy(curves)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize('value, brighter', [(-0.6, True), (0.6, False)])
def test_negative_maps_brighten_and_positive_ones_darken(value: float, brighter: bool):
    image = torch.linspace(0.02, 0.98, 49).view(1, 1, 7, 7).expand(1, 3, 7, 7)
    curves = torch.full((1, CURVE_ITERATIONS, 3, 7, 7), value)
    found = apply_curves(image, curves)
    assert torch.all(found > image if brighter else found < image)
    order = found[0, 0].flatten()
    assert torch.all(order.diff() >= 0), 'a curve must keep the order of grey levels'


def test_curves_keep_black_and_white_and_stay_in_range():
    torch.manual_seed(2)
    curves = torch.rand(1, CURVE_ITERATIONS, 3, 6, 6) * 2 - 1
    black, white = torch.zeros(1, 3, 6, 6), torch.ones(1, 3, 6, 6)
    assert torch.equal(apply_curves(black, curves), black)
    assert torch.equal(apply_curves(white, curves), white)
    for extreme in (-1.0, 1.0):
        found = apply_curves(torch.rand(1, 3, 6, 6), torch.full_like(curves, extreme))
        assert found.min() >= 0 and found.max() <= 1


def test_laplacian_leaves_a_constant_image():
    flat = torch.full((1, 1, 9, 11), 0.37)
    torch.testing.assert_close(sharpen(flat, torch.tensor(0.8)), flat)


def test_laplacian_overshoots_a_step_by_weight_times_height():
    step = torch.full((1, 1, 6, 8), 0.3)
    step[..., 4:] = 0.6
    found = sharpen(step, torch.tensor(0.5))
    expected = step.clone()
    expected[..., 3] -= 0.5 * 0.3  # the dark side falls, the bright side rises
    expected[..., 4] += 0.5 * 0.3
    torch.testing.assert_close(found, expected)


def test_laplacian_equals_scipys():
    random = np.random.default_rng(3)
    image = random.random((9, 13))
    expected = image - 0.7 * scipy.ndimage.laplace(image, mode='nearest')
    found = sharpen(torch.from_numpy(image)[None, None], torch.tensor(0.7, dtype=torch.float64))
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize('height, width', SIZES)
def test_untrained_chain_returns_its_input(height: int, width: int):
    torch.manual_seed(4)
    chain = PriorEnhancement()
    visible, thermal = torch.rand(2, 3, height, width), torch.rand(2, 1, height, width)
    found, maps = chain.visible(visible)
    torch.testing.assert_close(found, visible, atol=1e-6, rtol=0)
    assert torch.equal(chain.thermal(thermal), thermal)
    assert maps.shape == (2, CURVE_ITERATIONS, -(-height // 4), -(-width // 4))
    assert not maps.any()


def test_residual_weights_follow_equation_4():
    chain = PriorEnhancement()
    omega = (-0.9, -1.2, -0.6)
    with torch.no_grad():
        chain.omega.copy_(torch.tensor(omega))
    image = np.random.default_rng(5).uniform(0, 0.7, (1, 3, 16, 16))
    expected = image
    for weight in omega:  # every untrained Enhance is the identity
        expected = expected * (1 + weight) + expected
    assert expected.max() < 1
    found, _ = chain.visible(torch.from_numpy(image).float())
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-6)


def test_zero_omega_doubles_three_times_and_is_clipped_once():
    chain = PriorEnhancement()
    with torch.no_grad():
        chain.omega.zero_()
    image = torch.linspace(0, 1, 256).view(1, 1, 16, 16).repeat(1, 3, 1, 1)
    found, _ = chain.visible(image)
    twice = 2 * image.numpy()
    expected = 2 * (twice + np.clip(twice, 0, 1))  # the curve alone needs its input in [0, 1]
    np.testing.assert_allclose(found.detach().numpy(), np.clip(expected, 0, 1), atol=1e-5)


def test_stages_run_in_the_methods_order_on_each_others_output():
    chain = perturbed()
    calls: list[tuple[str, Tensor, Tensor]] = []
    for name in ('dehaze', 'curve', 'derain'):
        def record(_module, inputs, output, name=name):
            calls.append((name, inputs[0], output[0] if isinstance(output, tuple) else output))
        chain.get_submodule(name).register_forward_hook(record)
    image = torch.rand(1, 3, 16, 24)
    found, _ = chain.visible(image)
    assert [name for name, _, _ in calls] == ['dehaze', 'curve', 'derain']
    current = image
    for weight, (_, given, enhanced) in zip(chain.omega, calls):
        torch.testing.assert_close(given, current)
        current = current * (1 + weight) + enhanced
    torch.testing.assert_close(found, current.clamp(0, 1))


def test_output_is_clipped_and_curve_maps_are_bounded():
    chain = perturbed(scale=2.0)
    visible, maps = chain.visible(torch.rand(1, 3, 32, 32))
    thermal = chain.thermal(torch.rand(1, 1, 32, 32))
    for image in (visible, thermal):
        assert image.min() >= 0 and image.max() <= 1
    assert visible.max() == 1 or visible.min() == 0, 'the weights were too mild to need clipping'
    assert maps.abs().max() <= 1


def test_haze_of_a_known_transmission_is_what_the_stage_inverts():
    chain = PriorEnhancement()
    biases = dict(chain.dehaze.named_parameters())
    with torch.no_grad():  # the last layers' biases alone: one depth and one airlight everywhere
        biases['depth.bias'].fill_(0.5)
        biases['airlight.bias'].copy_(torch.logit(torch.tensor([0.7, 0.8, 0.9])))
    clear = np.random.default_rng(6).random((1, 3, 16, 16))
    airlight = np.array([0.7, 0.8, 0.9]).reshape(1, 3, 1, 1)
    hazy = haze(clear, airlight, np.full((1, 1, 16, 16), np.exp(-0.5)))
    found, _ = chain.visible(torch.from_numpy(hazy).float())
    np.testing.assert_allclose(found.detach().numpy(), clear, atol=1e-5)


def constant_curves(chain: PriorEnhancement) -> list[float]:
    """Let the curve stage answer with the same eight values everywhere; return them."""
    values = [-0.7, 0.2, -0.4, -0.1, 0.5, -0.6, 0.3, -0.2]
    with torch.no_grad():
        dict(chain.curve.named_parameters())['maps.bias'].copy_(torch.atanh(torch.tensor(values)))
    return values


def test_the_curve_stage_applies_its_eight_maps_in_order():
    chain = PriorEnhancement()
    image = np.random.default_rng(8).random((1, 3, 20, 28))
    expected = image
    for value in constant_curves(chain):
        expected = expected + value * (expected ** 2 - expected)
    for found in (chain.brighten(torch.from_numpy(image).float()),
                  chain.visible(torch.from_numpy(image).float())[0]):
        np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5)


def test_the_curve_stage_keeps_grey_grey():
    chain = perturbed(scale=0.3)
    grey = torch.rand(1, 1, 24, 24).expand(1, 3, 24, 24)
    found = chain.brighten(grey)
    assert (found - grey).abs().max() > 0.01
    torch.testing.assert_close(found, found[:, :1].expand_as(found))


def test_gradients_reach_every_parameter_after_one_step():
    torch.manual_seed(7)
    chain = PriorEnhancement()
    optimiser = torch.optim.Adam(chain.parameters(), lr=1e-2)
    visible, thermal = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    for step in range(2):  # the zero last layers hide the earlier ones from the first step
        optimiser.zero_grad()
        loss = (chain.visible(visible)[0] - visible.flip(0)).square().mean()
        loss = loss + (chain.thermal(thermal) - thermal.flip(0)).square().mean()
        loss.backward()
        if step == 0:
            optimiser.step()
    silent = [name for name, parameter in chain.named_parameters()
              if parameter.grad is None or not parameter.grad.any()]
    assert silent == []
