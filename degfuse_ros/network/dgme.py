# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""DGME: a mixture of convolutional experts, gated by the guidance vector (method, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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


@dataclass(frozen=True)
class _Stack:
    """All experts' weights in one shape, a row per expert, for gathering by index.

    A zero round a kernel changes nothing, so that all have the size of the largest.
    """

    kernel: tuple[int, int]
    weight: Tensor  # M x h kh kw C: channels last, as the convolution wants them
    bias: Tensor  # M x h
    back: Tensor  # M x h+1 x C, the last row is the bias; float32: gates come in before rounding


def _stack(experts: list[_Expert]) -> _Stack:
    layers = [expert.shape for expert in experts]
    kernel = [max(layer.weight.shape[side] for layer in layers) for side in (2, 3)]
    weights = []
    for layer in layers:
        down, across = ((kernel[side] - layer.weight.shape[2 + side]) // 2 for side in (0, 1))
        padded = functional.pad(layer.weight, (across, across, down, down))  # h x C x kh x kw
        weights.append(padded.permute(0, 2, 3, 1).flatten())
    return _Stack(
        kernel=(kernel[0], kernel[1]),
        weight=torch.stack(weights),
        bias=torch.stack([cast(Tensor, layer.bias) for layer in layers]),
        back=torch.stack([
            torch.cat((expert.back.weight[..., 0, 0].T, cast(Tensor, expert.back.bias)[None]))
            for expert in experts]).float())


def _convolve(layers: list[nn.Conv2d], features: Tensor) -> Tensor:
    """Outputs of convolutions over the same features, side by side, as one of their largest size.

    A zero round a kernel changes nothing; reading the features once spares time.
    """
    height, width = (max(layer.weight.shape[side] for layer in layers) for side in (2, 3))
    weights = []
    for layer in layers:
        down, across = (height - layer.weight.shape[2]) // 2, (width - layer.weight.shape[3]) // 2
        weights.append(functional.pad(layer.weight, (across, across, down, down)))
    bias = torch.cat([cast(Tensor, layer.bias) for layer in layers])
    return functional.conv2d(
        features, torch.cat(weights), bias, padding=(height // 2, width // 2))


def _gather(stack: _Stack, features: Tensor, gates: Tensor, chosen: Tensor) -> Tensor:
    """F + sum of G_e Expert_e(F) over each image's own experts, all indices on the device.

    One convolution per image computes its K experts side by side. A grouped one for the whole
    batch would need the features channel by channel in memory, two copies more.

    Args:
        stack: of the layer.
        features: B x C x H x W.
        gates: B x M.
        chosen: B x K.
    """
    batch, channels, height, width = features.shape
    # Pixel shuffling leaves the other order in memory; both uses below would copy it.
    features = features.contiguous(memory_format=torch.channels_last)
    rows = chosen.flatten()  # BK
    weight = (stack.weight.index_select(0, rows)
              .view(batch, -1, *stack.kernel, channels).permute(0, 1, 4, 2, 3))  # B x Kh x C x ...
    bias = stack.bias.index_select(0, rows).view(batch, -1)  # B x Kh
    padding = (stack.kernel[0] // 2, stack.kernel[1] // 2)
    hidden = [functional.conv2d(image, kernels, own, padding=padding) for image, kernels, own
              in zip(features.split(1), weight.unbind(), bias.unbind())]
    active = functional.leaky_relu(hidden[0] if batch == 1 else torch.cat(hidden), 0.1)
    back = stack.back.index_select(0, rows).view(batch, chosen.shape[1], -1, channels)
    back = back * gates.gather(1, chosen)[..., None, None]  # B x K x h+1 x C
    shift = back[:, :, -1].sum(1).to(features.dtype)  # B x C
    result = torch.baddbmm(
        (features + shift[..., None, None]).permute(0, 2, 3, 1).flatten(1, 2),
        active.permute(0, 2, 3, 1).flatten(1, 2),
        back[:, :, :-1].to(active.dtype).flatten(1, 2))  # B x HW x C
    return result.view(batch, height, width, channels).permute(0, 3, 1, 2)  # B x C x H x W


_OnDevice = Callable[[Tensor, Tensor, Tensor], Tensor]
"""F + sum of G_e Expert_e(F) of features, gates B x M and chosen B x K, without the host."""


def _kernels(experts: list[_Expert]) -> _OnDevice | None:
    """Return our own kernels for these experts, None where they cannot run."""
    weights = [expert.shape.weight for expert in experts]
    if weights[0].device.type != 'cuda':
        return None
    try:
        from degfuse_ros.network.expert_kernels import ExpertKernels
        return ExpertKernels(
            weights, [cast(Tensor, expert.shape.bias) for expert in experts],
            [expert.back.weight[..., 0, 0] for expert in experts],
            [cast(Tensor, expert.back.bias) for expert in experts])
    except (ImportError, ValueError):  # torch without Triton, as on some Jetsons; odd channels
        return None


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
        # Same height, same width, square: kernels of one structure waste little when padded to
        # the largest of them.
        structures = [(height == 1, width == 1) for height, width in kernels]
        self._groups = [[index for index, own in enumerate(structures) if own == structure]
                        for structure in dict.fromkeys(structures)]
        self._on_device: _OnDevice | None = None

    def stack(self) -> None:
        """Copy the weights as they are now into the form that assignments on the device need."""
        with torch.no_grad():
            experts = [cast(_Expert, expert) for expert in self.experts]
            self._on_device = _kernels(experts) or partial(_gather, _stack(experts))

    def forward(self, features: Tensor, routing: Assignment) -> Tensor:
        """Run the chosen experts of a single image, or of every image, or all experts of a batch.

        Args:
            features: B x C x H x W.
            routing: this layer's assignment. One on the device needs `stack` first.
        """
        if isinstance(routing.chosen, Tensor):
            assert self._on_device is not None, 'call stack() first'
            return self._on_device(features, routing.gates, routing.chosen)
        experts = [cast(_Expert, expert) for expert in self.experts]
        if routing.chosen is not None:  # inference: six of eight are skipped
            result = features
            for index in routing.chosen:
                weight = routing.gates[0, index].to(features.dtype)
                result = result + weight * experts[index](features)
            return result
        return features + self._weigh(experts, features, routing.gates)

    def _weigh(self, experts: list[_Expert], features: Tensor, gates: Tensor) -> Tensor:
        """Sum over all experts of G_e Expert_e(F), with few large convolutions.

        Sorting a batch's images by expert would spare three quarters of the arithmetic, but a GPU
        spends more on the many small launches and on waiting for the host: all shapes here are
        known beforehand.
        """
        order = [index for group in self._groups for index in group]
        ordered = [experts[index] for index in order]
        hidden = ordered[0].activation(torch.cat(
            [_convolve([experts[index].shape for index in group], features)
             for group in self._groups], 1))  # B x Mh x H x W
        # Not gates[:, order]: a list of indices is copied from the host, which no graph can hold.
        ordered_gates = torch.stack([gates[:, index] for index in order], 1).to(hidden.dtype)
        share = ordered_gates.repeat_interleave(ordered[0].back.in_channels, 1)  # B x Mh
        weight = torch.cat([expert.back.weight for expert in ordered], 1)  # C x Mh x 1 x 1
        bias = torch.stack([cast(Tensor, expert.back.bias) for expert in experts])  # M x C
        mixed = functional.conv2d(hidden * share[..., None, None], weight)  # B x C x H x W
        return mixed + (gates @ bias)[..., None, None].to(mixed.dtype)
