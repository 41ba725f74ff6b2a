# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Differentiable image arithmetic shared by the network and its losses. Values lie in [0, 1]."""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor

# ITU-R BT.601, full range: the convention of the fusion literature's metrics.
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


def luma(image: Tensor) -> Tensor:
    """BT.601 luminance of an RGB image, B x 3 x H x W to B x 1 x H x W."""
    red, green, blue = image.unbind(1)
    weight_red, weight_green, weight_blue = LUMA_WEIGHTS
    return (weight_red * red + weight_green * green + weight_blue * blue).unsqueeze(1)


def replace_luma(image: Tensor, new_luma: Tensor) -> Tensor:
    """Give an RGB image another luminance and keep its chroma (Cb and Cr of BT.601).

    Equal shifts of R, G and B change Y alone, so this is YCbCr replacement without the matrices.

    Args:
        image: B x 3 x H x W, RGB.
        new_luma: B x 1 x H x W.

    Returns:
        B x 3 x H x W, RGB, clipped to [0, 1].
    """
    return (image + (new_luma - luma(image))).clamp(0, 1)


def sobel(image: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical Sobel derivatives with replicated borders, unnormalised.

    Args:
        image: B x 1 x H x W.

    Returns:
        Two tensors B x 1 x H x W; a unit step has the value 4.
    """
    padded = functional.pad(image, (1, 1, 1, 1), mode='replicate')  # B x 1 x H+2 x W+2
    # Sums of slices, not a convolution: exact under autocast, and no kernel to bring to the GPU.
    down = padded[..., :-2, :] + 2 * padded[..., 1:-1, :] + padded[..., 2:, :]
    across = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    return down[..., 2:] - down[..., :-2], across[..., 2:, :] - across[..., :-2, :]


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Pad right and bottom by reflection until both sides are multiples.

    Args:
        image: B x C x H x W with both sides larger than the padding that they need.
        multiple: pixels.
    """
    height, width = image.shape[-2:]
    pad = (0, -width % multiple, 0, -height % multiple)
    return functional.pad(image, pad, mode='reflect') if any(pad) else image
