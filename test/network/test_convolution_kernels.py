# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The GPU's convolutions against PyTorch's layers: interpreted on a CPU, and on a GPU."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from small_model import SIZES
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from triton_kernels import interpreted, needs_gpu, needs_no_gpu, needs_triton

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dgme import ExpertMixture
from degfuse_ros.network.fusion_network import FusionNetwork

Padded = partial(nn.Conv2d, padding=1)
Edged = partial(nn.Conv2d, padding=1, padding_mode='replicate')
Leaky = partial(nn.LeakyReLU, 0.1)
Unshuffle, Shuffle = partial(nn.PixelUnshuffle, 2), partial(nn.PixelShuffle, 2)

# Every kind of layer of both models: name, layers, and channels, height and width of the features.
# Channels that are no power of two, sides that are odd, images smaller than one program.
CASES: list[tuple[str, list[Callable[[], nn.Module]], tuple[int, int, int]]] = [
    ('context', [partial(Padded, 3, 24, 3), Leaky], (3, 9, 11)),
    ('context, downwards', [partial(Padded, 24, 48, 3, 2), Leaky], (24, 9, 12)),
    ('context, wide', [partial(Padded, 48, 72, 3, 2), Leaky], (48, 7, 6)),
    ('first of derain', [Unshuffle, partial(Edged, 12, 32, 3), Leaky], (3, 10, 14)),
    ('steps of derain', [partial(nn.Conv2d, 32, 32, 3, padding=4, dilation=4,
                                 padding_mode='replicate'), Leaky], (32, 9, 10)),
    ('last of derain', [partial(Edged, 32, 12, 3), Shuffle], (32, 5, 6)),
    ('head', [partial(Edged, 16, 4, 3), Shuffle], (16, 5, 6)),
    ('stem', [Unshuffle, partial(Edged, 4, 16, 3)], (1, 10, 14)),
    ('down', [Unshuffle, partial(nn.Conv2d, 128, 64, 1)], (32, 6, 8)),
    ('up', [partial(nn.Conv2d, 64, 128, 1), Shuffle], (64, 3, 5)),
    ('project', [partial(nn.Conv2d, 512, 256, 1)], (512, 3, 5))]


def made(case: tuple, batch: int = 2) -> tuple[nn.ModuleList, torch.Tensor]:
    """Return the layers, each in a Sequential of a module, and features."""
    name, layers, shape = case
    torch.manual_seed(len(name))
    module = nn.ModuleList([nn.Sequential(*(make() for make in layers))])
    module.requires_grad_(False)
    return module, torch.randn(batch, *shape)


def fused(module: nn.ModuleList) -> nn.Module:
    """Replace the layers; return what stands in their place."""
    from degfuse_ros.network.convolution_kernels import FusedConvolution, fuse_convolutions
    fuse_convolutions(module)
    replaced = module[0]
    assert isinstance(replaced, nn.Sequential)
    assert [type(layer) for layer in replaced] == [FusedConvolution]
    return replaced


def interpret() -> None:
    """Compare on a CPU; run in a process in which Triton interprets."""
    for case in CASES:
        module, features = made(case)
        with FlopCounterMode(display=False) as of_layers:
            expected = module[0](features)
        replaced = fused(module)
        for order in (torch.channels_last, torch.contiguous_format):
            with FlopCounterMode(display=False) as counter:
                found = replaced(features.contiguous(memory_format=order))
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
            assert found.is_contiguous(memory_format=torch.channels_last)
            assert counter.get_total_flops() == of_layers.get_total_flops() > 0
        print(case[0])


@needs_triton
@needs_no_gpu
def test_the_kernel_equals_the_layers_when_interpreted() -> None:
    assert interpreted(__file__) == [case[0] for case in CASES]


@needs_triton
def test_every_layer_but_experts_and_lone_wide_windows_is_replaced() -> None:
    from degfuse_ros.network.convolution_kernels import FusedConvolution, fuse_convolutions
    network = FusionNetwork(ModelConfig(**SIZES), reconstruction=False)
    mixtures = [module for module in network.modules() if isinstance(module, ExpertMixture)]
    experts = sum(isinstance(part, nn.Conv2d) for each in mixtures for part in each.modules())
    before = sum(isinstance(module, nn.Conv2d) for module in network.modules())
    fuse_convolutions(network)
    left = {name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    lone = {'enhancement.dehaze.depth', 'enhancement.curve.maps'}
    assert lone <= left and len(left) == experts + len(lone)
    replaced = [module for module in network.modules() if isinstance(module, FusedConvolution)]
    assert len(replaced) == before - len(left) > 20
    assert not any(isinstance(module, nn.PixelShuffle | nn.PixelUnshuffle | nn.LeakyReLU)
                   for name, module in network.named_modules() if '.experts.' not in name)


UNKNOWN: dict[str, list[Callable[[], nn.Module]]] = {
    'slope': [partial(nn.Conv2d, 4, 4, 1), partial(nn.LeakyReLU, 0.2)],
    'activation': [partial(nn.Conv2d, 4, 4, 1), nn.GELU],
    'groups': [partial(Padded, 4, 4, 3, groups=2)],
    'bias': [partial(Padded, 4, 4, 3, bias=False)],
    'padding': [partial(nn.Conv2d, 4, 4, 3)],
    'padding mode': [partial(Padded, 4, 4, 3, padding_mode='reflect')],
    'size': [partial(nn.Conv2d, 4, 4, 5, padding=2)],
    'factor': [partial(nn.Conv2d, 4, 9, 1), partial(nn.PixelShuffle, 3)],
    'both': [partial(nn.Conv2d, 4, 4, 1), Leaky, Shuffle],
    'order': [Leaky, partial(nn.Conv2d, 4, 4, 1)],
    'no convolution': [partial(nn.Linear, 4, 4), nn.GELU]}


@needs_triton
@pytest.mark.parametrize('name', UNKNOWN)
def test_layers_that_it_does_not_know_stay(name: str) -> None:
    from degfuse_ros.network.convolution_kernels import fuse_convolutions
    layers = nn.Sequential(*(make() for make in UNKNOWN[name]))
    module = nn.ModuleList([layers])
    fuse_convolutions(module)
    assert module[0] is layers


@needs_gpu
@pytest.mark.parametrize('case', CASES, ids=lambda case: case[0])
@pytest.mark.parametrize('precision', [torch.float32, torch.float16])
@pytest.mark.parametrize('larger', [1, 16])
def test_the_kernel_equals_the_layers_on_a_gpu(
        case: tuple, precision: torch.dtype, larger: int) -> None:
    name, layers, (channels, height, width) = case
    module, features = made((name, layers, (channels, height * larger, width * larger)), batch=1)
    expected = module[0].double()(features.double())
    module.to('cuda', precision)
    replaced = fused(module)
    found, again = (replaced(features.to('cuda', precision)) for _ in range(2))
    assert torch.equal(found, again), 'deterministic'
    tolerance = 1e-4 if precision == torch.float32 else 1e-2
    torch.testing.assert_close(found.cpu().double(), expected, atol=tolerance, rtol=tolerance)


if __name__ == '__main__':
    interpret()
