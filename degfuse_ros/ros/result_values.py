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

from degfuse_ros.camera.lens import info_problem, pixel_map

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

    Args:
        source: the visible camera's newest sensor_msgs/CameraInfo.
        height: rows of the fused image.
        width: columns of the fused image.

    Raises:
        ValueError: the source describes no camera, or other images; one line.
    """
    problem = info_problem(source)
    if problem:
        raise ValueError(problem)
    pixels = pixel_map(source, (width, height))
    return ((pixels @ np.reshape(source.k, (3, 3))).ravel(),
            (pixels @ np.reshape(source.p, (3, 4))).ravel())
