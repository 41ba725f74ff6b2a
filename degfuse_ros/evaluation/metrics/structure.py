# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Likeness of images: SSIM, correlations of differences, and PSNR."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from degfuse_ros.evaluation.metrics.luminance import luma
from degfuse_ros.evaluation.metrics.windows import gaussian, window_mean, window_statistics

HIGHEST_PSNR = 100.0
"""dB, for identical images too: JSON has no infinity. One pixel of 640 x 480 that is off by one
level gives 103 dB, so that nothing visible lies beyond."""

_WINDOW = gaussian(11, 1.5)


def structural_similarity(sources: Tensor, fused: Tensor) -> Tensor:
    """SSIM: mean over the sources of the structural similarity, -1 to 1.

    Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004);
    Gaussian window of 11 pixels, sigma 1.5, K1 = 0.01, K2 = 0.03, range 255. (Some papers print
    the sum, twice this.) As in the paper, only windows within the image count; torchmetrics
    mirrors the border.

    Args:
        sources: S x H x W uint8, H and W 11 or more.
        fused: N x H x W uint8.

    Returns:
        N float64.
    """
    steady, lively = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # C1 and C2
    levels = fused.double()
    mean, variance = window_statistics(levels, _WINDOW)
    similarities = []
    for source in sources.double():
        own_mean, own_variance = window_statistics(source, _WINDOW)
        product = mean * own_mean
        covariance = window_mean(levels * source, _WINDOW) - product
        likeness = (2 * product + steady) * (2 * covariance + lively)
        likeness /= mean.square() + own_mean.square() + steady
        likeness /= variance + own_variance + lively
        similarities.append(likeness.mean((-2, -1)))
    return torch.stack(similarities).mean(0)


def correlations_of_differences(sources: Tensor, fused: Tensor) -> Tensor:
    """SCD: corr(fused - thermal, visible) + corr(fused - visible, thermal), -2 to 2.

    Aslantas and Bendes, "A new image quality metric for image fusion: the sum of the correlations
    of differences" (2015). A correlation with a constant is 0.

    Args:
        sources: 2 x H x W uint8, visible and thermal.
        fused: N x H x W uint8.

    Returns:
        N float64.
    """
    visible, thermal = sources.double()
    levels = fused.double()
    return _correlation(levels - thermal, visible) + _correlation(levels - visible, thermal)


def psnr(image: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of the luma of two images in dB, at most 100.

    Args:
        image: H x W x 3 uint8 RGB or H x W uint8.
        original: of the same height and width.

    Raises:
        ValueError: the sizes differ.
    """
    pair = [torch.from_numpy(luma(each).astype(np.float32)) for each in (image, original)]
    if pair[0].shape != pair[1].shape:
        raise ValueError('images to be compared must have the same height and width. '
                         f'Got {tuple(pair[0].shape)} and {tuple(pair[1].shape)}.')
    return min(HIGHEST_PSNR, float(peak_signal_noise_ratio(pair[0], pair[1], data_range=255.0)))


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Return the Pearson correlation of N x H x W with H x W; 0 where one is constant."""
    first = first - first.mean((-2, -1), keepdim=True)
    second = second - second.mean()
    spread = (first.square().sum((-2, -1)) * second.square().sum()).sqrt()
    # Pixels are whole numbers: a spread that is not 0 is well above the clamp.
    return torch.where(spread > 0, (first * second).sum((-2, -1)) / spread.clamp(min=1e-9), 0.0)
