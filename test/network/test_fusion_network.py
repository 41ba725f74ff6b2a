# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The U-Net: budgets, shapes, the untrained answer, routing and gradients."""

import dataclasses

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from degfuse_ros.network import losses
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import Enhanced, FusionNetwork
from degfuse_ros.network.image_math import luma, pad_to_multiple

SMALL = ModelConfig(widths=(6, 8, 8, 8), hidden=(3, 3, 3, 3), guidance_dim=16)
LAYERS = ('visible_1', 'visible_2', 'visible_3', 'visible_4',
          'thermal_1', 'thermal_2', 'thermal_3', 'thermal_4',
          'decoder_4', 'decoder_3', 'decoder_2')


def network(scale: float = 0.0, reconstruction: bool = True,
            config: ModelConfig = SMALL) -> FusionNetwork:
    """A small network; with a scale its zero last layers have left zero."""
    torch.manual_seed(0)
    made = FusionNetwork(config, reconstruction)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return made


def pair(batch: int, height: int, width: int, low: float = 0.0, high: float = 1.0,
         ) -> tuple[Tensor, Tensor]:
    """Random visible and thermal images."""
    torch.manual_seed(1)
    images = low + (high - low) * torch.rand(batch, 4, height, width)
    return images[:, :3], images[:, 3:]


def size(module: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_budgets():
    config = ModelConfig()
    assert size(FusionNetwork(config)) <= 8_000_000
    assert size(DegradationGuidance(config)) <= 8_000_000


def test_layer_names():
    made = network()
    assert made.layer_names == LAYERS
    assert tuple(made.route(torch.randn(1, 16)).layers) == LAYERS


@pytest.mark.parametrize('height, width', [(16, 16), (32, 32), (48, 80), (16, 160)])
def test_any_multiple_of_sixteen_works(height: int, width: int):
    made = network(0.05).eval()
    routing = made.route(torch.randn(2, 16))
    with torch.no_grad():
        enhanced = made.enhance(*pair(2, height, width))
        fused, skips = made.fuse(enhanced, routing)
        clean_visible, clean_thermal = made.reconstruct(
            enhanced, skips, made.route(torch.randn(2, 16), 'reconstruction'))
    assert fused.image.shape == enhanced.visible.shape == (2, 3, height, width)
    assert fused.luma.shape == enhanced.thermal.shape == (2, 1, height, width)
    assert clean_visible.shape == (2, 3, height, width)
    assert clean_thermal.shape == (2, 1, height, width)
    for level, skip in enumerate(skips):
        below = 2 ** (level + 1)
        assert skip.shape == (2, SMALL.widths[level], height // below, width // below)
    for image in (fused.image, fused.luma, enhanced.visible, enhanced.thermal):
        assert torch.isfinite(image).all() and image.min() >= 0 and image.max() <= 1


def test_untrained_output_is_the_brighter_source_with_the_visible_chroma():
    visible, thermal = pair(1, 48, 32, 0.35, 0.65)  # far enough inside that nothing is clipped
    made = network().eval()
    with torch.no_grad():
        fused, _ = made.fuse(made.enhance(visible, thermal), made.route(torch.randn(1, 16)))
    before, after = (cv2.cvtColor(np.ascontiguousarray(image[0].permute(1, 2, 0).numpy()),
                                  cv2.COLOR_RGB2YCrCb) for image in (visible, fused.image))
    expected = np.maximum(before[..., 0], thermal[0, 0].numpy())
    np.testing.assert_allclose(after[..., 0], expected, atol=1e-5)
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=1e-5)
    assert (thermal[0, 0].numpy() > before[..., 0]).mean() > 0.2, 'thermal must decide somewhere'


def test_the_network_reads_and_colours_what_pkdm_enhanced():
    visible, thermal = pair(1, 32, 32, 0.3, 0.5)
    made = network().eval()
    with torch.no_grad():
        # 1.3 times the contrast
        made.get_parameter('enhancement.omega').copy_(torch.tensor([-0.7, -1.0, -1.0]))
        made.get_parameter('enhancement.laplacian_weight').fill_(0.05)
    given: list[Tensor] = []
    for branch in ('visible_encoder', 'thermal_encoder'):
        made.get_submodule(branch).register_forward_hook(
            lambda _module, inputs, _output: given.append(inputs[0]))
    with torch.no_grad():
        enhanced = made.enhance(visible, thermal)
        fused, _ = made.fuse(enhanced, made.route(torch.randn(1, 16)))
    torch.testing.assert_close(enhanced.visible, 1.3 * visible)
    assert (enhanced.thermal - thermal).abs().max() > 0.01
    assert torch.equal(given[0], enhanced.visible) and torch.equal(given[1], enhanced.thermal)
    difference = fused.image - 1.3 * visible  # chroma stays where all channels move alike
    torch.testing.assert_close(difference, difference[:, :1].expand_as(difference))
    expected = torch.maximum(luma(1.3 * visible), enhanced.thermal)
    torch.testing.assert_close(fused.luma, expected)


def test_without_pkdm_both_images_pass_unchanged():
    made = network(0.1, config=dataclasses.replace(SMALL, enhancement=False)).eval()
    visible, thermal = pair(1, 32, 32)
    enhanced = made.enhance(visible, thermal)
    assert torch.equal(enhanced.visible, visible) and torch.equal(enhanced.thermal, thermal)
    assert enhanced.curves is None
    whole = network(0.1).eval()
    assert not torch.equal(whole.enhance(visible, thermal).visible, visible)
    lost = set(whole.state_dict()) - set(made.state_dict())
    assert {name.split('.')[0] for name in lost} == {'enhancement'}
    with torch.no_grad():
        fused, _ = made.fuse(enhanced, made.route(torch.randn(1, 16)))
    assert (fused.luma - torch.maximum(luma(visible), thermal)).abs().mean() > 1e-3


@pytest.mark.parametrize('guidance', ['raw', 'constant', 'enhanced'])
def test_the_guidance_looks_at_the_images_or_at_what_pkdm_made_of_them(guidance: str):
    made = network(0.1, config=dataclasses.replace(SMALL, guidance=guidance)).eval()
    visible, thermal = pair(2, 30, 41)
    with torch.no_grad():
        enhanced = made.enhance(*(pad_to_multiple(image, 16) for image in (visible, thermal)))
    assert enhanced.visible.shape == (2, 3, 32, 48)
    half = Enhanced(enhanced.visible.half(), enhanced.thermal.half(), None)  # as CUDA computes it
    found = made.guidance_images(visible, thermal, half)
    if guidance == 'enhanced':
        expected = half.visible[:, :, :30, :41].float(), half.thermal[:, :, :30, :41].float()
        assert (found[0] - visible).abs().max() > 0.01
    else:
        expected = visible, thermal
    for one, other in zip(found, expected):
        assert one.dtype == torch.float32
        assert torch.equal(one, other)


def test_a_constant_guidance_routes_every_image_alike_but_not_every_task():
    made = network(config=dataclasses.replace(SMALL, guidance='constant')).eval()
    gates = made.route(torch.randn(5, 16)).decision.gates
    assert torch.equal(gates, gates[:, :1].expand_as(gates))
    assert torch.equal(gates, made.route(torch.randn(5, 16)).decision.gates)
    assert not torch.equal(gates, made.route(torch.randn(5, 16), 'reconstruction').decision.gates)


def test_untrained_reconstruction_returns_the_enhanced_images():
    visible, thermal = pair(1, 32, 32)
    made = network().eval()
    with torch.no_grad():
        enhanced = made.enhance(visible, thermal)
        _, skips = made.fuse(enhanced, made.route(torch.randn(1, 16)))
        found = made.reconstruct(enhanced, skips, made.route(torch.randn(1, 16), 'reconstruction'))
    torch.testing.assert_close(found[0], visible, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[1], thermal, atol=1e-5, rtol=0)


def test_both_branches_reach_the_luminance():
    made = network(0.1).eval()
    visible, thermal = pair(1, 32, 32, 0.3, 0.6)
    routing = made.route(torch.randn(1, 16))

    def correction(visible: Tensor, thermal: Tensor) -> Tensor:
        """What the network adds to the brighter source."""
        fused, skips = made.fuse(made.enhance(visible, thermal), routing)
        return made.fused_head(made.decode(skips, routing))

    with torch.no_grad():
        plain = correction(visible, thermal)
        assert (correction(visible.flip(3), thermal) - plain).abs().mean() > 1e-3
        assert (correction(visible, thermal.flip(3)) - plain).abs().mean() > 1e-3


def test_a_batch_equals_its_images_one_by_one():
    made = network(0.1).eval()
    (visible, thermal), guidance = pair(4, 32, 48), torch.randn(4, 16)
    with torch.no_grad():
        routing = made.route(guidance)
        gates = routing.decision.gates
        assert not torch.equal(gates[:, 0] > 0, gates[:, 1] > 0)
        together, _ = made.fuse(made.enhance(visible, thermal), routing)
        for index in range(4):
            one = slice(index, index + 1)
            enhanced = made.enhance(visible[one], thermal[one])
            alone, _ = made.fuse(enhanced, made.route(guidance[one]))
            torch.testing.assert_close(alone.image[0], together.image[index], atol=1e-5, rtol=0)


def test_routing_is_known_from_the_guidance_and_the_task_alone():
    made = network().eval()
    guidance = torch.randn(3, 16)
    gates = made.route(guidance).decision.gates
    assert gates.shape == (len(LAYERS), 3, 8)
    torch.testing.assert_close(gates.sum(2), torch.ones(len(LAYERS), 3))
    assert ((gates > 0).sum(2) == 2).all()
    assert torch.equal(gates, made.route(guidance).decision.gates)
    torch.testing.assert_close(made.route(guidance[1:2]).decision.gates[:, 0], gates[:, 1])
    assert not torch.equal(gates, made.route(-guidance).decision.gates)
    assert not torch.equal(gates, made.route(guidance, 'reconstruction').decision.gates)


def test_the_task_embedding_is_added_to_the_guidance():
    made = network().eval()
    guidance, shift = torch.randn(3, 16), made.task_embedding[1] - made.task_embedding[0]
    moved = made.route(guidance + shift).decision.gates
    torch.testing.assert_close(made.route(guidance, 'reconstruction').decision.gates, moved)


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError):
        network().route(torch.randn(1, 16), 'painting')


def test_each_layer_computes_its_own_two_experts():
    made = network().eval()
    mixtures = {**{f'visible_{n + 1}': m for n, m in enumerate(made.visible_encoder.levels)},
                **{f'thermal_{n + 1}': m for n, m in enumerate(made.thermal_encoder.levels)},
                **dict(made.decoder.items())}
    computed = {name: [0] * 8 for name in LAYERS}
    for name in LAYERS:
        for index, expert in enumerate(mixtures[name].get_submodule('experts').children()):
            def count(_module, inputs, _output, name=name, index=index):
                computed[name][index] += len(inputs[0])
            expert.get_submodule('shape').register_forward_hook(count)  # its convolution
    with torch.no_grad():
        routing = made.route(torch.randn(1, 16))
        made.fuse(made.enhance(*pair(1, 32, 32)), routing)
    wanted = (routing.decision.gates > 0).sum(1)  # layers x experts
    assert computed == dict(zip(LAYERS, wanted.tolist()))
    assert wanted.sum(1).tolist() == [2] * len(LAYERS)
    assert len({tuple(row) for row in wanted.tolist()}) > 3, 'layers must differ to be told apart'


def test_decoder_adds_the_skips():
    made = network(0.1).eval()
    visible, thermal = pair(2, 32, 32)
    routing = made.route(torch.randn(2, 16))
    with torch.no_grad():
        skips = made.encode(made.enhance(visible, thermal), routing)
        plain = made.decode(skips, routing)
        shift = torch.randn_like(skips[0])
        # The finest skip comes in last: what is added to it is added to the result.
        moved = made.decode([skips[0] + shift, *skips[1:]], routing)
        torch.testing.assert_close(moved, plain + shift)
        for level in (1, 2, 3):  # the coarser ones pass through mixtures, but do arrive
            changed = [skip.flip(3) if index == level else skip
                       for index, skip in enumerate(skips)]
            assert (made.decode(changed, routing) - plain).abs().max() > 1e-3


def test_without_reconstruction_the_two_heads_do_not_exist():
    full, lean = network(), network(reconstruction=False)
    missing = set(full.state_dict()) - set(lean.state_dict())
    assert missing
    assert {name.split('.')[0] for name in missing} == {'visible_head', 'thermal_head'}
    assert set(lean.state_dict()) < set(full.state_dict())
    enhanced = lean.enhance(*pair(1, 32, 32))
    _, skips = lean.fuse(enhanced, lean.route(torch.randn(1, 16)))
    with pytest.raises(RuntimeError, match='reconstruction=True') as caught:
        lean.reconstruct(enhanced, skips, lean.route(torch.randn(1, 16), 'reconstruction'))
    assert '\n' not in str(caught.value)


def full_loss(made: FusionNetwork, visible: Tensor, thermal: Tensor, clean: Tensor,
              guidance: Tensor) -> Tensor:
    """Equation 15 with both tasks, all weights one."""
    routing, other = made.route(guidance), made.route(guidance, 'reconstruction')
    enhanced = made.enhance(visible, thermal)
    fused, skips = made.fuse(enhanced, routing)
    restored, warm = made.reconstruct(enhanced, skips, other)
    target = luma(clean)
    decisions = routing.decision, other.decision
    return (losses.pixel_loss(fused.luma, target, thermal)
            + losses.gradient_loss(fused.luma, target, thermal)
            + losses.reconstruction_loss(restored, clean, warm, thermal)
            + sum(losses.load_loss(decision.gates, decision.load) for decision in decisions)
            + losses.mutual_information_loss(
                torch.stack([decision.probabilities for decision in decisions])))


def test_gradients_reach_every_parameter_that_trains():
    made = network().train()
    optimiser = torch.optim.Adam(made.parameters(), lr=1e-3)
    visible, thermal = pair(8, 32, 32, 0.1, 0.9)
    guidance = torch.randn(8, 16, requires_grad=True)
    silent = {name for name, _ in made.named_parameters()}
    # Zero last layers open with the first step; each expert waits until noise picks it.
    for _ in range(12):
        optimiser.zero_grad()
        full_loss(made, visible, thermal, visible.flip(0), guidance).backward()
        silent -= {name for name, parameter in made.named_parameters()
                   if parameter.grad is not None and parameter.grad.any()}
        optimiser.step()
    assert silent == set()
    assert made.task_embedding.grad is not None and made.task_embedding.grad.any(1).all()
    assert guidance.grad is not None and guidance.grad.any(1).all(), 'DAGM learns from fusion'


def test_the_full_loss_falls_on_one_batch():
    made = network().train()
    optimiser = torch.optim.Adam(made.parameters(), lr=3e-3)
    (visible, thermal), guidance = pair(2, 32, 32, 0.1, 0.5), torch.randn(2, 16)
    clean = (visible * 1.5).clamp(0, 1)
    found = []
    for _ in range(40):
        optimiser.zero_grad()
        routing = made.route(guidance)
        fused, _ = made.fuse(made.enhance(visible, thermal), routing)
        loss = losses.pixel_loss(fused.luma, luma(clean), thermal)
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    assert found[-1] < 0.7 * found[0]
