# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The GPU's forward pass, run on a CPU: against the plain path, and for what a graph forbids."""

import dataclasses
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from moved_model import Pair, moved_modules, shaded_pairs
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.fusion import Answer
from degfuse_ros.engine.plain_path import PlainPath
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.engine.steady_guidance import GuidanceMemory
from degfuse_ros.network.config import CLASSES, DEGRADATIONS
from degfuse_ros.network.dgme import ExpertMixture

CPU = torch.device('cpu')


def staged(precision: torch.dtype = torch.float32) -> StagedForward:
    """The forward pass of a small model."""
    guidance, network = moved_modules()
    return StagedForward(guidance, network, precision)


def plain_path(period: int) -> PlainPath:
    """The plain path of the same model."""
    guidance, network = moved_modules()
    return PlainPath(guidance, network, period)


def block_size(forward: StagedForward, height: int, width: int) -> int:
    """Bytes of a pair's image, class scores, severities and gates."""
    gates = len(forward.network.layer_names) * len(forward.network.config.kernels)
    return height * width * 3 + 4 * (len(CLASSES) + len(DEGRADATIONS) + gates)


def run(forward: StagedForward, pairs: list[Pair], memory: GuidanceMemory | None = None,
        look: bool = True) -> list[Answer]:
    """Fuse a batch by a forward pass on the CPU."""
    height, width = pairs[0][1].shape
    visible, thermal = (torch.from_numpy(np.stack(images)) for images
                        in list(zip(*pairs))[:2])
    with torch.no_grad():
        blocks = forward(visible, thermal, memory, look)
    assert blocks.shape == (len(pairs), block_size(forward, height, width))
    return [forward.unpack(block, height, width) for block in blocks]


def check_same(found: Answer, expected: Answer) -> None:
    """Mean within 1 of 255, 99.9 % within 3, and everything else equal but for rounding."""
    difference = np.abs(found.image.astype(int) - expected.image)
    assert difference.mean() <= 1 and np.percentile(difference, 99.9) <= 3
    assert np.array_equal(found.routing > 0, expected.routing > 0)
    np.testing.assert_allclose(found.routing, expected.routing, atol=1e-4)
    assert found.scores == pytest.approx(expected.scores, abs=1e-5)
    torch.testing.assert_close(found.severity, expected.severity, atol=1e-5, rtol=0)


@pytest.mark.parametrize('height, width', [(32, 32), (45, 51), (96, 64)])
@pytest.mark.parametrize('count', [1, 3])
def test_it_equals_the_plain_path_pair_by_pair(count: int, height: int, width: int):
    pairs = shaded_pairs(count, height, width)
    expected = plain_path(1).fuse(pairs, True, True)
    if count == 3:
        assert len({answer.routing.tobytes() for answer in expected}) == 3
    for one, other in zip(run(staged(), pairs), expected):
        check_same(one, other)


@pytest.mark.parametrize('model', ['base', 'lite'])
def test_it_equals_the_plain_path_with_shipped_weights(model: str):
    engine = FusionEngine.load(model, 'cpu')
    pairs = shaded_pairs(2, 100, 75)
    expected = PlainPath(engine._guidance, engine._network, 1).fuse(pairs, True, True)
    forward = StagedForward(engine._guidance, engine._network, torch.float32)
    for one, other in zip(run(forward, pairs), expected):
        check_same(one, other)


def test_it_remembers_as_the_plain_path_does():
    plain, forward = plain_path(2), staged()
    memory = GuidanceMemory.build(2, forward.network, CPU)
    for frame, look in enumerate((True, False, True, True, False)):
        pairs = shaded_pairs(2, 40, 48, seed=frame)
        expected = plain.fuse(pairs, frame == 0, look)
        for one, other in zip(run(forward, pairs, memory, look), expected):
            check_same(one, other)
        memory.looked()


def test_weights_are_held_in_its_precision_and_gates_are_not():
    forward = staged(torch.bfloat16)
    network = forward.network
    assert network.fused_head[0].weight.dtype == torch.bfloat16
    assert network.enhancement is not None
    assert network.enhancement.dehaze.airlight.weight.dtype == torch.bfloat16
    assert network.gate.weight.dtype == network.task_embedding.dtype == torch.float32
    guidance = forward._guidance
    towers = {each.dtype for each in guidance.tower.parameters() if each.ndim > 1}
    assert towers == {torch.bfloat16}
    assert guidance.mlp[0].weight.dtype == guidance.sentences.dtype == torch.float32
    pairs = shaded_pairs(2, 48, 48)
    exact = run(staged(), pairs)
    for one, other in zip(run(forward, pairs), exact):
        assert np.array_equal(one.routing > 0, other.routing > 0)
        np.testing.assert_allclose(one.routing, other.routing, atol=0.02)
        assert one.scores == pytest.approx(other.scores, abs=0.01)
        difference = np.abs(one.image.astype(int) - other.image)
        assert 0 < difference.mean() < 3  # eight bits of mantissa


def test_in_a_row_nothing_runs_beside_it():
    begun: list[int] = []

    def aside(work):
        begun.append(1)
        result = work()
        return lambda: result

    guidance, network = moved_modules()
    forward = StagedForward(guidance, network, torch.float32, aside)
    pairs = shaded_pairs(1, 48, 64)
    beside, in_a_row = run(forward, pairs)[0], run(forward.in_a_row(), pairs)[0]
    assert begun == [1]
    check_same(beside, in_a_row)


def test_an_image_is_not_copied_and_can_be_written_to():
    forward = staged()
    block = torch.zeros(block_size(forward, 32, 32), dtype=torch.uint8)
    answer = forward.unpack(block, 32, 32)
    block.fill_(7)
    assert (answer.image == 7).all() and not answer.routing.any() and not any(answer.scores)
    answer.image[:] = 9
    assert (block[:32 * 32 * 3] == 9).all()


class Watch(TorchDispatchMode):
    """Notes which operations run, and which of their results lie on the host."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.on_host: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.names.add(str(function))
        for each in result if isinstance(result, tuple | list) else (result,):
            if isinstance(each, torch.Tensor) and each.device.type == 'cpu':
                self.on_host.append(str(function))
        return result


def pretend_on_gpu(forward: StagedForward, like: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Exchange every tensor of a forward pass for one that claims to be on a GPU."""
    for top in (forward._guidance, forward.network):
        for module in top.modules():
            for tensors in (vars(module)['_parameters'], vars(module)['_buffers']):
                for name, tensor in tensors.items():
                    tensors[name] = None if tensor is None else like(tensor)
            if isinstance(module, ExpertMixture) and isinstance(module._on_device, partial):
                (stack,) = module._on_device.args
                moved = dataclasses.replace(
                    stack, weight=like(stack.weight), bias=like(stack.bias), back=like(stack.back))
                module._on_device = partial(module._on_device.func, moved)


@pytest.mark.parametrize('remember, look', [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize('batch', [1, 3])
def test_nothing_waits_for_the_gpu_or_comes_from_the_host(batch: int, remember: bool, look: bool):
    """What a CUDA graph forbids, found without a GPU: torch's fake tensors know devices."""
    forward = staged()
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad():
        pretend_on_gpu(forward, lambda tensor: torch.empty_strided(
            tensor.shape, tensor.stride(), dtype=tensor.dtype, device='cuda'))
        mode.allow_non_fake_inputs = False
        visible = torch.empty(batch, 45, 51, 3, dtype=torch.uint8, device='cuda')
        thermal = torch.empty(batch, 45, 51, dtype=torch.uint8, device='cuda')
        memory = (GuidanceMemory.build(batch, forward.network, torch.device('cuda'))
                  if remember else None)
        with Watch() as watch:  # reading a value back would raise here
            blocks = forward(visible, thermal, memory, look)
    assert blocks.device.type == 'cuda'
    assert blocks.shape == (batch, block_size(forward, 45, 51))
    assert watch.on_host == []
    assert 'aten.convolution.default' in watch.names
    assert not {name for name in watch.names if 'lift' in name or 'scalar_dense' in name
                or 'nonzero' in name}


def test_a_compiler_can_follow_it():
    forward = staged()
    pairs = shaded_pairs(1, 40, 48)
    visible, thermal = (torch.from_numpy(images[0][None]) for images
                        in list(zip(*pairs))[:2])
    memory = GuidanceMemory.build(1, forward.network, CPU)
    torch._dynamo.reset()
    try:
        compiled = torch.compile(forward, backend='eager', dynamic=False, fullgraph=True)
        with torch.no_grad():
            expected, found = forward(visible, thermal), compiled(visible, thermal)
            assert torch.equal(found, expected)
            assert torch.equal(compiled(visible, thermal, memory, True), expected)
    finally:
        torch._dynamo.reset()
