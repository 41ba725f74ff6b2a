# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Tone and tint of other cameras: the same scene, clean as before."""

from __future__ import annotations

import torch
from torch import Tensor

from degfuse_ros.network.image_math import luma
from degfuse_ros.training.degradations.draws import change_where, ratio


def another_tone(image: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
    """Change gamma, white balance and saturation, as the settings of another camera would.

    A few hundred pictures are soon known by heart, by their colours first; this keeps a model from
    it. At strength 1 nothing is dark, bright or pale enough to be called degraded.

    Args:
        image: B x 3 x H x W, RGB in [0, 1].
        strength: B on the CPU, in [0, 1]; 0 keeps an image bit for bit.
        generator: on the image's device.

    Returns:
        B x 3 x H x W, RGB in [0, 1].
    """

    def change(part: Tensor, amount: Tensor) -> Tensor:
        batch = len(part)
        # Mean brightness 0.5 becomes 0.44 to 0.57; white balances of cameras differ by a tenth.
        part = part ** ratio(batch, 0.8, 1.25, generator) ** amount
        part = part * ratio(batch, 0.9, 1.1, generator, (3, 1, 1)) ** amount
        grey = luma(part)
        return grey + ratio(batch, 0.6, 1.4, generator) ** amount * (part - grey)

    return change_where(image, strength, change)
