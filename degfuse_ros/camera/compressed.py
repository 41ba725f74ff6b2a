# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Compressed camera messages to raw ones: JPEG and PNG, checked before they are decoded.

Pillow reads the header, so that a file of a few kilobytes cannot make this process allocate
gigabytes; OpenCV decodes.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from degfuse_ros.camera.image_error import ImageError

# Four times the largest common machine-vision sensor; an RGB image of that size has 192 MB.
MEGAPIXELS = 64

# What a file begins with. The format field is not asked: drivers are known to fill it wrongly.
JPEG, PNG = b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n'
END_OF_JPEG = b'\xff\xd9'

# The encoding of decoded pixels by their type and number of channels, in OpenCV's order.
ENCODINGS = {('uint8', 1): 'mono8', ('uint16', 1): 'mono16', ('uint8', 3): 'bgr8',
             ('uint16', 3): 'bgr16', ('uint8', 4): 'bgra8', ('uint16', 4): 'bgra16'}


@runtime_checkable
class CompressedImage(Protocol):
    """What of a sensor_msgs/CompressedImage is read here: rclpy's, that of rosbags, or like it.

    Attributes:
        format: 'jpeg', 'png', or as image_transport writes it, 'rgb8; jpeg compressed bgr8'.
        data: the bytes of the file, anything that has the buffer interface.
    """

    format: str
    data: Any


@dataclass
class Decompressed:
    """A raw image that holds the decoded pixels; the fields are those of sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: bool
    step: int
    data: Any


def check(message: CompressedImage) -> None:
    """Check all that can be told without decoding.

    Raises:
        ImageError: there is no data, it is no JPEG or PNG file, its header cannot be read or
            tells a size above 64 megapixels, or the file is cut off or altered.
    """
    if 'compressedDepth' in message.format:
        raise ImageError('format', f"format '{message.format}' holds depth, which is no thermal "
                         'image. Subscribe to the topic of the compressed image')
    if len(message.data) == 0:
        raise ImageError('empty', f"a compressed image of format '{message.format}' has no data. "
                         'Check the camera driver')
    data = bytes(message.data)
    if not data.startswith((JPEG, PNG)):
        raise ImageError('format', f"data of format '{message.format}' is neither JPEG nor PNG. "
                         'Publish one of them, or the raw image')
    try:
        _check_file(data)
    except ImageError:
        raise
    except Exception as error:  # Pillow raises SyntaxError, OSError, struct.error and others
        raise ImageError(
            'damaged', f'{len(data)} bytes of a {_name(data)} file are cut off or altered '
            f'({" ".join(str(error).split())}). Check the link to the camera') from error


def decompress(message: CompressedImage) -> Decompressed:
    """Decode a compressed image.

    The colours are those that every viewer of such files shows; a Bayer mosaic that was
    compressed as a grey image, and 16UC1, keep the encoding that the format names.

    Raises:
        ImageError: as `check`, or OpenCV cannot decode it.
    """
    check(message)
    try:
        # Unchanged: 16 bits stay, and no rotation by a camera's EXIF data, which the camera
        # info does not know of.
        pixels = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError('damaged', f'OpenCV cannot decode the image: {error.err}. Check the '
                         'camera driver') from error
    if pixels is None:
        raise ImageError('damaged', f'OpenCV cannot decode the {len(message.data)} bytes of a '
                         f'{_name(bytes(message.data[:8]))} file. Check the link to the camera')
    height, width = pixels.shape[:2]
    return Decompressed(
        height, width, _encoding(pixels, message.format), False, pixels.nbytes // height,
        pixels.reshape(-1).view(np.uint8))


def _check_file(data: bytes) -> None:
    """Raise where the header tells too large a size, or the file is not whole."""
    # Imported here: raw cameras do without, and the node starts sooner.
    from PIL.JpegImagePlugin import JpegImageFile
    from PIL.PngImagePlugin import PngImageFile
    file = BytesIO(data)
    image = (JpegImageFile if data.startswith(JPEG) else PngImageFile)(file)
    width, height = image.size
    if width * height > MEGAPIXELS * 1e6:
        raise ImageError('too_large', f'the header tells {width}x{height} pixels, above '
                         f'{MEGAPIXELS} megapixels. Publish smaller images')
    if data.startswith(PNG):
        image.verify()  # the checksums: libpng would write about them to stderr
    elif data.find(END_OF_JPEG, file.tell()) < 0:  # the file stands behind the header
        raise ValueError('the end is missing')


def _name(data: bytes) -> str:
    return 'JPEG' if data.startswith(JPEG) else 'PNG'


def _encoding(pixels: np.ndarray, format_: str) -> str:
    """Return the encoding of decoded pixels."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    named = format_.partition(';')[0].strip()
    bits = 8 * pixels.itemsize
    if channels == 1 and (named == f'{bits}UC1' or (
            named.startswith('bayer_') and named.endswith(str(bits)))):
        return named
    return ENCODINGS[pixels.dtype.name, channels]
