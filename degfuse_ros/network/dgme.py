# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""DGME: a mixture of convolutional experts, gated by the guidance vector (method, section 3)."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from degfuse_ros.network.gate import Assignment


class _Expert(nn.Module):
    """Convolution of one shape, activation, 1x1 convolution back."""

    def __init__(self, channels: int, hidden: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.shape = nn.Conv2d(
            channels, hidden, kernel, padding=(kernel[0] // 2, kernel[1] // 2))
        self.activation = nn.LeakyReLU(0.1)
        self.back = nn.Conv2d(hidden, channels, 1)
        # There is no normalisation layer: a quiet start keeps eleven residual blocks stable.
        with torch.no_grad():
            self.back.weight.mul_(0.2)
            cast(Tensor, self.back.bias).zero_()

    def forward(self, features: Tensor) -> Tensor:
        return self.back(self.activation(self.shape(features)))


class ExpertMixture(nn.Module):
    """F + sum over the active experts of G_e Expert_e(F) (equation 10, with our residual).

    Args:
        channels: C of the feature map, kept.
        hidden: channels inside an expert.
        kernels: (height, width) per expert.
    """

    def __init__(self, channels: int, hidden: int, kernels: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.experts = nn.ModuleList(_Expert(channels, hidden, kernel) for kernel in kernels)

    def forward(self, features: Tensor, routing: Assignment) -> Tensor:
        """Run the chosen experts of a single image, or all experts of a batch.

        Args:
            features: B x C x H x W.
            routing: this layer's assignment.
        """
        experts = [cast(_Expert, expert) for expert in self.experts]
        if routing.chosen is not None:  # inference: six of eight are skipped
            result = features
            for index in routing.chosen:
                weight = routing.gates[0, index].to(features.dtype)
                result = result + weight * experts[index](features)
            return result
        return features + self._weigh(experts, features, routing.gates)

    def _weigh(self, experts: list[_Expert], features: Tensor, gates: Tensor) -> Tensor:
        """Sum over all experts of G_e Expert_e(F), their second halves in one convolution.

        Sorting a batch's images by expert would spare three quarters of the arithmetic, but a GPU
        spends more on the many small launches and on waiting for the host: all shapes here are
        known beforehand.
        """
        hidden = experts[0].activation(
            torch.cat([expert.shape(features) for expert in experts], 1))  # B x Mh x H x W
        share = gates.to(hidden.dtype).repeat_interleave(experts[0].back.in_channels, 1)
        weight = torch.cat([expert.back.weight for expert in experts], 1)  # C x Mh x 1 x 1
        bias = torch.stack([cast(Tensor, expert.back.bias) for expert in experts])  # M x C
        mixed = functional.conv2d(hidden * share[..., None, None], weight)  # B x C x H x W
        return mixed + (gates @ bias)[..., None, None].to(mixed.dtype)
