# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Camera messages, raw or compressed, to arrays, without cv_bridge and without ROS.

The arrays are views of the message's memory wherever the encoding allows it: read only.
"""

from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from degfuse_ros.camera import compressed
from degfuse_ros.camera.compressed import CompressedImage
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
    kind: str  # of a value, as NumPy writes it: u1, u2, f4
    to_rgb: int | None  # cv2 conversion to RGB; None where the pixels are RGB already
    to_grey: int | None  # cv2 conversion to grey; None where the pixels are grey already

    @property
    def pixel(self) -> int:
        """Bytes per pixel."""
        return self.channels * int(self.kind[1])


def _bayer(kind: str) -> dict[str, Layout]:
    """The four Bayer orders with values of one kind.

    ROS names the first two pixels of the first two rows, OpenCV the second and third pixel of
    the second and third row: rggb is OpenCV's BG.
    """
    bits = '8' if kind == 'u1' else '16'
    return {
        f'bayer_rggb{bits}': Layout(1, kind, cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerBG2GRAY),
        f'bayer_bggr{bits}': Layout(1, kind, cv2.COLOR_BayerRG2RGB, cv2.COLOR_BayerRG2GRAY),
        f'bayer_gbrg{bits}': Layout(1, kind, cv2.COLOR_BayerGR2RGB, cv2.COLOR_BayerGR2GRAY),
        f'bayer_grbg{bits}': Layout(1, kind, cv2.COLOR_BayerGB2RGB, cv2.COLOR_BayerGB2GRAY)}


GREY_8 = Layout(1, 'u1', cv2.COLOR_GRAY2RGB, None)
GREY_16 = Layout(1, 'u2', cv2.COLOR_GRAY2RGB, None)
BGR_8 = Layout(3, 'u1', cv2.COLOR_BGR2RGB, cv2.COLOR_BGR2GRAY)
# Two pixels share their colour; the brightness alone is the grey image.
UYVY = Layout(2, 'u1', cv2.COLOR_YUV2RGB_UYVY, cv2.COLOR_YUV2GRAY_UYVY)
YUYV = Layout(2, 'u1', cv2.COLOR_YUV2RGB_YUYV, cv2.COLOR_YUV2GRAY_YUYV)

# The names of sensor_msgs/image_encodings.hpp.
LAYOUTS: dict[str, Layout] = {
    'mono8': GREY_8,
    '8UC1': GREY_8,
    'mono16': GREY_16,
    '16UC1': GREY_16,
    '32FC1': Layout(1, 'f4', None, None),
    'rgb8': Layout(3, 'u1', None, cv2.COLOR_RGB2GRAY),
    'bgr8': BGR_8,
    # The type without a colour order: OpenCV's own order is meant, as in cv_bridge.
    '8UC3': BGR_8,
    'rgba8': Layout(4, 'u1', cv2.COLOR_RGBA2RGB, cv2.COLOR_RGBA2GRAY),
    'bgra8': Layout(4, 'u1', cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2GRAY),
    # PNG files can hold them.
    'bgr16': Layout(3, 'u2', cv2.COLOR_BGR2RGB, cv2.COLOR_BGR2GRAY),
    'bgra16': Layout(4, 'u2', cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2GRAY),
    'yuv422': UYVY,
    'uyvy': UYVY,
    'yuv422_yuy2': YUYV,
    'yuyv': YUYV,
    **_bayer('u1'),
    **_bayer('u2'),
}

SUPPORTED = ', '.join(LAYOUTS)

# Values without a defined brightness: counts, degrees, metres.
WITHOUT_BRIGHTNESS = ('16UC1', '32FC1')


def check(message: RawImage | CompressedImage) -> None:
    """Check all that can be told without touching the pixels.

    Raises:
        ImageError: the image has no pixels, its step is smaller than a row, its data is shorter
            than its rows, its encoding is unknown, or its width does not go with it; of a
            compressed image, as `compressed.check`.
    """
    if isinstance(message, CompressedImage):
        compressed.check(message)
    else:
        _check_raw(message)


def _check_raw(message: RawImage) -> None:
    if message.height == 0 or message.width == 0:
        raise ImageError('zero_size', f'size is {message.width}x{message.height}. Check the '
                         'camera driver')
    layout = LAYOUTS.get(message.encoding)
    if layout is None:
        raise ImageError('encoding', f"encoding '{message.encoding}' is not supported. Publish "
                         f'one of {SUPPORTED}')
    if layout in (UYVY, YUYV) and message.width % 2:
        raise ImageError('odd_width', f'{message.width} columns of {message.encoding}, in which '
                         'two pixels share their colour. Check the camera driver')
    row = message.width * layout.pixel
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


def to_rgb(message: RawImage | CompressedImage) -> np.ndarray:
    """Return a visible image as HxWx3 uint8 RGB.

    Grey images are repeated in three channels; of 16-bit ones the upper 8 bits are shown, since
    mono16 and the like fill 16 bits by definition. 16UC1 and 32FC1 have no defined brightness
    and are refused.

    Raises:
        ImageError: as `check`, or the encoding cannot be shown.
    """
    image = _raw(message)
    if image.encoding in WITHOUT_BRIGHTNESS:
        raise ImageError('encoding', f'{image.encoding} has no defined brightness for a '
                         'visible image. Publish it as mono16 or rgb8')
    layout = LAYOUTS[image.encoding]
    pixels = _pixels(image, layout)
    if layout.kind == 'u2':
        pixels = (pixels >> 8).astype(np.uint8)
    return pixels if layout.to_rgb is None else cv2.cvtColor(pixels, layout.to_rgb)


def to_grey(message: RawImage | CompressedImage) -> np.ndarray:
    """Return a thermal image as HxW uint8 grey, uint16 counts or float32 values.

    Raises:
        ImageError: as `check`.
    """
    image = _raw(message)
    layout = LAYOUTS[image.encoding]
    pixels = _pixels(image, layout)
    return pixels if layout.to_grey is None else cv2.cvtColor(pixels, layout.to_grey)


def _raw(message: RawImage | CompressedImage) -> RawImage:
    """Return a checked raw image."""
    image = compressed.decompress(message) if isinstance(message, CompressedImage) else message
    _check_raw(image)
    return image


def _pixels(message: RawImage, layout: Layout) -> np.ndarray:
    """View the pixels as HxW or HxWxC, without the padding, in native byte order."""
    stored = np.dtype(('>' if message.is_bigendian else '<') + layout.kind)
    pixels = np.ndarray(
        (message.height, message.width, layout.channels), stored, message.data,
        strides=(message.step, layout.pixel, stored.itemsize))
    if layout.channels == 1:
        pixels = pixels[..., 0]
    # Aligned: a copy only where bytes have to change places, or where the padding is odd, which
    # OpenCV cannot step over.
    return np.require(pixels, stored.newbyteorder('='), 'A')
