# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
# Triton reads annotations: a kernel's tensors cannot have any.
# mypy: allow-untyped-defs, allow-incomplete-defs
"""Triton kernels of the expert mixture: only the chosen experts, each with its own taps.

cuDNN must be given one kernel size for all experts, 7 x 7, and chooses a poor algorithm for some
image sizes: on an H100 it took most of a frame's time. Import needs Triton.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula


class _Launch(NamedTuple):
    """How the first kernel is started."""

    pixels: int  # per program
    step: int  # input channels per round of its loop
    warps: int
    stages: int  # loads ahead


# By channels: the quickest of about 30 on an H100, for a 5 x 5 and a 1 x 7 expert at 640 x 480 and
# 1280 x 1024. The wide layers are at the deep levels, which have few pixels and must still fill
# the GPU. The same for all sizes, so that one not seen before compiles nothing.
LAUNCHES = {
    16: _Launch(128, 16, 4, 3), 32: _Launch(128, 32, 4, 3), 64: _Launch(128, 64, 4, 3),
    128: _Launch(64, 128, 8, 3), 256: _Launch(16, 128, 4, 4)}
# Pixels and channels per program of the second kernel.
JOINED_PIXELS, JOINED_CHANNELS = 64, 64
# Side of a tensor core's smallest tile.
TILE = 16


def tile(number: int) -> int:
    """Return the number rounded up to a tile's side: a power of two."""
    side: int = max(TILE, triton.next_power_of_2(number))
    return side


@triton.jit(do_not_specialize=['height', 'width'])
def _hide(features, hidden, weights, bias, shapes, chosen, height, width,
          channels: tl.constexpr, hidden_channels: tl.constexpr, active: tl.constexpr,
          pixels: tl.constexpr, step: tl.constexpr) -> None:
    """leaky_relu(convolution) of one chosen expert for `pixels` pixels of one image."""
    image = tl.program_id(1) // active
    expert = tl.load(chosen + tl.program_id(1)).to(tl.int32)
    down = tl.load(shapes + 3 * expert)
    across = tl.load(shapes + 3 * expert + 1)
    own = weights + tl.load(shapes + 3 * expert + 2)
    pixel = tl.program_id(0) * pixels + tl.arange(0, pixels)
    row, column = pixel // width, pixel % width
    there = pixel < height * width
    inputs, outputs = tl.arange(0, step), tl.arange(0, hidden_channels)
    source = features + image.to(tl.int64) * height * width * channels
    total = tl.zeros((pixels, hidden_channels), tl.float32)
    parts: tl.constexpr = channels // step
    for index in range(down * across * parts):
        tap = index // parts
        first = (index % parts) * step
        y = row + tap // across - down // 2
        x = column + tap % across - across // 2
        seen = there & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        values = tl.load(source + ((y * width + x) * channels + first)[:, None] + inputs[None, :],
                         mask=seen[:, None], other=0.0)  # pixels x step
        taps = tl.load(own + ((tap * channels + first) + inputs)[:, None] * hidden_channels
                       + outputs[None, :])  # step x hidden_channels
        total = tl.dot(values, taps, total, input_precision='ieee')
    total += tl.load(bias + expert * hidden_channels + outputs)[None, :]
    total = tl.where(total > 0, total, 0.1 * total)
    target = hidden + tl.program_id(1).to(tl.int64) * height * width * hidden_channels
    tl.store(target + pixel[:, None] * hidden_channels + outputs[None, :],
             total.to(hidden.dtype.element_ty), mask=there[:, None])


@triton.jit(do_not_specialize=['size'])
def _join(features, hidden, result, back, shift, gates, chosen, size,
          channels: tl.constexpr, hidden_channels: tl.constexpr, active: tl.constexpr,
          experts: tl.constexpr, pixels: tl.constexpr, part: tl.constexpr) -> None:
    """F + sum of G_e (back of hidden_e) for `pixels` pixels and `part` channels of one image."""
    image = tl.program_id(2)
    pixel = tl.program_id(0) * pixels + tl.arange(0, pixels)
    there = (pixel < size)[:, None]
    inner = tl.arange(0, hidden_channels)
    channel = tl.program_id(1) * part + tl.arange(0, part)
    place = ((image.to(tl.int64) * size + pixel) * channels)[:, None] + channel[None, :]
    total = tl.load(features + place, mask=there, other=0.0).to(tl.float32)  # pixels x part
    for index in tl.static_range(active):
        expert = tl.load(chosen + image * active + index).to(tl.int32)
        gate = tl.load(gates + image * experts + expert)
        source = hidden + (image * active + index).to(tl.int64) * size * hidden_channels
        values = tl.load(source + pixel[:, None] * hidden_channels + inner[None, :],
                         mask=there, other=0.0)  # pixels x hidden_channels
        weight = tl.load(back + (expert * hidden_channels + inner)[:, None] * channels
                         + channel[None, :])  # hidden_channels x part
        own = tl.dot(values, weight, input_precision='ieee')
        total += gate * (own + tl.load(shift + expert * channels + channel)[None, :])
    tl.store(result + place, total.to(result.dtype.element_ty), mask=there)


class ExpertKernels:
    """One layer's experts, packed for the kernels.

    Args:
        weights: per expert h x C x kh x kw.
        biases: per expert h.
        backs: per expert C x h.
        shifts: per expert C.

    Raises:
        ValueError: channels that the kernels were not made for.
    """

    def __init__(self, weights: list[Tensor], biases: list[Tensor], backs: list[Tensor],
                 shifts: list[Tensor]) -> None:
        hidden, self._channels = weights[0].shape[:2]
        if self._channels not in LAUNCHES:
            raise ValueError(f'the kernels take {sorted(LAUNCHES)} channels. '
                             f'Got {self._channels}')
        self._hidden = tile(hidden)
        extra = self._hidden - hidden

        def widened(tensor: Tensor, side: int) -> Tensor:
            """Hidden channels of zeros: their outputs are zero too."""
            padding = [0] * (2 * tensor.ndim)
            padding[2 * (tensor.ndim - 1 - side) + 1] = extra
            return torch.nn.functional.pad(tensor, padding)

        taps = [widened(weight.permute(2, 3, 1, 0), 3).flatten() for weight in weights]
        self._weights = torch.cat(taps)
        offsets = [sum(each.numel() for each in taps[:index]) for index in range(len(taps))]
        self._shapes = torch.tensor(
            [[*weight.shape[2:], offset] for weight, offset in zip(weights, offsets)],
            dtype=torch.int32, device=weights[0].device)
        self._bias = torch.stack([widened(bias, 0) for bias in biases]).float()
        self._back = torch.stack([widened(back.T, 0) for back in backs]).contiguous()
        self._shift = torch.stack(shifts).float()

    def __call__(self, features: Tensor, gates: Tensor, chosen: Tensor) -> Tensor:
        """F + sum of G_e Expert_e(F) over each image's own experts (equation 10).

        Args:
            features: B x C x H x W, of the weights' precision, on their device.
            gates: B x M float32.
            chosen: B x K.

        Returns:
            B x C x H x W, channels last in memory.
        """
        result: Tensor = _run(features, gates, chosen, self._weights, self._shapes, self._bias,
                              self._back, self._shift)
        return result


# An operator of its own, so that torch.compile takes it as it is.
@torch.library.custom_op('degfuse_ros::experts', mutates_args=())
def _run(features: Tensor, gates: Tensor, chosen: Tensor, weights: Tensor, shapes: Tensor,
         bias: Tensor, back: Tensor, shift: Tensor) -> Tensor:
    batch, channels, height, width = features.shape
    features = features.contiguous(memory_format=torch.channels_last)
    gates, chosen = gates.contiguous(), chosen.contiguous()
    active, size, hidden_channels = chosen.shape[1], height * width, bias.shape[1]
    constants: dict[str, Any] = {
        'channels': channels, 'hidden_channels': hidden_channels, 'active': active}
    hidden = features.new_empty(batch, active, size, hidden_channels)
    result = torch.empty_like(features)
    launch = LAUNCHES[channels]
    _hide[(triton.cdiv(size, launch.pixels), batch * active)](
        features, hidden, weights, bias, shapes, chosen, height, width, **constants,
        pixels=launch.pixels, step=launch.step, num_warps=launch.warps, num_stages=launch.stages)
    part = min(channels, JOINED_CHANNELS)
    _join[(triton.cdiv(size, JOINED_PIXELS), channels // part, batch)](
        features, hidden, result, back, shift, gates, chosen, size,
        **constants, experts=gates.shape[1], pixels=JOINED_PIXELS, part=part)
    return result


@_run.register_fake
def _(features: Tensor, *_: Tensor) -> Tensor:
    return torch.empty_like(features, memory_format=torch.channels_last)


@register_flop_formula(torch.ops.degfuse_ros.experts)
def _flops(features: torch.Size, gates: torch.Size, chosen: torch.Size, weights: torch.Size,
           shapes: torch.Size, bias: torch.Size, back: torch.Size, *_: Any, **__: Any) -> int:
    """Of the mean of all experts: which of them are chosen, only the device knows."""
    batch, _channels, height, width = features
    taps, outputs = weights.numel() // gates[1], back[1] * back[2]
    return 2 * batch * height * width * chosen[1] * (taps + outputs)
