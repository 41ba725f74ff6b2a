# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Arrays to sensor_msgs/Image and CompressedImage.

The way back is `camera/decoding.py`, which needs no ROS.
"""

import sys
from array import array

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from degfuse_ros.ros.result_values import pixels_in


def compressed_topic(node: Node, topic: str) -> str:
    """Return the topic of an image topic's compressed images, as image_transport names it.

    The suffix follows the name that a remap gives: /camera/image_raw/compressed.
    """
    return f'{node.resolve_topic_name(topic)}/compressed'


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


def compressed(image: np.ndarray, encoding: str, codec: str, header: Header) -> CompressedImage:
    """Build a compressed image message, with the format as image_transport writes it.

    Args:
        image: HxWx3 uint8 RGB.
        encoding: that the receiver shall decode to: rgb8, bgr8, or mono8, which is sent as grey.
        codec: jpeg (of quality 95, as image_transport's) or png.
        header: used as it is.
    """
    grey = encoding == 'mono8'
    # OpenCV takes colours in its own order, which is what 'compressed bgr8' tells.
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY if grey else cv2.COLOR_RGB2BGR)
    file = cv2.imencode({'jpeg': '.jpg', 'png': '.png'}[codec], pixels)[1]
    return CompressedImage(
        header=header, data=_bytes_of(file),
        format=f'{encoding}; {codec} compressed {"" if grey else "bgr8"}')


def _message(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    """Build an image message of pixels that have the encoding's layout already."""
    message = Image(header=header, encoding=encoding)
    message.height, message.width = pixels.shape[:2]
    message.step = pixels.nbytes // message.height
    message.is_bigendian = int(pixels.itemsize > 1 and sys.byteorder == 'big')
    message.data = _bytes_of(pixels)
    return message


def _bytes_of(values: np.ndarray) -> array:
    # Assigning an ndarray or a list would take 50 to 200 ms: the setter checks every element.
    data = array('B')
    data.frombytes(np.ascontiguousarray(values).view(np.uint8).data)
    return data
