# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Guidance over time: which frames look, how fast it follows, what keeps it from fluttering."""

from functools import partial

import numpy as np
import pytest
import torch
from moved_model import moved_modules

from degfuse_ros.engine.steady_guidance import (
    CLASS_LEAD,
    ROUTING_LEAD,
    SMOOTHING,
    GuidanceMemory,
    SteadyGuidance,
    judge_by,
)
from degfuse_ros.network.dagm import Guidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.gate import assign_on_device

CPU = torch.device('cpu')


@pytest.fixture(scope='module')
def network() -> FusionNetwork:
    """A small network whose routing depends on the guidance."""
    return moved_modules()[1]


def seen(seed: int, batch: int = 2) -> Guidance:
    """A random look."""
    random = torch.Generator().manual_seed(seed)
    return Guidance(torch.randn(batch, 16, generator=random),
                    torch.rand(batch, 5, generator=random).softmax(-1),
                    torch.rand(batch, 4, generator=random))


def test_every_nth_frame_looks_and_a_new_size_starts_anew():
    steady = SteadyGuidance(3)
    assert [steady.start('a') for _ in range(5)] == [
        (True, True), (False, False), (False, False), (False, True), (False, False)]
    assert steady.start('b') == (True, True)
    assert steady.start('a') == (True, True)
    assert steady.start('a') == (False, False)
    steady.reset()
    assert steady.start('a') == (True, True)


def test_period_one_always_looks():
    steady = SteadyGuidance(1)
    assert [steady.start('a')[1] for _ in range(4)] == [True] * 4


@pytest.mark.parametrize('period', [0, -1, 1.5, '2', None, True])
def test_a_wrong_period_is_refused(period):
    with pytest.raises(ValueError, match='guidance_period') as caught:
        SteadyGuidance(period)
    assert repr(period) in str(caught.value) and '\n' not in str(caught.value)


def test_the_class_keeps_until_another_leads_clearly():
    steady = SteadyGuidance(2)
    close = 0.5 - CLASS_LEAD / 4
    foggy, rather_clean = ([1 - first, first, 0, 0, 0] for first in (0.6, close))
    clean = [0.7, 0.3, 0, 0, 0]
    assert steady.label(0, foggy) == 1
    assert rather_clean[0] > rather_clean[1] and steady.label(0, rather_clean) == 1
    assert steady.label(1, rather_clean) == 0, 'another pair has a past of its own'
    assert steady.label(0, clean) == 0
    steady.reset()
    assert steady.label(0, foggy) == 1
    single = SteadyGuidance(1)
    assert [single.label(0, each) for each in (foggy, rather_clean, foggy)] == [1, 0, 1]


def test_memory_is_an_exponential_mean_that_starts_in_full(network: FusionNetwork):
    memory = GuidanceMemory.build(2, network, CPU)
    looks = [seen(seed) for seed in range(5)]
    expected = looks[0].vector.numpy().astype(float)
    for index, look in enumerate(looks):
        memory.absorb(look)
        memory.looked()
        if index:
            expected = (1 - SMOOTHING) * expected + SMOOTHING * look.vector.numpy()
        np.testing.assert_allclose(memory.vector.numpy(), expected, atol=1e-6)
    torch.testing.assert_close(memory.scores.sum(1), torch.ones(2))
    memory.clear()
    assert memory.empty
    memory.absorb(looks[3])
    assert torch.equal(memory.vector, looks[3].vector)
    assert torch.equal(memory.severity, looks[3].severity)


def test_rows_share_the_memory(network: FusionNetwork):
    memory, look = GuidanceMemory.build(3, network, CPU), seen(0, 3)
    for first in range(3):
        memory.rows(first, first + 1).absorb(Guidance(
            look.vector[first:first + 1], look.scores[first:first + 1],
            look.severity[first:first + 1]))
    assert torch.equal(memory.vector, look.vector)
    memory.rows(1, 2).favour.fill_(2.0)
    assert memory.favour.sum((0, 2)).nonzero().flatten().tolist() == [1]


def test_without_a_look_vector_and_routing_stay(network: FusionNetwork):
    memory = GuidanceMemory.build(2, network, CPU)

    def never() -> Guidance:
        raise AssertionError('it looked')

    first, routing = judge_by(network, memory, True, assign_on_device)(lambda: seen(0))
    again, kept = judge_by(network, memory, False, assign_on_device)(never)
    assert torch.equal(again.vector, first.vector)
    assert torch.equal(kept.decision.gates, routing.decision.gates)
    assert torch.equal(routing.decision.gates, network.route(seen(0).vector).decision.gates)


def test_experts_in_use_are_kept_while_others_lead_by_less(network: FusionNetwork):
    """A vector that sways about a boundary of the routing flutters alone, but not remembered."""
    def chosen(vector: torch.Tensor) -> torch.Tensor:
        return network.decide(vector).gates > 0

    one, other = seen(1, 1).vector, seen(2, 1).vector
    low, high = 0.0, 1.0  # a boundary between two routings, found by bisection
    for _ in range(20):
        middle = (low + high) / 2
        same = torch.equal(chosen(torch.lerp(one, other, middle)), chosen(one))
        low, high = (middle, high) if same else (low, middle)
    step = 1e-4
    sides = [torch.lerp(one, other, share) for share in (low - step, high + step)]
    assert not torch.equal(chosen(sides[0]), chosen(sides[1]))
    logits = [side.squeeze() @ network.gate.weight for side in sides]
    assert (logits[0] - logits[1]).abs().max() < ROUTING_LEAD / 2
    memory, rest = GuidanceMemory.build(1, network, CPU), seen(1, 1)
    found = []
    for frame in range(6):
        look = sides[frame % 2], rest.scores, rest.severity
        _, routing = judge_by(network, memory, True, assign_on_device)(partial(Guidance, *look))
        memory.share.fill_(1.0)  # without smoothing, which hides the sway
        found.append(routing.decision.gates > 0)
    assert all(torch.equal(each, found[0]) for each in found)
    far = Guidance(other, rest.scores, rest.severity)
    _, routing = judge_by(network, memory, True, assign_on_device)(lambda: far)
    assert not torch.equal(routing.decision.gates > 0, found[0]), 'but it does follow'
