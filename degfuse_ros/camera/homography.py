# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Homographies between images: points, sizes, and which ones no pair of cameras can have.

Pixel centres have whole coordinates, x to the right and y down, as everywhere in OpenCV.
"""

from __future__ import annotations

import numpy as np

Size = tuple[int, int]
"""Width and height in pixels."""

# Visible pixels per thermal pixel, as areas: a thermal camera of 32 pixels over an 8K picture
# stays inside, a matrix with its units mixed up does not.
AREA_RANGE = (1e-4, 1e4)


class HomographyError(ValueError):
    """A matrix that cannot be a registration; the message is one line."""


def corners(size: Size) -> np.ndarray:
    """Return the centres of an image's corner pixels, 4 x 2, clockwise from the top left."""
    right, bottom = size[0] - 1.0, size[1] - 1.0
    return np.array([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]])


def project(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points.

    Args:
        homography: 3 x 3.
        points: N x 2, in pixels.

    Returns:
        N x 2, in pixels of the other image.
    """
    mapped = points @ homography[:, :2].T + homography[:, 2]
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def resizing(source: Size, target: Size) -> np.ndarray:
    """Return the 3 x 3 map of pixel centres of an image to those of the same view resized."""
    x, y = target[0] / source[0], target[1] / source[1]
    return np.array([[x, 0.0, (x - 1.0) / 2.0], [0.0, y, (y - 1.0) / 2.0], [0.0, 0.0, 1.0]])


def similarity(rotation: float, scale: float, shift: tuple[float, float], source: Size,
               target: Size) -> np.ndarray:
    """Turn, scale and shift an image about the middle of another.

    Args:
        rotation: degrees, clockwise in the picture.
        scale: pixels of the target per pixel of the source.
        shift: (x, y) of the source's middle from the target's, in pixels of the target.
        source: size of the image that is mapped.
        target: size of the image that it is mapped into.

    Returns:
        3 x 3, source to target.
    """
    angle = np.deg2rad(rotation)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    middle = (np.array(source) - 1.0) / 2.0
    matrix[:2, 2] = (np.array(target) - 1.0) / 2.0 + shift - matrix[:2, :2] @ middle
    return matrix


def check(homography: np.ndarray, source: Size) -> np.ndarray:
    """Refuse a matrix that no two cameras that look the same way can have.

    Args:
        homography: 3 x 3, pixels of the source to pixels of the target.
        source: size of the image that is mapped.

    Returns:
        The matrix, scaled so that its last element is 1.

    Raises:
        HomographyError: it is not finite, folds the image (the horizon of the mapping crosses
            it), mirrors it, or shrinks or enlarges it beyond any real pair of cameras.
    """
    if homography.shape != (3, 3) or not np.isfinite(homography).all():
        raise HomographyError('the homography must be 3 x 3 finite numbers: calibrate again')
    # A corner's weight is its distance from that horizon; the last element is the origin's.
    weights = corners(source) @ homography[2, :2] + homography[2, 2]
    if homography[2, 2] == 0.0 or (weights * np.sign(homography[2, 2])
                                   < 1e-3 * abs(homography[2, 2])).any():
        raise HomographyError('the homography folds the image (part of it lies behind the '
                              'camera): calibrate again')
    scaled = homography / homography[2, 2]
    areas = np.linalg.det(scaled) / (weights / homography[2, 2]) ** 3
    if (areas <= 0.0).any():
        raise HomographyError('the homography mirrors the image: undo the flip in the camera '
                              'driver, or calibrate again')
    if areas.min() < AREA_RANGE[0] or areas.max() > AREA_RANGE[1]:
        raise HomographyError(f'the homography scales areas by {areas.min():.2g} to '
                              f'{areas.max():.2g}: calibrate again')
    return np.asarray(scaled)
