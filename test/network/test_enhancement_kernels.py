# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""PKDM's kernels against its plain arithmetic: interpreted on a CPU, and on a GPU."""

import pytest
import torch
from torch import Tensor
from triton_kernels import interpreted, needs_gpu, needs_no_gpu, needs_triton

from degfuse_ros.network import pkdm

# Image and map sides: the usual quarter, one that was rounded up, images of several programs.
CASES = (((16, 24), (4, 6)), ((33, 50), (9, 13)), ((40, 64), (10, 16)))


def made(case: tuple[tuple[int, int], tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images, depths of either sign, airlights and curve maps."""
    image, small = case
    torch.manual_seed(image[0])
    return (torch.rand(2, 3, *image), 2 * torch.randn(2, 1, *small), torch.rand(2, 3),
            2 * torch.rand(2, 8, *small) - 1)


def check(case: tuple[tuple[int, int], tuple[int, int]], device: str, order: torch.memory_format,
          precision: torch.dtype) -> None:
    """Compare both kernels with the plain functions in float64."""
    from degfuse_ros.network import enhancement_kernels
    image, depth, airlight, maps = made(case)
    depth, airlight, maps = (each.to(precision) for each in (depth, airlight, maps))
    clear = pkdm.clear_haze(image.double(), depth.double(), airlight.double())
    bent = pkdm.bend(image.double(), maps.double())
    # A part of more channels: not dense in memory.
    given = torch.cat((image, image), 1).to(device).contiguous(memory_format=order)[:, :3]
    found = enhancement_kernels.clear_haze(given, depth.to(device), airlight.to(device))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.cpu().double(), clear, atol=1e-5, rtol=1e-5)
    found = enhancement_kernels.bend(given, maps.to(device).contiguous(memory_format=order))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.cpu().double(), bent, atol=1e-5, rtol=1e-5)


def interpret() -> None:
    """Compare on a CPU; run in a process in which Triton interprets."""
    for case in CASES:
        for order in (torch.channels_last, torch.contiguous_format):
            check(case, 'cpu', order, torch.float32)
        print(case)


@needs_triton
@needs_no_gpu
def test_kernels_equal_the_plain_arithmetic_when_interpreted() -> None:
    assert interpreted(__file__) == [str(case) for case in CASES]


@needs_triton
def test_pkdm_works_by_them_where_it_is_told_to() -> None:
    from degfuse_ros.network import enhancement_kernels
    chain = pkdm.PriorEnhancement()
    assert chain.dehaze.clear is pkdm.clear_haze and chain.curve.bend is pkdm.bend
    enhancement_kernels.use_kernels(chain)
    assert chain.dehaze.clear is enhancement_kernels.clear_haze
    assert chain.curve.bend is enhancement_kernels.bend


@needs_gpu
@pytest.mark.parametrize('case', [*CASES, ((480, 640), (120, 160))])
@pytest.mark.parametrize('order', [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize('precision', [torch.float32, torch.float16])
def test_kernels_equal_the_plain_arithmetic_on_a_gpu(
        case: tuple[tuple[int, int], tuple[int, int]], order: torch.memory_format,
        precision: torch.dtype) -> None:
    check(case, 'cuda', order, precision)


if __name__ == '__main__':
    interpret()
