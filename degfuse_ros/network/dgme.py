# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""DGME: a mixture of convolutional experts, gated by the guidance vector (method, section 3)."""

from __future__ import annotations

from typing import cast

import torch
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
        """Run the chosen experts only.

        Args:
            features: B x C x H x W.
            routing: this layer's assignment.
        """
        if len(features) == 1:  # inference: no gather, no scatter
            chosen = [expert for expert, count in zip(self._experts(), routing.counts) if count]
            weights, source = routing.weights.to(features.dtype), features
            for expert, weight in zip(chosen, weights):
                features = features + weight * expert(source)
            return features
        return features + self._batched(features, routing)

    def _experts(self) -> list[_Expert]:
        return [cast(_Expert, expert) for expert in self.experts]

    def _batched(self, features: Tensor, routing: Assignment) -> Tensor:
        """Per expert one convolution over its own images; all second halves in one product."""
        experts = self._experts()
        spread = features.index_select(0, routing.images)  # BK x C x H x W
        convolved = [expert.shape(part) for expert, part
                     in zip(experts, spread.split(routing.counts)) if len(part)]
        hidden = experts[0].activation(torch.cat(convolved))  # BK x h x H x W
        scale = routing.weights[:, None]
        weight = torch.stack([expert.back.weight[..., 0, 0] for expert in experts])
        bias = torch.stack([cast(Tensor, expert.back.bias) for expert in experts])
        weight = weight.index_select(0, routing.experts) * scale[..., None]  # BK x C x h
        bias = bias.index_select(0, routing.experts) * scale  # BK x C
        rows = hidden.permute(0, 2, 3, 1).flatten(1, 2)  # BK x HW x h
        mixed = torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))  # BK x HW x C
        mixed = mixed.unflatten(1, features.shape[-2:]).permute(0, 3, 1, 2)  # BK x C x H x W
        return torch.zeros_like(features).index_add(0, routing.images, mixed)
