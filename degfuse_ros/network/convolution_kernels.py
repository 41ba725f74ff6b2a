# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
# Triton reads annotations: a kernel's tensors cannot have any.
# mypy: allow-untyped-defs, allow-incomplete-defs
"""A Triton kernel for small convolutions and what stands round them, in one pass over the memory.

PyTorch runs padding, convolution, bias, activation and pixel shuffling one after another, each of
them through the GPU's memory, and cuDNN chooses a poor algorithm for some image sizes. Import
needs Triton.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from degfuse_ros.network.dgme import ExpertMixture
from degfuse_ros.network.expert_kernels import TILE, tile

# Output channels per program, and input channels per round of its loop, at most. These, the warps,
# the loads ahead and the pixels of `_pixels` are the quickest of nine choices on an H100, for base
# at 640 x 480 and 1280 x 1024.
WIDEST = 64
WARPS, STAGES = 4, 3


def _pixels(taps: int, filters: int, replicate: bool) -> int:
    """Return the pixels per program."""
    if taps < 3:
        return 64
    if not replicate:  # PKDM's contexts: small images, which must still fill the GPU
        return 32
    return 64 if filters <= TILE else 128


@triton.jit
def _place(y, x, channel, width, channels: tl.constexpr, across_channels, across_rows,
           across_columns, unshuffle: tl.constexpr):
    """Where values lie, pixels x channels."""
    if unshuffle:  # channel c of a block of 2 x 2 is 4 c + 2 down + across
        return ((2 * y * across_rows + 2 * x * across_columns)[:, None]
                + (channel // 4 * across_channels + channel // 2 % 2 * across_rows
                   + channel % 2 * across_columns)[None, :])
    else:
        return ((y * width + x) * channels)[:, None] + channel[None, :]


@triton.jit
def _target(row, column, outputs, columns, filters: tl.constexpr, shuffle: tl.constexpr):
    """Where results go, pixels x channels."""
    if shuffle:  # the weights' columns stand in the order down, across, channel
        inner: tl.constexpr = filters // 4
        corner = outputs // inner
        return ((4 * row * columns + 2 * column) * inner)[:, None] + (
            (corner // 2 * 2 * columns + corner % 2) * inner + outputs % inner)[None, :]
    else:
        return ((row * columns + column) * filters)[:, None] + outputs[None, :]


@triton.jit(do_not_specialize=['height', 'width', 'rows', 'columns', 'stride', 'dilation',
                               'across_batch', 'across_channels', 'across_rows',
                               'across_columns'])
def _convolve(features, result, weights, bias, height, width, rows, columns, stride, dilation,
              across_batch, across_channels, across_rows, across_columns,
              channels: tl.constexpr, padded: tl.constexpr, filters: tl.constexpr,
              taps: tl.constexpr, margin: tl.constexpr, replicate: tl.constexpr,
              leaky: tl.constexpr, unshuffle: tl.constexpr, shuffle: tl.constexpr,
              pixels: tl.constexpr, step: tl.constexpr, part: tl.constexpr) -> None:
    """`part` output channels of `pixels` pixels of one image."""
    image = tl.program_id(2).to(tl.int64)
    pixel = tl.program_id(0) * pixels + tl.arange(0, pixels)
    there = pixel < rows * columns
    row, column = pixel // columns, pixel % columns
    inputs = tl.arange(0, step)
    outputs = tl.program_id(1) * part + tl.arange(0, part)
    wide = tl.cdiv(filters, part) * part
    source = features + image * across_batch
    total = tl.zeros((pixels, part), tl.float32)
    parts: tl.constexpr = padded // step
    for index in range(taps * taps * parts):
        tap = index // parts
        channel = (index % parts) * step + inputs
        y = row * stride + (tap // taps - margin) * dilation
        x = column * stride + (tap % taps - margin) * dilation
        seen = there
        if replicate:
            y = tl.minimum(tl.maximum(y, 0), height - 1)
            x = tl.minimum(tl.maximum(x, 0), width - 1)
        elif margin > 0:
            seen = there & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        place = _place(y, x, channel, width, channels, across_channels, across_rows,
                       across_columns, unshuffle)
        values = tl.load(source + place, mask=seen[:, None] & (channel < channels)[None, :],
                         other=0.0).to(weights.dtype.element_ty)  # pixels x step
        weight = tl.load(weights + (tap * padded + channel)[:, None] * wide + outputs[None, :])
        total = tl.dot(values, weight, total, input_precision='ieee')
    total += tl.load(bias + outputs)[None, :]
    if leaky:
        total = tl.where(total > 0, total, 0.1 * total)
    place = _target(row, column, outputs, columns, filters, shuffle)
    tl.store(result + image * rows * columns * filters + place,
             total.to(result.dtype.element_ty), mask=there[:, None] & (outputs < filters)[None, :])


class FusedConvolution(nn.Module):
    """A convolution with what stands before and behind it.

    Args:
        layer: 1 x 1 or 3 x 3, with a bias; its weights are copied as they are.
        unshuffle: a PixelUnshuffle(2) comes before it.
        leaky: a LeakyReLU(0.1) follows.
        shuffle: a PixelShuffle(2) follows.
    """

    def __init__(self, layer: nn.Conv2d, unshuffle: bool = False, leaky: bool = False,
                 shuffle: bool = False) -> None:
        super().__init__()
        weight, bias = layer.weight, layer.bias
        assert bias is not None
        stride, dilation = layer.stride[0], layer.dilation[0]
        if unshuffle and weight.shape[2] == 1:  # the same as 2 x 2 pixels with a stride of two
            weight = weight.view(len(weight), -1, 2, 2)
            unshuffle, stride = False, 2
        if shuffle:
            weight = weight.unflatten(0, (-1, 4)).transpose(0, 1).flatten(0, 1)
            bias = bias.unflatten(0, (-1, 4)).T.flatten()
        filters, channels, taps, _ = weight.shape
        wide = tile(filters) if filters < WIDEST else -(-filters // WIDEST) * WIDEST
        packed = weight.new_zeros(taps, taps, tile(channels), wide)
        packed[:, :, :channels, :filters] = weight.permute(2, 3, 1, 0)
        self.register_buffer('weights', packed, persistent=False)
        self.register_buffer('bias', torch.nn.functional.pad(bias.float(), (0, wide - filters)),
                             persistent=False)
        self.weights: Tensor
        self.bias: Tensor
        self._numbers = (channels, filters, stride, dilation)
        self._flags = (layer.padding_mode == 'replicate', leaky, unshuffle, shuffle)

    def forward(self, features: Tensor) -> Tensor:
        """Return what the layers would, in the weights' precision, channels last in memory.

        Args:
            features: B x C x H x W float of any precision.
        """
        result: Tensor = _run(features, self.weights, self.bias, *self._numbers, *self._flags)
        return result


def _sides(height: int, width: int, taps: int, stride: int, unshuffle: bool) -> tuple[int, int]:
    """Return the height and width that the convolution computes, before any shuffling."""
    if unshuffle:
        height, width = height // 2, width // 2
    less = taps if taps == 2 else 1  # padding makes up for the rest
    return (height - less) // stride + 1, (width - less) // stride + 1


def _empty(features: Tensor, weights: Tensor, filters: int, stride: int, unshuffle: bool,
           shuffle: bool) -> Tensor:
    height, width = features.shape[2:]
    rows, columns = _sides(height, width, weights.shape[0], stride, unshuffle)
    shape = (filters // 4, 2 * rows, 2 * columns) if shuffle else (filters, rows, columns)
    return torch.empty((features.shape[0], *shape), dtype=weights.dtype, device=features.device,
                       memory_format=torch.channels_last)


# An operator of its own, so that torch.compile takes it as it is.
@torch.library.custom_op('degfuse_ros::convolve', mutates_args=())
def _run(features: Tensor, weights: Tensor, bias: Tensor, channels: int, filters: int, stride: int,
         dilation: int, replicate: bool, leaky: bool, unshuffle: bool, shuffle: bool) -> Tensor:
    if not unshuffle:
        features = features.contiguous(memory_format=torch.channels_last)
    taps, _, padded, wide = weights.shape
    height, width = features.shape[2:]
    rows, columns = _sides(height, width, taps, stride, unshuffle)
    if unshuffle:
        height, width = height // 2, width // 2
    result = _empty(features, weights, filters, stride, unshuffle, shuffle)
    part, pixels = min(wide, WIDEST), _pixels(taps, filters, replicate)
    _convolve[(triton.cdiv(rows * columns, pixels), wide // part, len(features))](
        features, result, weights, bias, height, width, rows, columns, stride, dilation,
        *features.stride(), channels=channels, padded=padded, filters=filters, taps=taps,
        margin=1 if taps == 3 else 0, replicate=replicate, leaky=leaky, unshuffle=unshuffle,
        shuffle=shuffle, pixels=pixels, step=min(padded, WIDEST), part=part,
        num_warps=WARPS, num_stages=STAGES)
    return result


@_run.register_fake
def _(features: Tensor, weights: Tensor, _bias: Tensor, _channels: int, filters: int, stride: int,
      _dilation: int, _replicate: bool, _leaky: bool, unshuffle: bool, shuffle: bool) -> Tensor:
    return _empty(features, weights, filters, stride, unshuffle, shuffle)


@register_flop_formula(torch.ops.degfuse_ros.convolve)
def _flops(features: torch.Size, weights: torch.Size, _bias: torch.Size, channels: int,
           filters: int, stride: int, _dilation: int, _replicate: bool, _leaky: bool,
           unshuffle: bool, *_: object, **__: object) -> int:
    batch, _channels, height, width = features
    rows, columns = _sides(height, width, weights[0], stride, unshuffle)
    return 2 * batch * rows * columns * filters * weights[0] ** 2 * channels


def fuse_convolutions(module: nn.Module) -> None:
    """Replace a module's convolutions, and what surrounds them in an nn.Sequential, by the kernel.

    The experts stay: they have kernels of their own. So do 3 x 3 convolutions by themselves, which
    give few channels from many: cuDNN's are quicker for large images. Layers that the kernel does
    not know stay too.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d):
            if child.kernel_size == (1, 1) and _known(child):
                setattr(module, name, FusedConvolution(child))
        elif isinstance(child, nn.Sequential):
            setattr(module, name, _joined(child))
        elif not isinstance(child, ExpertMixture):
            fuse_convolutions(child)


def _known(layer: nn.Module) -> bool:
    """Tell whether the kernel can do this layer."""
    if isinstance(layer, nn.LeakyReLU):
        return layer.negative_slope == 0.1
    if isinstance(layer, nn.PixelUnshuffle):
        return layer.downscale_factor == 2
    if isinstance(layer, nn.PixelShuffle):
        return layer.upscale_factor == 2
    return (isinstance(layer, nn.Conv2d) and layer.kernel_size in ((1, 1), (3, 3))
            and layer.groups == 1 and layer.bias is not None
            and layer.stride[0] == layer.stride[1] and layer.dilation[0] == layer.dilation[1]
            and layer.padding == tuple(layer.kernel_size[0] // 2 * step for step in layer.dilation)
            and layer.padding_mode in ('zeros', 'replicate'))


def _joined(layers: nn.Sequential) -> nn.Sequential:
    """Take shuffling and activations into the convolutions; the same layers if some do not fit."""
    result, rest = [], list(layers)
    if not all(map(_known, rest)):
        return layers
    while rest:
        unshuffle = _take(rest, nn.PixelUnshuffle)
        layer = rest.pop(0) if rest else None
        if not isinstance(layer, nn.Conv2d):
            return layers
        leaky, shuffle = _take(rest, nn.LeakyReLU), _take(rest, nn.PixelShuffle)
        if leaky and shuffle:
            return layers
        result.append(FusedConvolution(layer, unshuffle, leaky, shuffle))
    return nn.Sequential(*result)


def _take(layers: list[nn.Module], kind: type[nn.Module]) -> bool:
    """Take away the first layer if it is of this kind."""
    if not layers or not isinstance(layers[0], kind):
        return False
    del layers[0]
    return True
