# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The whole forward pass against its parts, one after the other."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from small_model import SIZES

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import Enhanced, FusionNetwork
from degfuse_ros.network.image_math import pad_to_multiple
from degfuse_ros.network.inference import Aside, Decide, infer


@pytest.fixture
def model() -> tuple[DegradationGuidance, FusionNetwork]:
    """Random weights in evaluation mode, none of them zero."""
    torch.manual_seed(0)
    config = ModelConfig(**SIZES)
    parts = DegradationGuidance(config), FusionNetwork(config)
    with torch.no_grad():
        for part in parts:
            part.eval()
            for weight in part.parameters():
                weight.add_(0.03 * torch.randn_like(weight))
    return parts


def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Two pairs whose sides are no multiples of anything."""
    return torch.rand(2, 3, 45, 51), torch.rand(2, 1, 45, 51)


def test_it_is_enhancement_guidance_routing_and_fusion(
        model: tuple[DegradationGuidance, FusionNetwork]):
    (guidance, network), (visible, thermal) = model, pair()
    multiple = network.config.multiple
    with torch.no_grad():
        enhanced, fused, seen, routing = infer(guidance, network, visible, thermal, nullcontext())
        wanted = network.enhance(pad_to_multiple(visible, multiple),
                                 pad_to_multiple(thermal, multiple))
        known = guidance(visible, thermal)  # without the padding
        expected, _ = network.fuse(wanted, network.route(known.vector))
    assert fused.image.shape[-1] % multiple == 0 and fused.image.shape[-1] >= 51
    torch.testing.assert_close(enhanced.visible, wanted.visible)
    torch.testing.assert_close(seen.vector, known.vector)
    torch.testing.assert_close(fused.image, expected.image)
    assert torch.equal(routing.decision.gates, network.route(known.vector).decision.gates)


def test_rounding_leaves_guidance_and_gates_exact(
        model: tuple[DegradationGuidance, FusionNetwork]):
    (guidance, network), (visible, thermal) = model, pair()
    with torch.no_grad():
        _, exact, seen, routing = infer(guidance, network, visible, thermal, nullcontext())
        # Rounded all around, as in a training step that asks a teacher.
        with torch.autocast('cpu', torch.bfloat16):
            _, rough, again, gates = infer(guidance, network, visible, thermal, nullcontext())
    assert torch.equal(again.vector, seen.vector)
    assert torch.equal(gates.decision.gates, routing.decision.gates)
    assert not torch.equal(rough.image, exact.image)
    assert (rough.image - exact.image).abs().mean() < 0.02


def noting(steps: list[str]) -> Aside:
    """Do the work at once; note when it begins and when it is waited for."""
    def aside(work: Decide) -> Decide:
        steps.append('begun')
        result = work()

        def join():
            steps.append('joined')
            return result

        return join

    return aside


def test_guidance_is_waited_for_where_enhancement_fails(
        model: tuple[DegradationGuidance, FusionNetwork], monkeypatch: pytest.MonkeyPatch):
    (guidance, network), (visible, thermal) = model, pair()
    network.config = replace(network.config, guidance='raw')
    steps: list[str] = []

    def fail(*images: torch.Tensor) -> Enhanced:
        raise torch.OutOfMemoryError('CUDA out of memory.')

    monkeypatch.setattr(network, 'enhance', fail)
    with torch.no_grad(), pytest.raises(torch.OutOfMemoryError):
        infer(guidance, network, visible, thermal, nullcontext(), aside=noting(steps))
    assert steps == ['begun', 'joined']


@pytest.mark.parametrize('looks_at, order', [
    ('raw', ['begun', 'enhanced', 'joined']), ('enhanced', ['enhanced'])])
def test_guidance_runs_beside_enhancement_where_it_does_not_need_its_images(
        model: tuple[DegradationGuidance, FusionNetwork], looks_at: str, order: list[str],
        monkeypatch: pytest.MonkeyPatch):
    (guidance, network), (visible, thermal) = model, pair()
    network.config = replace(network.config, guidance=looks_at)
    with torch.no_grad():
        expected = infer(guidance, network, visible, thermal, nullcontext())
    steps: list[str] = []
    plain = network.enhance

    def enhance(*images: torch.Tensor) -> Enhanced:
        steps.append('enhanced')
        return plain(*images)

    monkeypatch.setattr(network, 'enhance', enhance)
    with torch.no_grad():
        found = infer(guidance, network, visible, thermal, nullcontext(), aside=noting(steps))
    assert steps == order
    assert torch.equal(found[1].image, expected[1].image)
    assert torch.equal(found[2].vector, expected[2].vector)
