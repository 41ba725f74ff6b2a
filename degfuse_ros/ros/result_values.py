# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the messages with the engine's results hold. Nothing of ROS is imported here.

`messages.py` and `images.py` put it into ROS's own classes, `bags/result_messages.py` into those
that bags are written with: so the two say the same.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import cv2
import numpy as np

FROM_RGB = {'rgb8': None, 'bgr8': cv2.COLOR_RGB2BGR, 'mono8': cv2.COLOR_RGB2GRAY}


def pixels_in(image: np.ndarray, encoding: str) -> np.ndarray:
    """Return an image in the layout of an encoding, HxW or HxWxC uint8 without gaps.

    Args:
        image: HxWx3 uint8 RGB.
        encoding: one of rgb8, bgr8, mono8.
    """
    conversion = FROM_RGB[encoding]
    return np.ascontiguousarray(
        image if conversion is None else cv2.cvtColor(image, conversion))


def best_first(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return the class ids with their probabilities, best first.

    Args:
        scores: probability per class id; they sum to 1.
    """
    return [(class_id, float(score)) for class_id, score in
            sorted(scores.items(), key=lambda item: item[1], reverse=True)]


def expert_values(weights: Iterable[float]) -> list[tuple[str, str]]:
    """Return key and value of each expert of one mixture layer.

    Args:
        weights: the layer's gate weights, float32; they sum to 1.
    """
    return [(f'expert_{expert}', f'{weight:.6f}') for expert, weight in enumerate(weights)]


def camera_matrices(source: Any, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the fused image's matrices K and P, 9 and 12 float64, row by row.

    The source counts in pixels of the full sensor; its region of interest and its binning are
    worked into the matrices. Without them it may be of another size of the same shape: the driver
    scaled the images.

    Args:
        source: the visible camera's newest sensor_msgs/CameraInfo.
        height: rows of the fused image.
        width: columns of the fused image.

    Raises:
        ValueError: the source describes other images; one line.
    """
    offset, scale = _view(source, np.array([width, height], float))
    pixels = np.diag([*scale, 1.0])  # 3 x 3: the full sensor's to the output's
    pixels[:2, 2] = -scale * offset
    return ((pixels @ np.reshape(source.k, (3, 3))).ravel(),
            (pixels @ np.reshape(source.p, (3, 4))).ravel())


def _view(source: Any, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where on the full sensor the output begins, and its scale there; x before y."""
    # A camera info without a size is taken to fit.
    region = np.array([source.width or output[0], source.height or output[1]], float)
    offset = np.zeros(2)
    binning = np.maximum([source.binning_x, source.binning_y], 1)
    scaled = binning.max() == 1  # so may the driver have done, where it tells of nothing else
    if source.roi.width and source.roi.height:
        scaled = scaled and (region == [source.roi.width, source.roi.height]).all()
        region = np.array([source.roi.width, source.roi.height], float)
        offset = np.array([source.roi.x_offset, source.roi.y_offset], float)
    described = region / binning
    # Less than a pixel is lost to rounding.
    if (abs(described - output) < 1).all():
        return offset, 1 / binning
    if scaled and (abs(described * (output / described).mean() - output) < 1).all():
        return offset, output / region
    raise ValueError(
        f'camera_info describes images of {described[0]:.0f}x{described[1]:.0f} (region of '
        f'interest and binning applied), the image is {output[0]:.0f}x{output[1]:.0f}: no '
        'fused/camera_info is published. Publish the camera_info of this image')
