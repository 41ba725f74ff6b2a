# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The GPU's kernels of the expert mixture: interpreted on a CPU, and on a GPU if there is one."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from triton_kernels import interpreted, needs_gpu, needs_no_gpu, needs_triton

from degfuse_ros.network.dgme import ExpertMixture
from degfuse_ros.network.gate import Assignment

KERNELS = ((1, 3), (1, 5), (1, 7), (3, 1), (5, 1), (7, 1), (3, 3), (5, 5))

# Batch, channels, hidden channels, height, width: every width of both models, hidden channels that
# are no power of two, images smaller than a program and larger, and than the largest kernel.
CASES = ((2, 32, 48, 9, 11), (1, 16, 32, 20, 10), (1, 256, 32, 3, 5), (3, 128, 8, 6, 7),
         (2, 64, 48, 13, 4))


def made(case: tuple[int, ...]) -> tuple[ExpertMixture, torch.Tensor, Assignment]:
    """A mixture with every weight random, features, and other experts for every image."""
    batch, channels, hidden, height, width = case
    torch.manual_seed(sum(case))
    mixture = ExpertMixture(channels, hidden, KERNELS).eval().requires_grad_(False)
    for parameter in mixture.parameters():
        parameter.normal_(0, 0.1)
    chosen = torch.stack([torch.randperm(len(KERNELS))[:2] for _ in range(batch)])
    gates = torch.zeros(batch, len(KERNELS)).scatter(1, chosen, torch.rand(batch, 2))
    return mixture, torch.randn(batch, channels, height, width), Assignment(gates, chosen)


def expected_of(mixture: ExpertMixture, features: torch.Tensor,
                routing: Assignment) -> torch.Tensor:
    """Equation 10 with our residual, expert by expert."""
    result = features.clone()
    for index, expert in enumerate(mixture.experts):
        result += routing.gates[:, index].view(-1, 1, 1, 1) * expert(features)
    return result


def interpret() -> None:
    """Compare on a CPU; run in a process in which Triton interprets."""
    from degfuse_ros.network.expert_kernels import ExpertKernels
    for case in CASES:
        mixture, features, routing = made(case)
        experts: list[Any] = list(mixture.experts)
        kernels = ExpertKernels(
            [each.shape.weight for each in experts], [each.shape.bias for each in experts],
            [each.back.weight[..., 0, 0] for each in experts],
            [each.back.bias for each in experts])
        assert isinstance(routing.chosen, torch.Tensor)
        found = kernels(features, routing.gates, routing.chosen)
        torch.testing.assert_close(found, expected_of(mixture, features, routing),
                                   atol=1e-5, rtol=1e-5)
        with FlopCounterMode(display=False) as counter:
            kernels(features, routing.gates, routing.chosen)
        with FlopCounterMode(display=False) as of_all:
            expected_of(mixture, features, routing)
        widened = max(16, 2 ** (case[2] - 1).bit_length()) / case[2]
        assert counter.get_total_flops() == of_all.get_total_flops() * widened * 2 / len(KERNELS)
        print(case)


@needs_triton
@needs_no_gpu
def test_kernels_equal_the_sum_over_all_experts_when_interpreted() -> None:
    assert interpreted(__file__) == [str(case) for case in CASES]


@needs_triton
def test_other_numbers_of_channels_are_refused() -> None:
    from degfuse_ros.network.expert_kernels import ExpertKernels
    with pytest.raises(ValueError, match='Got 24'):
        ExpertKernels([torch.zeros(8, 24, 1, 3)], [torch.zeros(8)], [torch.zeros(24, 8)],
                      [torch.zeros(24)])


@needs_gpu
@pytest.mark.parametrize('case', [*CASES, (1, 32, 32, 240, 320), (4, 256, 32, 30, 40)])
@pytest.mark.parametrize('precision', [torch.float32, torch.float16])
def test_kernels_equal_the_sum_over_all_experts_on_a_gpu(
        case: tuple[int, ...], precision: torch.dtype) -> None:
    mixture, features, routing = made(case)
    expected = expected_of(mixture.double(), features.double(),
                           Assignment(routing.gates.double(), routing.chosen))
    assert isinstance(routing.chosen, torch.Tensor)
    mixture.to('cuda', precision).stack()
    assert type(mixture._on_device).__name__ == 'ExpertKernels'
    on_device = Assignment(routing.gates.cuda(), routing.chosen.cuda())
    given = features.to('cuda', precision)
    found, again = mixture(given, on_device), mixture(given, on_device)
    assert torch.equal(found, again), 'deterministic'
    tolerance = 1e-4 if precision == torch.float32 else 2e-2
    torch.testing.assert_close(found.cpu().double(), expected, atol=tolerance, rtol=tolerance)


if __name__ == '__main__':
    interpret()
