# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Fusions that need no network: the rows that every method has to beat."""

from collections.abc import Callable

import cv2
import numpy as np

from degfuse_ros.evaluation.metrics.luminance import luma

Baseline = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(visible H x W x 3 uint8 RGB, thermal H x W uint8) -> fused luma H x W uint8."""

# Levels of the pyramid, and the percentiles between which auto-levels stretches: those of the
# rows in published.csv, which these functions repeat in all their digits.
LEVELS = 4
STRETCHED = (1, 99)


def laplacian_pyramid(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Fuse two images detail by detail: Burt and Adelson's pyramid with the choose-max rule.

    In every one of four levels the stronger coefficient of the two is taken; what is left above
    them, the coarse picture, is averaged.

    Args:
        first: H x W uint8.
        second: H x W uint8.

    Returns:
        H x W uint8.

    Source: P. J. Burt and E. H. Adelson, The Laplacian pyramid as a compact image code, 1983;
    P. J. Burt and R. J. Kolczynski, Enhanced image capture through fusion, 1993.
    """
    first_details, first_rest = _decompose(first)
    second_details, second_rest = _decompose(second)
    fused = (first_rest + second_rest) / 2
    for one, other in zip(reversed(first_details), reversed(second_details)):
        stronger = np.where(np.abs(one) >= np.abs(other), one, other)
        fused = cv2.pyrUp(fused, dstsize=stronger.shape[::-1]) + stronger
    return to_bytes(fused)


def auto_levels(luminance: np.ndarray) -> np.ndarray:
    """Stretch an image from its 1st to 99th percentile to the whole range.

    Args:
        luminance: H x W uint8.

    Returns:
        H x W uint8. An image without contrast stays as it is.
    """
    low, high = np.percentile(luminance, STRETCHED)
    if high <= low:
        return luminance
    stretched = (luminance.astype(np.float32) - low) * 255 / (high - low)
    # Cut off, not rounded, because the published rows were.
    return np.clip(stretched, 0, 255).astype(np.uint8)


def colour(visible: np.ndarray, luminance: np.ndarray) -> np.ndarray:
    """Give a fused luma the colours of the visible image, for pictures and detectors.

    The colour differences (R - Y, B - Y) stay; what leaves the range is clipped, so the result's
    luma may differ there from the one that was scored.

    Args:
        visible: H x W x 3 uint8 RGB.
        luminance: H x W uint8.

    Returns:
        H x W x 3 uint8 RGB.
    """
    change = luminance.astype(np.int16) - luma(visible)
    return np.clip(visible + change[..., None], 0, 255).astype(np.uint8)


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Round a float image of 0 to 255 to uint8; what lies beyond is clipped."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _decompose(image: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Split an image into its details, finest first, and the coarse rest, all float32."""
    details = []
    rest: np.ndarray = image.astype(np.float32)
    for _ in range(LEVELS):
        coarser = cv2.pyrDown(rest)
        details.append(rest - cv2.pyrUp(coarser, dstsize=rest.shape[::-1]))
        rest = coarser
    return details, rest


def _mean(visible: np.ndarray, thermal: np.ndarray) -> np.ndarray:
    """Average the two cameras; halves go to the even grey level."""
    return to_bytes((luma(visible).astype(np.float32) + thermal) / 2)


BASELINES: dict[str, Baseline] = {
    'visible only': lambda visible, thermal: luma(visible),
    'thermal only': lambda visible, thermal: thermal,
    'mean': _mean,
    'max': lambda visible, thermal: np.maximum(luma(visible), thermal),
    'Laplacian pyramid': lambda visible, thermal: laplacian_pyramid(luma(visible), thermal),
    'auto-levels + Laplacian pyramid':
        lambda visible, thermal: laplacian_pyramid(auto_levels(luma(visible)), thermal),
}
"""The baselines by the names of their rows, in the order of the tables."""
