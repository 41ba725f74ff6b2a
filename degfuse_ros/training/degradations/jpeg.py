# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""JPEG's loss: quantised cosine transforms of 8 x 8 blocks, colours at half size (4:2:0)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.training.degradations.draws import constant

# ISO/IEC 10918-1, annex K: tables of quality 50 for luminance and chrominance.
_LUMINANCE = torch.tensor((
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99))
_CHROMINANCE = torch.tensor((
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99) + (99,) * 32)

# JFIF: full-range BT.601; rows Y, Cb, Cr.
_TO_YCBCR = torch.tensor(((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5),
                          (0.5, -0.418688, -0.081312)))
_TO_RGB = torch.linalg.inv(_TO_YCBCR)


def _cosines() -> Tensor:
    """Build the orthonormal cosine transform of 8 x 8 blocks, 64 x 64."""
    place = torch.arange(8, dtype=torch.float64)
    one = torch.cos((2 * place + 1) * place[:, None] * math.pi / 16) / 2  # frequency x place
    one[0] /= math.sqrt(2)
    return torch.kron(one, one).float()


_COSINES = _cosines()


def jpeg(image: Tensor, coarseness: Tensor) -> Tensor:
    """Compress and decompress.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        coarseness: B x 1 x 1 x 1, factor on the standard tables: 1 is libjpeg's quality 50, 2 is
            25, 0.5 is 75 and 0.1 is 95.
    """
    height, width = image.shape[-2:]
    padded = functional.pad(image, (0, -width % 16, 0, -height % 16), mode='replicate')
    colours = torch.einsum('kc,bchw->bkhw', constant(_TO_YCBCR, image.device), padded)
    bright, chroma = colours[:, :1], functional.avg_pool2d(colours[:, 1:], 2)
    bright = _quantise(bright - 0.5, coarseness, _LUMINANCE) + 0.5
    chroma = _quantise(chroma, coarseness, _CHROMINANCE)
    chroma = functional.interpolate(chroma, scale_factor=2.0, mode='bilinear')
    colours = torch.cat((bright, chroma), 1)
    result = torch.einsum('kc,bchw->bkhw', constant(_TO_RGB, image.device), colours)
    return result[..., :height, :width].clamp(0, 1)


def _quantise(planes: Tensor, coarseness: Tensor, table: Tensor) -> Tensor:
    """Round the coefficients of 8 x 8 blocks to multiples of the table, B x C x H x W."""
    batch, channels, height, width = planes.shape
    cosines = constant(_COSINES, planes.device)
    steps = constant(table, planes.device) / 255 * coarseness.view(batch, 1, 1)
    steps = steps.clamp(min=1 / 255)  # B x 1 x 64
    blocks = functional.unfold(planes.reshape(batch * channels, 1, height, width), 8, stride=8)
    blocks = (cosines @ blocks).view(batch, channels, 64, -1)
    steps = steps.view(batch, 1, 64, 1)
    blocks = ((blocks / steps).round() * steps).view(batch * channels, 64, -1)
    return functional.fold(cosines.T @ blocks, (height, width), 8, stride=8).view_as(planes)
