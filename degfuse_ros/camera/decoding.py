# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Raw camera messages to arrays, without cv_bridge and without ROS.

The arrays are views of the message's memory wherever the encoding allows it: read only.
"""

from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from degfuse_ros.camera.image_error import ImageError


class RawImage(Protocol):
    """What of a sensor_msgs/Image is read here: rclpy's, that of rosbags, or any object like it.

    Attributes:
        height: rows.
        width: columns.
        encoding: as sensor_msgs/image_encodings.hpp names it.
        is_bigendian: whether the high byte of a 16-bit value comes first.
        step: bytes from one row to the next.
        data: the bytes, anything that has the buffer interface.
    """

    height: int
    width: int
    encoding: str
    is_bigendian: Any
    step: int
    data: Any


class Layout(NamedTuple):
    """How the pixels of one encoding lie in memory."""

    channels: int
    depth: int  # bytes per channel
    to_rgb: int | None  # cv2 conversion to RGB; None where the pixels are RGB already
    to_grey: int | None  # cv2 conversion to grey; None where the pixels are grey already


GREY_8 = Layout(1, 1, cv2.COLOR_GRAY2RGB, None)
GREY_16 = Layout(1, 2, cv2.COLOR_GRAY2RGB, None)
BGR_8 = Layout(3, 1, cv2.COLOR_BGR2RGB, cv2.COLOR_BGR2GRAY)

LAYOUTS: dict[str, Layout] = {
    'mono8': GREY_8,
    '8UC1': GREY_8,
    'mono16': GREY_16,
    '16UC1': GREY_16,
    'rgb8': Layout(3, 1, None, cv2.COLOR_RGB2GRAY),
    'bgr8': BGR_8,
    # The type without a colour order: OpenCV's own order is meant, as in cv_bridge.
    '8UC3': BGR_8,
    'rgba8': Layout(4, 1, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGBA2GRAY),
    'bgra8': Layout(4, 1, cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2GRAY),
}

SUPPORTED = ', '.join(LAYOUTS)


def check(message: RawImage) -> None:
    """Check all that can be told without touching the pixels.

    Raises:
        ImageError: the image has no pixels, its step is smaller than a row, its data is shorter
            than its rows, or its encoding is unknown.
    """
    if message.height == 0 or message.width == 0:
        raise ImageError('zero_size', f'size is {message.width}x{message.height}. Check the '
                         'camera driver')
    layout = LAYOUTS.get(message.encoding)
    if layout is None:
        raise ImageError('encoding', f"encoding '{message.encoding}' is not supported. Publish "
                         f'one of {SUPPORTED}')
    row = message.width * layout.channels * layout.depth
    if len(message.data) == 0:
        raise ImageError('empty', f'a {message.width}x{message.height} {message.encoding} image '
                         'has no data. Check the camera driver')
    if message.step < row:
        raise ImageError('small_step', f'step is {message.step} bytes, a row of {message.width} '
                         f'{message.encoding} pixels needs {row}. Check the camera driver')
    if len(message.data) < message.step * message.height:
        raise ImageError('truncated', f'{len(message.data)} bytes of data, {message.height} rows '
                         f'of {message.step} bytes need {message.step * message.height}. '
                         'Check the camera driver')


def to_rgb(message: RawImage) -> np.ndarray:
    """Return a visible image as HxWx3 uint8 RGB.

    Grey images are repeated in three channels; of mono16 the upper 8 bits are shown, since its
    values fill 16 bits by definition. 16UC1 has no defined brightness and is refused.

    Raises:
        ImageError: as `check`, or the encoding cannot be shown.
    """
    if message.encoding == '16UC1':
        raise ImageError('encoding', '16UC1 has no defined brightness for a visible image. '
                         'Publish it as mono16 or rgb8')
    check(message)
    layout = LAYOUTS[message.encoding]
    pixels = _pixels(message, layout)
    if layout.depth == 2:
        pixels = (pixels >> 8).astype(np.uint8)
    return pixels if layout.to_rgb is None else cv2.cvtColor(pixels, layout.to_rgb)


def to_grey(message: RawImage) -> np.ndarray:
    """Return a thermal image as HxW uint8 or, for 16-bit encodings, HxW uint16 counts.

    Raises:
        ImageError: as `check`.
    """
    check(message)
    layout = LAYOUTS[message.encoding]
    pixels = _pixels(message, layout)
    return pixels if layout.to_grey is None else cv2.cvtColor(pixels, layout.to_grey)


def _pixels(message: RawImage, layout: Layout) -> np.ndarray:
    """View the pixels as HxW or HxWxC, without the padding; 16-bit ones in native byte order."""
    kind = ('>' if message.is_bigendian else '<') + f'u{layout.depth}'
    pixel = layout.channels * layout.depth
    pixels = np.ndarray(
        (message.height, message.width, layout.channels), kind, message.data,
        strides=(message.step, pixel, layout.depth))
    if layout.channels == 1:
        pixels = pixels[..., 0]
    # Aligned: a copy only where bytes have to change places, or where the padding is odd, which
    # OpenCV cannot step over.
    return np.require(pixels, np.uint8 if layout.depth == 1 else np.uint16, 'A')
