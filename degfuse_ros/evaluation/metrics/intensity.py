# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of the fused image alone: contrast and detail, whether true or noise.

All take N x H x W uint8 luma and return N float64, in grey levels.
"""

import torch
from torch import Tensor


def standard_deviation(images: Tensor) -> Tensor:
    """SD: the population standard deviation of the grey levels, 0 to 127.5."""
    return images.double().std(dim=(-2, -1), correction=0)


def spatial_frequency(images: Tensor) -> Tensor:
    """SF: the root of the mean squared differences of neighbours along rows and along columns.

    Eskicioglu and Fisher, "Image quality measures and their performance" (1995):
    SF = sqrt(RF^2 + CF^2); each mean is taken over the differences that exist.
    """
    levels = images.double()
    along_row, along_column = levels.diff(dim=-1), levels.diff(dim=-2)
    return (along_row.square().mean((-2, -1)) + along_column.square().mean((-2, -1))).sqrt()


def average_gradient(images: Tensor) -> Tensor:
    """AG: sum of sqrt((gx^2 + gy^2) / 2) over all pixels, divided by (H - 1)(W - 1).

    Cui et al., "Detail preserved fusion of visible and infrared images" (2015), as the MATLAB
    toolbox by Tang computes it: central differences inside, one-sided ones on the border.
    """
    height, width = images.shape[-2:]
    by_column, by_row = torch.gradient(images.float(), dim=(-2, -1))
    size = ((by_row.square() + by_column.square()) / 2).sqrt()
    return size.sum((-2, -1), dtype=torch.float64) / ((height - 1) * (width - 1))
