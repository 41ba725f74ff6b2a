# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Arrays to sensor_msgs/Image. The way back is `camera/decoding.py`, which needs no ROS."""

import sys
from array import array

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from degfuse_ros.ros.result_values import pixels_in


def from_rgb(image: np.ndarray, encoding: str, header: Header) -> Image:
    """Build an image message.

    Args:
        image: HxWx3 uint8 RGB.
        encoding: one of rgb8, bgr8, mono8.
        header: used as it is.
    """
    return _message(pixels_in(image, encoding), encoding, header)


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
