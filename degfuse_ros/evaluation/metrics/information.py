# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Metrics from information theory: entropy, mutual information and visual information fidelity.

Images are N x H x W uint8 luma; results are N float64.
"""

import math

import torch
from torch import Tensor

from degfuse_ros.evaluation.metrics.windows import gaussian, window_mean, window_statistics

LEVELS = 256

# VIF's scales, finest first, and its other constants, as in the authors' code (vifp_mscale).
_WINDOWS = [gaussian(size, size / 5) for size in (17, 9, 5, 3)]
_NOISE, _TINY = 2.0, 1e-10


def entropy(images: Tensor) -> Tensor:
    """EN: Shannon entropy of the histogram of 256 grey levels, 0 to 8 bits."""
    return _bits(_histogram(images.long(), LEVELS))


def mutual_information(sources: Tensor, fused: Tensor) -> Tensor:
    """MI: what the fused image tells about the sources, sum of I(fused; source) in bits.

    Qu et al., "Information measure for performance of image fusion" (2002); histograms of 256 and
    256 x 256 grey levels.

    Args:
        sources: S x H x W uint8.
        fused: N x H x W uint8.
    """
    marginal = entropy(sources).sum() + len(sources) * entropy(fused)
    levels = fused.long()
    joint = [_histogram(source.long() * LEVELS + levels, LEVELS ** 2) for source in sources]
    return marginal - torch.stack([_bits(counts) for counts in joint]).sum(0)


def visual_information(sources: Tensor, fused: Tensor) -> Tensor:
    """VIF: sum over the sources of the pixel-domain visual information fidelity.

    Each is 0 to 1, and above 1 where the fused image has the source's details in more contrast.
    Sheikh and Bovik, "Image information and visual quality" (2006); four scales, Gaussian windows
    of 17, 9, 5 and 3 pixels, noise variance 2. A flat fused image scores 0 and a flat source, in
    which there is nothing to see, adds 1.

    Args:
        sources: S x H x W uint8, H and W 41 or more.
        fused: N x H x W uint8.
    """
    seen = _scales(fused)
    return torch.stack([_fidelity(_scales(source), seen) for source in sources]).sum(0)


def _histogram(values: Tensor, size: int) -> Tensor:
    """Return the relative frequencies, N x size float64, of N x H x W values 0 to size - 1."""
    offsets = torch.arange(len(values), device=values.device)[:, None, None] * size
    counts = torch.bincount((values + offsets).flatten(), minlength=len(values) * size)
    return counts.view(len(values), size).double() / values[0].numel()


def _bits(frequencies: Tensor) -> Tensor:
    """Return the entropy of each row of N x K frequencies."""
    return torch.special.entr(frequencies).sum(-1) / math.log(2)


def _scales(images: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Return levels, local means and local variances of ... x H x W uint8 at VIF's four scales."""
    levels = images.double()
    # VIF does not depend on the mean. Without it, rounded, flat images are exactly 0 throughout.
    levels = levels - levels.mean((-2, -1), keepdim=True).round()
    scales: list[tuple[Tensor, Tensor, Tensor]] = []
    for window in _WINDOWS:
        if scales:
            levels = window_mean(levels, window)[..., ::2, ::2]
        scales.append((levels, *window_statistics(levels, window)))
    return scales


def _fidelity(source: list[tuple[Tensor, Tensor, Tensor]],
              fused: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """Return the VIF of the fused images against one source, N float64."""
    passed = total = torch.zeros(len(fused[0][0]), dtype=torch.float64, device=fused[0][0].device)
    for window, own, other in zip(_WINDOWS, source, fused):
        (levels, mean, variance), (others, other_mean, other_variance) = own, other
        covariance = window_mean(levels * others, window) - mean * other_mean
        # A channel lies between the two, with a gain, which is never negative, and noise.
        gain = torch.where(variance < _TINY, 0, covariance / (variance + _TINY)).clamp(min=0)
        rest = (other_variance - gain * covariance).clamp(min=_TINY)
        passed = passed + torch.log2(
            1 + gain.square() * variance / (rest + _NOISE)).sum((-2, -1))
        total = total + torch.log2(1 + variance / _NOISE).sum((-2, -1))
    return torch.where(total > 0, passed / total, 1.0)
