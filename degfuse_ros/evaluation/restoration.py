# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Classical restoration of the visible image, told what is wrong with it, then a plain fusion.

The two-stage rows show what is won by restoring first with methods that need no training. They
know the TRUE degradation, which the model has to find out.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import cv2
import numpy as np

from degfuse_ros.evaluation.baselines import colour, laplacian_pyramid, to_bytes
from degfuse_ros.evaluation.guided_filter import guided_filter
from degfuse_ros.evaluation.metrics.luminance import luma
from degfuse_ros.network.config import CLASSES

LowLight = Literal['clahe', 'curve']
TwoStage = Callable[[np.ndarray, np.ndarray, Sequence[str]], tuple[np.ndarray, np.ndarray]]
"""(visible RGB, thermal, degradations) -> (fused luma H x W, restored visible H x W x 3 RGB)."""

# He et al.'s own values: patch of 15 pixels, 5 % of the haze kept, transmission of at least 0.1.
PATCH, KEPT_HAZE, THINNEST = 15, 0.05, 0.1
# The guided filter's radius and regularisation that its authors use for dehazing.
GUIDE_RADIUS, GUIDE_EPSILON = 60, 1e-3
# Chosen among 2 to 6, 0.35 to 0.6 and 3 or 5 for what the restored picture keeps of the clean one
# (PSNR, edges) on seven pictures of the benchmark: the classical rows get their best.
CLAHE_CLIP, CLAHE_TILES = 2.0, (8, 8)
MIDDLE_GREY = 0.5  # what a tone curve makes of the mean
MEDIAN = 3  # pixels


def restore(visible: np.ndarray, degradations: Sequence[str],
            low_light: LowLight = 'clahe') -> np.ndarray:
    """Undo known degradations by classical methods, the last in the light's path first.

    low_light: CLAHE or a tone curve; overexposed: a darkening tone curve; rain: a median filter;
    fog: the dark channel prior.

    Args:
        visible: H x W x 3 uint8 RGB.
        degradations: any of the classes; 'clean' and an empty sequence change nothing.
        low_light: how to brighten, 'clahe' or 'curve'.

    Returns:
        H x W x 3 uint8 RGB.

    Raises:
        ValueError: a degradation that is not a class.
    """
    unknown = sorted(set(degradations) - set(CLASSES))
    if unknown:
        raise ValueError(f'Unknown degradations {unknown}: use some of {list(CLASSES)}.')
    brighten = {'clahe': _equalise, 'curve': _brighten}[low_light]
    steps = {'low_light': brighten, 'overexposed': _darken, 'rain': _derain, 'fog': dehaze}
    for degradation, step in steps.items():
        if degradation in degradations:
            visible = step(visible)
    return visible


def dehaze(visible: np.ndarray) -> np.ndarray:
    """Remove fog by the dark channel prior, its transmission refined by the guided filter.

    Args:
        visible: H x W x 3 uint8 RGB.

    Returns:
        H x W x 3 uint8 RGB.

    Source: K. He, J. Sun, X. Tang, Single image haze removal using dark channel prior, CVPR
    2009, equations 5 to 22 (with the guided filter, ECCV 2010, in place of soft matting).
    """
    image = visible.astype(np.float32) / 255
    airlight = _airlight(image)
    haze = _dark_channel(image / airlight)
    transmission = 1 - (1 - KEPT_HAZE) * haze
    guide = luma(visible).astype(np.float32) / 255
    transmission = guided_filter(guide, transmission, GUIDE_RADIUS, GUIDE_EPSILON)
    transmission = np.maximum(transmission, THINNEST)
    clear = to_bytes(255 * ((image - airlight) / transmission[..., None] + airlight))
    return _brighten(clear)  # the scene is dimmer than its fog: the paper raises the exposure too


def _dark_channel(image: np.ndarray) -> np.ndarray:
    """Return the darkest value of all colours in each patch, H x W (equation 5)."""
    return cv2.erode(image.min(axis=2), np.ones((PATCH, PATCH), np.uint8))


def _airlight(image: np.ndarray) -> np.ndarray:
    """Return the colour of the fog, 3: the brightest of the haziest thousandth (section 4.4)."""
    darkest = _dark_channel(image).ravel()
    count = max(1, darkest.size // 1000)
    haziest = image.reshape(-1, 3)[np.argpartition(darkest, -count)[-count:]]
    brightest = haziest[haziest.sum(axis=1).argmax()]
    return np.maximum(brightest, THINNEST)  # an all-dark picture has no fog to divide by


def _equalise(visible: np.ndarray) -> np.ndarray:
    """Equalise the luma's histogram in tiles with limited contrast (CLAHE, Zuiderveld 1994)."""
    equaliser = cv2.createCLAHE(CLAHE_CLIP, CLAHE_TILES)
    return colour(visible, equaliser.apply(luma(visible)))


def _brighten(visible: np.ndarray) -> np.ndarray:
    """Bring a dark picture's mean to middle grey."""
    return _tone_curve(visible, min(_power_to_middle_grey(visible), 1.0))


def _darken(visible: np.ndarray) -> np.ndarray:
    """Bring a bright picture's mean to middle grey; what was clipped stays lost."""
    return _tone_curve(visible, max(_power_to_middle_grey(visible), 1.0))


def _power_to_middle_grey(visible: np.ndarray) -> float:
    """Return the power that turns the mean luma into middle grey."""
    mean = float(np.clip(luma(visible).mean() / 255, 0.02, 0.98))  # finite for black and white
    return float(np.log(MIDDLE_GREY) / np.log(mean))


def _tone_curve(visible: np.ndarray, power: float) -> np.ndarray:
    """Raise every colour, as a share of white, to a power."""
    return to_bytes(255 * (np.arange(256) / 255) ** power)[visible]


def _derain(visible: np.ndarray) -> np.ndarray:
    """Drop thin streaks by a median filter per colour."""
    return cv2.medianBlur(visible, MEDIAN)


def _two_stage(visible: np.ndarray, thermal: np.ndarray, degradations: Sequence[str],
               low_light: LowLight) -> tuple[np.ndarray, np.ndarray]:
    """Restore, then fuse by the Laplacian pyramid."""
    restored = restore(visible, degradations, low_light)
    return laplacian_pyramid(luma(restored), thermal), restored


TWO_STAGE: dict[str, TwoStage] = {
    'two-stage (CLAHE)': partial(_two_stage, low_light='clahe'),
    'two-stage (curve)': partial(_two_stage, low_light='curve'),
}
"""Restoration then fusion, by the names of their rows."""
