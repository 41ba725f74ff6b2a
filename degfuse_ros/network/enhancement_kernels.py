# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
# Triton reads annotations: a kernel's tensors cannot have any.
# mypy: allow-untyped-defs, allow-incomplete-defs
"""Triton kernels of PKDM's arithmetic on whole images, which plainly passes memory forty times.

Import needs Triton.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from degfuse_ros.network.pkdm import CURVE_ITERATIONS, TRANSMISSION_FLOOR, PriorEnhancement

# Per program: enough loads under way, and enough programs for a small image.
PIXELS = 256
FLOOR = tl.constexpr(TRANSMISSION_FLOOR)


@triton.jit
def _between(position, size, small_size):
    """Return the two places in a smaller map that a place lies between, and how far along."""
    # As functional.interpolate with align_corners=False.
    scale = small_size.to(tl.float32) / size.to(tl.float32)
    place = tl.maximum((position.to(tl.float32) + 0.5) * scale - 0.5, 0.0)
    first = place.to(tl.int32)
    return first, tl.minimum(first + 1, small_size - 1), place - first.to(tl.float32)


@triton.jit
def _around(pixel, height, width, rows, columns):
    """Return the rows and columns of a smaller map round a pixel, and how far along each."""
    # Beyond the image, too, the places must be in the map.
    first, second, down = _between(tl.minimum(pixel // width, height - 1), height, rows)
    left, right, across = _between(pixel % width, width, columns)
    return first, second, down, left, right, across


@triton.jit
def _sample(maps, first, second, down, left, right, across, row_step, column_step):
    """Interpolate one map between four of its values."""
    above = (tl.load(maps + first * row_step + left * column_step).to(tl.float32) * (1 - across)
             + tl.load(maps + first * row_step + right * column_step).to(tl.float32) * across)
    below = (tl.load(maps + second * row_step + left * column_step).to(tl.float32) * (1 - across)
             + tl.load(maps + second * row_step + right * column_step).to(tl.float32) * across)
    return above * (1 - down) + below * down


@triton.jit(do_not_specialize=[
    'height', 'width', 'rows', 'columns', 'map_image_step', 'map_row_step', 'map_column_step'])
def _clear(image, depth, airlight, result, height, width, rows, columns,
           map_image_step, map_row_step, map_column_step, pixels: tl.constexpr) -> None:
    """`clear_haze` for `pixels` pixels of one image."""
    index = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * pixels + tl.arange(0, pixels)
    there = pixel < height * width
    first, second, down, left, right, across = _around(pixel, height, width, rows, columns)
    wide = _sample(depth + index * map_image_step, first, second, down, left, right, across,
                   map_row_step, map_column_step)
    arrives = tl.maximum(tl.exp(-tl.where(wide > 0, wide, 0.01 * wide)), FLOOR)
    place = (index * height * width + pixel) * 3
    for channel in tl.static_range(3):
        value = tl.load(image + place + channel, mask=there)
        light = tl.load(airlight + index * 3 + channel).to(tl.float32)
        tl.store(result + place + channel, (value - light) / arrives + light, mask=there)


@triton.jit(do_not_specialize=[
    'height', 'width', 'rows', 'columns', 'map_image_step', 'map_channel_step', 'map_row_step',
    'map_column_step'])
def _bend(image, maps, result, height, width, rows, columns,
          map_image_step, map_channel_step, map_row_step, map_column_step,
          iterations: tl.constexpr, pixels: tl.constexpr) -> None:
    """`bend` for `pixels` pixels of one image."""
    index = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * pixels + tl.arange(0, pixels)
    there = pixel < height * width
    first, second, down, left, right, across = _around(pixel, height, width, rows, columns)
    place = (index * height * width + pixel) * 3
    red = tl.load(image + place, mask=there, other=0.0)
    green = tl.load(image + place + 1, mask=there, other=0.0)
    blue = tl.load(image + place + 2, mask=there, other=0.0)
    for iteration in tl.static_range(iterations):
        curve = _sample(maps + index * map_image_step + iteration * map_channel_step,
                        first, second, down, left, right, across, map_row_step, map_column_step)
        red += curve * (red * red - red)
        green += curve * (green * green - green)
        blue += curve * (blue * blue - blue)
    tl.store(result + place, red, mask=there)
    tl.store(result + place + 1, green, mask=there)
    tl.store(result + place + 2, blue, mask=there)


def _grid(image: Tensor) -> tuple[int, int]:
    return triton.cdiv(image.shape[2] * image.shape[3], PIXELS), len(image)


# Operators of their own, so that torch.compile takes them as they are.
@torch.library.custom_op('degfuse_ros::clear_haze', mutates_args=())
def clear_haze(image: Tensor, depth: Tensor, airlight: Tensor) -> Tensor:
    """Do what `pkdm.clear_haze` does, with float32 images; channels last in memory."""
    image = image.contiguous(memory_format=torch.channels_last)
    result = torch.empty_like(image)
    _clear[_grid(image)](
        image, depth, airlight.contiguous(), result, *image.shape[2:], *depth.shape[2:],
        depth.stride(0), *depth.stride()[2:], pixels=PIXELS)
    return result


@torch.library.custom_op('degfuse_ros::bend', mutates_args=())
def bend(image: Tensor, maps: Tensor) -> Tensor:
    """Do what `pkdm.bend` does, with float32 images; channels last in memory."""
    image = image.contiguous(memory_format=torch.channels_last)
    result = torch.empty_like(image)
    _bend[_grid(image)](
        image, maps, result, *image.shape[2:], *maps.shape[2:], *maps.stride(),
        iterations=CURVE_ITERATIONS, pixels=PIXELS)
    return result


@clear_haze.register_fake
@bend.register_fake
def _(image: Tensor, *_: Tensor) -> Tensor:
    return torch.empty_like(image, memory_format=torch.channels_last)


def use_kernels(enhancement: PriorEnhancement) -> None:
    """Let PKDM work by these kernels."""
    enhancement.dehaze.clear = clear_haze
    enhancement.curve.bend = bend
