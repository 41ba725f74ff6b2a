# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""DGME: gates, load and mixture against brute force, Monte Carlo and plain loops."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dgme import ExpertMixture
from degfuse_ros.network.gate import Assignment, Gate, assign, assign_on_device

LAYERS, EXPERTS, ACTIVE, DIMENSION = 3, 8, 2, 12
KERNELS = ModelConfig().kernels


def gate(active: int = ACTIVE, spread: float = 1.0) -> Gate:
    """Gates with weights large enough that guidance matters, and uneven noise."""
    torch.manual_seed(0)
    made = Gate(LAYERS, DIMENSION, EXPERTS, active)
    with torch.no_grad():
        made.weight.normal_(0, 0.3)
        made.noise_weight.normal_(0, spread * 0.3)
    return made.double()


def guide(batch: int) -> torch.Tensor:
    """Random guidance vectors."""
    return torch.randn(batch, DIMENSION, dtype=torch.float64)


def product(guidance: torch.Tensor, weight: torch.Tensor) -> np.ndarray:
    """d_deg W for every layer, L x B x M, in NumPy."""
    return np.stack([guidance.numpy() @ each for each in weight.detach().numpy()])


def mixture(channels: int = 6) -> ExpertMixture:
    """Eight random experts, double precision so that sums may be compared closely."""
    torch.manual_seed(1)
    made = ExpertMixture(channels, 5, KERNELS).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.5)
    return made


def features(batch: int) -> torch.Tensor:
    """A random feature map."""
    return torch.randn(batch, 6, 9, 7, dtype=torch.float64)


def decide(batch: int) -> tuple[torch.Tensor, Assignment]:
    """One layer's gates, B x M, and its assignment."""
    decision = gate().eval()(guide(batch))
    return decision.gates[1], assign(decision, batch == 1)[1]


@pytest.mark.parametrize('training', [False, True])
def test_top_two_gates_sum_to_one_and_the_rest_are_zero(training: bool):
    decision = gate().train(training)(guide(50))
    assert decision.gates.shape == decision.probabilities.shape == (LAYERS, 50, EXPERTS)
    assert ((decision.gates > 0).sum(2) == ACTIVE).all()
    np.testing.assert_allclose(decision.gates.sum(2).detach(), 1, atol=1e-12)
    found = decision.gates.gather(2, decision.chosen)
    assert (found > 0).all(), 'chosen must name the experts whose gates are not zero'


def test_gates_follow_equation_9():
    guidance, made = guide(20), gate().eval()
    decision = made(guidance)
    logits = product(guidance, made.weight)
    for place in np.ndindex(LAYERS, 20):
        row = logits[place]
        best = sorted(range(EXPERTS), key=lambda index: -row[index])[:ACTIVE]
        expected = np.zeros(EXPERTS)
        expected[best] = softmax(row[best])
        np.testing.assert_allclose(decision.gates[place].detach(), expected, atol=1e-12)
    np.testing.assert_allclose(
        decision.probabilities.detach(), softmax(logits, axis=2), atol=1e-12)


def test_noise_is_drawn_in_training_only():
    guidance, made = guide(30), gate()
    made.eval()
    assert torch.equal(made(guidance).gates, made(guidance).gates)
    made.train()
    first, second = made(guidance), made(guidance)
    for layer in range(LAYERS):
        assert not torch.equal(first.chosen[layer], second.chosen[layer])
    assert torch.equal(first.probabilities, second.probabilities), 'they are free of noise'


def test_evaluation_ignores_the_noise_weight():
    guidance, made = guide(30), gate().eval()
    before = made(guidance).gates
    with torch.no_grad():
        made.noise_weight.fill_(5)
    assert torch.equal(made(guidance).gates, before)


def test_noise_has_the_spread_of_equation_8():
    made = gate(active=EXPERTS).train()  # all active: the log gates are the noisy logits
    guidance, draws = guide(1), 20000
    rows = np.log(made(guidance.expand(draws, DIMENSION)).gates.detach().numpy())
    logits = product(guidance, made.weight)[:, 0]
    spread = np.logaddexp(0, product(guidance, made.noise_weight)[:, 0])  # softplus
    assert spread.max() > 1.5 * spread.min()
    for layer in range(LAYERS):
        for other in range(1, EXPERTS):  # differences: the softmax's normaliser falls out
            difference = rows[layer, :, 0] - rows[layer, :, other]
            deviation = np.hypot(spread[layer, 0], spread[layer, other])
            np.testing.assert_allclose(difference.std(), deviation, rtol=0.05)
            np.testing.assert_allclose(
                difference.mean(), logits[layer, 0] - logits[layer, other],
                atol=5 * deviation / np.sqrt(draws))


def test_all_experts_active_is_a_plain_softmax():
    guidance, made = guide(4), gate(active=EXPERTS).eval()
    expected = log_softmax(product(guidance, made.weight), axis=2)
    np.testing.assert_allclose(made(guidance).gates.log().detach(), expected, atol=1e-9)


def test_load_counts_images_per_expert_when_no_noise_is_drawn():
    decision = gate().eval()(guide(40))
    for chosen, load in zip(decision.chosen, decision.load):
        assert load.tolist() == np.bincount(chosen.flatten(), minlength=EXPERTS).tolist()


def test_load_is_the_whole_batch_when_every_expert_is_active():
    decision = gate(active=EXPERTS).train()(guide(7))
    assert decision.load.tolist() == [[7.0] * EXPERTS] * LAYERS


def test_load_equals_the_share_of_redrawn_noise_that_keeps_an_expert():
    made, guidance = gate().train(), guide(2)
    torch.manual_seed(5)
    decision = made(guidance)
    torch.manual_seed(5)
    logits = product(guidance, made.weight)
    spread = np.logaddexp(0, product(guidance, made.noise_weight)) + 1e-2
    noisy = logits + torch.randn(LAYERS, 2, EXPERTS, dtype=torch.float64).numpy() * spread
    random, draws = np.random.default_rng(6), 20000
    expected = np.zeros((LAYERS, EXPERTS))
    for layer, image, expert in np.ndindex(LAYERS, 2, EXPERTS):
        rows = np.repeat(noisy[layer, image:image + 1], draws, 0)
        rows[:, expert] = (logits[layer, image, expert]
                           + random.standard_normal(draws) * spread[layer, image, expert])
        better = (rows > rows[:, expert:expert + 1]).sum(1)
        expected[layer, expert] += (better < ACTIVE).mean()
    # Two binomial shares: their sum's standard deviation is below 2 * 0.5 / sqrt(20000).
    np.testing.assert_allclose(decision.load.detach(), expected, atol=0.03)


def test_expected_load_equals_how_often_an_expert_is_chosen():
    draws = 20000
    decision = gate().train()(guide(1).expand(draws, DIMENSION))
    for chosen, load in zip(decision.chosen, decision.load.detach()):
        counted = np.bincount(chosen.flatten(), minlength=EXPERTS) / draws
        np.testing.assert_allclose(load / draws, counted, atol=0.02)


def test_gradients_reach_both_weights_of_every_layers_gate():
    made = gate(spread=0.0).train()  # zero noise weights, as at the start of training
    guidance = guide(16).requires_grad_()
    for part in ('gates', 'load'):
        made.zero_grad()
        (getattr(made(guidance), part) * torch.rand(EXPERTS)).sum().backward()
        for weight in (made.weight, made.noise_weight):
            assert weight.grad is not None and weight.grad.any(2).any(1).all(), part
    assert guidance.grad is not None and guidance.grad.any()


def test_assign_names_the_chosen_experts_of_a_single_image():
    decision = gate().eval()(guide(1))
    for layer, found in enumerate(assign(decision, single=True)):
        assert found.chosen == sorted(decision.chosen[layer, 0].tolist())
        assert torch.equal(found.gates, decision.gates[layer])


def test_assign_leaves_a_batch_to_all_experts():
    decision = gate().eval()(guide(6))
    for layer, found in enumerate(assign(decision, single=False)):
        assert found.chosen is None
        assert torch.equal(found.gates, decision.gates[layer])


@pytest.mark.parametrize('batch', [1, 2, 5])
def test_mixture_equals_the_sum_over_all_experts(batch: int):
    made, given = mixture(), features(batch)
    gates, routing = decide(batch)
    expected = given.clone()  # our residual
    for index, expert in enumerate(made.experts):
        expected += gates[:, index].view(-1, 1, 1, 1) * expert(given)  # equation 10
    found = made(given, routing)
    assert found.shape == given.shape
    torch.testing.assert_close(found, expected)
    assert (found - given).abs().max() > 0.1


@pytest.mark.parametrize('batch', [1, 2, 5])
@pytest.mark.parametrize('order', [torch.contiguous_format, torch.channels_last])
def test_experts_gathered_on_the_device_equal_the_sum_over_all(
        batch: int, order: torch.memory_format):
    made, given = mixture(), features(batch).to(memory_format=order)
    made.stack()
    decision = gate().eval()(guide(batch))
    routing, gates = assign_on_device(decision)[1], decision.gates[1]
    if batch == 5:
        assert len({tuple(row.sort().values.tolist()) for row in decision.chosen[1]}) > 1
    expected = given.clone()
    for index, expert in enumerate(made.experts):
        expected += gates[:, index].view(-1, 1, 1, 1) * expert(given)
    found = made(given, routing)
    assert found.shape == given.shape
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)  # gates times float32
    assert (found - given).abs().max() > 0.1


def test_favour_leads_in_the_choice_but_not_in_the_weights():
    made, guidance = gate().eval().requires_grad_(False), guide(4)
    plain = made(guidance)
    none = made(guidance, torch.zeros_like(plain.gates))
    assert torch.equal(none.gates, plain.gates) and torch.equal(none.chosen, plain.chosen)
    worst = plain.probabilities.argmin(-1, keepdim=True)  # L x B x 1
    found = made(guidance, torch.zeros_like(plain.gates).scatter(-1, worst, 100.0))
    assert (found.chosen == worst).any(-1).all(), 'a lead of 100 wins everywhere'
    for layer, row in np.ndindex(LAYERS, 4):
        logits = np.log(plain.probabilities[layer, row].numpy())
        kept = found.chosen[layer, row].numpy()
        np.testing.assert_allclose(
            found.gates[layer, row].numpy()[kept], softmax(logits[kept]), atol=1e-9)


def test_a_single_image_runs_its_chosen_experts_only():
    made, computed = mixture().eval(), []
    for index, expert in enumerate(made.experts):
        expert.register_forward_hook(lambda *_, index=index: computed.append(index))
    gates, routing = decide(1)
    made(features(1), routing)
    assert computed == gates[0].nonzero()[:, 0].tolist() and len(computed) == ACTIVE


@pytest.mark.parametrize('index', range(EXPERTS))
def test_an_experts_kernel_reaches_as_far_as_its_shape_says(index: int):
    height, width = KERNELS[index]
    impulse = torch.zeros(1, 6, 15, 17, dtype=torch.float64)
    impulse[..., 7, 8] = 1
    expert = mixture().experts[index]
    answer = (expert(impulse) - expert(torch.zeros_like(impulse))).abs().sum((0, 1))
    rows, columns = torch.nonzero(answer > 1e-12, as_tuple=True)
    reach = (rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item())
    assert reach == (7 - height // 2, 7 + height // 2, 8 - width // 2, 8 + width // 2)


def test_the_shipped_structure_has_three_kinds_of_experts():
    assert len(KERNELS) == EXPERTS
    kinds = ['row' if height == 1 else 'column' if width == 1 else 'square'
             for height, width in KERNELS]
    assert set(kinds) == {'row', 'column', 'square'}
    assert all(height == width for height, width in KERNELS if min(height, width) > 1)
    for kind in set(kinds):
        sizes = [kernel for kernel, own in zip(KERNELS, kinds) if own == kind]
        assert len(set(sizes)) == len(sizes) >= 2, 'each kind has different sizes'


@pytest.mark.parametrize('batch', [1, 4])
def test_gradients_equal_those_of_the_sum_over_all_experts(batch: int):
    made, given, guidance = mixture(), features(batch).requires_grad_(), guide(batch)
    made_gate = gate().eval()

    def gradients(brute_force: bool) -> list[torch.Tensor]:
        """Gradients of features, gate weight and all experts' parameters."""
        decision = made_gate(guidance)
        gates = decision.gates[2]
        if brute_force:
            result = given + sum(gates[:, index].view(-1, 1, 1, 1) * expert(given)
                                 for index, expert in enumerate(made.experts))
        else:
            result = made(given, assign(decision, batch == 1)[2])
        wanted = [given, made_gate.weight, *made.parameters()]
        return list(torch.autograd.grad(
            result.square().sum(), wanted, allow_unused=True, materialize_grads=True))

    for found, expected in zip(gradients(False), gradients(True)):
        torch.testing.assert_close(found, expected)
