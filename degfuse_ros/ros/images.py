# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/Image to arrays and back, without cv_bridge for the common encodings.

Input arrays are views of the message's memory wherever the encoding allows it: read only.
"""

import sys
from array import array
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from degfuse_ros.ros.image_error import ImageError


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

FROM_RGB = {'rgb8': None, 'bgr8': cv2.COLOR_RGB2BGR, 'mono8': cv2.COLOR_RGB2GRAY}


def check(message: Image) -> None:
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
        _require_bridge(message.encoding)
    row = message.width * (layout.channels * layout.depth if layout else 1)
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


def to_rgb(message: Image) -> np.ndarray:
    """Return a visible image as HxWx3 uint8 RGB.

    Grey images are repeated in three channels; of mono16 the upper 8 bits are shown, since its
    values fill 16 bits by definition. 16UC1 has no defined brightness and is refused.

    Raises:
        ImageError: as `check`, or the encoding cannot be shown.
    """
    if message.encoding == '16UC1':
        raise ImageError('encoding', '16UC1 has no defined brightness for a visible image. '
                         'Publish it as mono16 or rgb8')
    pixels, layout = _open(message, 'rgb8')
    if layout is None:
        return pixels
    if layout.depth == 2:
        pixels = (pixels >> 8).astype(np.uint8)
    return pixels if layout.to_rgb is None else cv2.cvtColor(pixels, layout.to_rgb)


def to_grey(message: Image) -> np.ndarray:
    """Return a thermal image as HxW uint8 or, for 16-bit encodings, HxW uint16 counts.

    Raises:
        ImageError: as `check`, or the encoding cannot be converted.
    """
    pixels, layout = _open(message, 'mono8')
    if layout is None or layout.to_grey is None:
        return pixels
    return cv2.cvtColor(pixels, layout.to_grey)


def from_rgb(image: np.ndarray, encoding: str, header: Header) -> Image:
    """Build an image message.

    Args:
        image: HxWx3 uint8 RGB.
        encoding: one of rgb8, bgr8, mono8.
        header: used as it is.
    """
    conversion = FROM_RGB[encoding]
    return _message(image if conversion is None else cv2.cvtColor(image, conversion), encoding,
                    header)


def from_grey(image: np.ndarray, header: Header) -> Image:
    """Build an image message of a grey image.

    Args:
        image: HxW uint8 (sent as mono8) or uint16 (sent as mono16).
        header: used as it is.
    """
    return _message(image, 'mono16' if image.dtype == np.uint16 else 'mono8', header)


def _message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    """Build an image message of pixels that have the encoding's layout already."""
    message = Image(header=header, encoding=encoding)
    message.height, message.width = pixels.shape[:2]
    message.step = pixels.nbytes // message.height
    message.is_bigendian = int(pixels.itemsize > 1 and sys.byteorder == 'big')
    # Assigning an ndarray or a list would take 50 to 200 ms: the setter checks every element.
    data = array('B')
    data.frombytes(np.ascontiguousarray(pixels).view(np.uint8).data)
    message.data = data
    return message


def _open(message: Image, rare: str) -> tuple[np.ndarray, Layout | None]:
    """Check a message and return its pixels with their layout.

    A rare encoding, which has no layout here, is converted to the encoding `rare` by cv_bridge.
    """
    check(message)
    layout = LAYOUTS.get(message.encoding)
    if layout is None:
        return _by_bridge(message, rare), None
    return _pixels(message, layout), layout


def _pixels(message: Image, layout: Layout) -> np.ndarray:
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


@cache
def _find_bridge() -> type | Exception:
    """Look for cv_bridge once: return its converter class, or why there is none."""
    try:
        from cv_bridge import CvBridge
    except Exception as error:  # a cv_bridge built for another NumPy or OpenCV fails in many ways
        return error
    return CvBridge


def _require_bridge(encoding: str) -> type:
    """Return cv_bridge's converter class, or raise why the encoding cannot be read."""
    bridge = _find_bridge()
    if isinstance(bridge, Exception):
        raise ImageError(
            'encoding', f"encoding '{encoding}' needs cv_bridge ({type(bridge).__name__}: "
            f'{bridge}). Install ros-$ROS_DISTRO-cv-bridge or publish one of {SUPPORTED}')
    return bridge


def _by_bridge(message: Image, encoding: str) -> np.ndarray:
    """Convert a rare encoding, Bayer or YUV for example, by cv_bridge."""
    bridge = _require_bridge(message.encoding)()
    try:
        return bridge.imgmsg_to_cv2(message, encoding)
    except Exception as error:  # CvBridgeError, and cv2.error from below it
        reason = ' '.join(str(error).split())
        raise ImageError('encoding', f"cv_bridge cannot convert '{message.encoding}' to "
                         f'{encoding}: {reason}. Publish one of {SUPPORTED}') from error
