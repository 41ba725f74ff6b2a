# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bring a thermal image onto the pixel grid of the visible one."""

from __future__ import annotations

import cv2
import numpy as np

from degfuse_ros.camera.calibration import Calibration, CalibrationError, Rig
from degfuse_ros.camera.homography import Size, check

# Pixels, the network's own limit for the visible image: a thermal image below it is a thumbnail
# or a broken frame, and stretching it would lend its few pixels the look of detail.
SMALLEST = 32

# Width of the seam where the thermal image ends, as a share of the visible image's width: wide
# enough that no line shows, narrow enough to lose little of the thermal view.
SEAM = 0.025

# A place that no thermal pixel shows, in thermal pixels: far outside every image, and small
# enough for the fixed-point maps of OpenCV.
NOWHERE = -16_000.0

# Thermal pixels per visible pixel from which sampling would step over small hot objects, so
# that the thermal image is blurred before.
SHRINKING = 1.25


def match_size(thermal: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a thermal image to the visible image's size.

    The whole view is stretched over the whole view: right for cameras of the same field of view
    and different resolution. Other geometry needs a calibration and `Registration`.

    Args:
        thermal: H'xW' uint8, grey.
        height: rows of the visible image.
        width: columns of the visible image.

    Returns:
        HxW uint8; the input itself where the size already agrees.

    Raises:
        ValueError: the thermal image is smaller than 32 x 32.
    """
    _refuse_thumbnail((thermal.shape[1], thermal.shape[0]))
    if thermal.shape == (height, width):
        return thermal
    # Averaging when shrinking keeps small hot objects that sampling would step over.
    shrinking = thermal.shape[0] > height and thermal.shape[1] > width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cv2.resize(thermal, (width, height), interpolation=method)


def _refuse_thumbnail(size: Size) -> None:
    if min(size) < SMALLEST:
        raise ValueError(f'the thermal image must be {SMALLEST} x {SMALLEST} pixels or larger. '
                         f'Got {size[0]} x {size[1]}; publish the whole image')


class Registration:
    """Warps thermal frames into the visible camera's frame, by one map made once.

    Beyond the thermal image its border pixels go on, and `mask` says where that begins, so that
    the engine puts the restored visible image there. The visible image's grey instead gave the
    network an edge along the seam, and moved what it made of the rest (by 33 grey levels in the
    mean of a foggy scene, against 4).

    Args:
        calibration: of the two cameras.
        visible_size: width and height of the visible frames.
        thermal_size: the same of the thermal frames.

    Raises:
        CalibrationError: a size has another aspect than those of the calibration, a lens is
            missing, or the thermal image lies nowhere over the visible one.
        HomographyError: the homography folds or mirrors the image.
        ValueError: the thermal images are smaller than 32 x 32.
    """

    def __init__(self, calibration: Calibration, visible_size: Size, thermal_size: Size) -> None:
        _refuse_thumbnail(thermal_size)
        fitted = calibration.resized(visible_size, thermal_size)
        self._thermal_size = thermal_size
        if fitted.rig is not None:
            places = _places_by_rig(fitted.rig, visible_size, thermal_size)
        else:
            assert fitted.homography is not None
            places = _places_by_homography(check(fitted.homography, thermal_size), visible_size)
        self._mask = _soft_mask(places, thermal_size)
        if not self._mask.any():
            raise CalibrationError('by the calibration the thermal image lies nowhere over the '
                                   'visible one: calibrate again')
        self._complete = bool((self._mask == 1.0).all())
        left, top, width, height = cv2.boundingRect(np.asarray(self._mask > 0.0, np.uint8))
        self._window = slice(top, top + height), slice(left, left + width)
        self._blur = _blur_for(places, self._mask)
        # Fixed point: the warp takes half the time, to 1/32 of a pixel.
        self._maps = cv2.convertMaps(places[..., 0], places[..., 1], cv2.CV_16SC2)

    @property
    def mask(self) -> np.ndarray:
        """H x W float32: 1 where the thermal image is valid, 0 outside, between in the seam."""
        return self._mask

    @property
    def complete(self) -> bool:
        """The thermal image shows every place of the visible one."""
        return self._complete

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the smallest upright rectangle around where the mask is not 0."""
        return self._window

    def warp(self, thermal: np.ndarray) -> np.ndarray:
        """Return a thermal frame in the visible camera's frame.

        Args:
            thermal: H' x W' uint8 of the size the registration was made for.

        Returns:
            H x W uint8; beyond the thermal image its border pixels go on.

        Raises:
            ValueError: the frame has another size.
        """
        if thermal.shape[::-1] != self._thermal_size:
            raise ValueError(
                'the registration is for thermal frames of {} x {}. Got {} x {}: make another'
                .format(*self._thermal_size, *thermal.shape[::-1]))
        if self._blur > 0.0:
            thermal = cv2.GaussianBlur(thermal, (0, 0), self._blur)
        return cv2.remap(thermal, *self._maps, cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)


def _pixels(size: Size) -> np.ndarray:
    """Return the centres of all pixels, H * W x 2 (x, y)."""
    x, y = np.meshgrid(np.arange(size[0], dtype=np.float64), np.arange(size[1]))
    return np.column_stack([x.ravel(), y.ravel()])


def _places_by_homography(homography: np.ndarray, size: Size) -> np.ndarray:
    """Return for each visible pixel where the thermal image shows it, H x W x 2."""
    inverse = np.linalg.inv(homography)
    mapped = _pixels(size) @ inverse[:, :2].T + inverse[:, 2]
    # Beyond the mapping's horizon the weight changes its sign: nothing is seen there.
    sign = np.sign(np.linalg.det(homography))
    seen = mapped[:, 2] * sign > 1e-9
    return _where_seen(mapped[:, :2] / np.where(seen, mapped[:, 2], 1.0)[:, None], seen, size)


def _places_by_rig(rig: Rig, size: Size, thermal_size: Size) -> np.ndarray:
    """The same through both lenses, for points of the plane."""
    visible, thermal = rig.lens('visible'), rig.lens('thermal')
    rays = cv2.undistortPoints(_pixels(size)[:, None], visible.matrix, visible.distortion)
    points = np.column_stack([rays[:, 0], np.ones(len(rays))]) * rig.distance
    points = points @ rig.rotation.T + rig.translation
    # A lens model folds back far outside the image it was fitted to; a tenth beyond is kept.
    edge = np.array([[x, y] for x in (0, thermal_size[0] / 2, thermal_size[0])
                     for y in (0, thermal_size[1] / 2, thermal_size[1])], np.float64)
    rim = cv2.undistortPoints(edge[:, None], thermal.matrix, thermal.distortion)[:, 0]
    limit = 1.1 * np.linalg.norm(rim, axis=1).max()
    ahead = points[:, 2] > 1e-6
    flat = points[:, :2] / np.where(ahead, points[:, 2], 1.0)[:, None]
    seen = ahead & (np.linalg.norm(flat, axis=1) < limit)
    points[~seen] = (0.0, 0.0, 1.0)
    still = np.zeros(3)
    mapped = cv2.projectPoints(points, still, still, thermal.matrix, thermal.distortion)
    return _where_seen(mapped[0][:, 0], seen, size)


def _where_seen(places: np.ndarray, seen: np.ndarray, size: Size
                ) -> np.ndarray:
    # Limits: the fixed-point maps hold 16 bits.
    places = np.clip(np.where(seen[:, None], places, NOWHERE), NOWHERE, -2 * NOWHERE)
    return places.reshape(size[1], size[0], 2).astype(np.float32)


def _soft_mask(places: np.ndarray, thermal_size: Size) -> np.ndarray:
    """Return 1 inside, 0 outside, falling off inside along the border of the thermal image."""
    limits = np.array(thermal_size, np.float32) - 0.5
    inside = np.all((places >= -0.5) & (places <= limits), axis=2)
    if inside.all():
        return np.ones(inside.shape, np.float32)
    distance = cv2.distanceTransform(np.asarray(inside, np.uint8), cv2.DIST_L2, 5)
    share = np.clip(distance / (SEAM * inside.shape[1]), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), np.float32)


def _blur_for(places: np.ndarray, mask: np.ndarray) -> float:
    """Return the blur, in thermal pixels, that sampling at these places needs; 0 for none."""
    steps = np.linalg.norm(np.diff(places, axis=1), axis=2)[mask[:, 1:] > 0.0]
    if not len(steps) or float(np.median(steps)) < SHRINKING:
        return 0.0
    # Half of what lies between two samples, less what a pixel averages by itself.
    return 0.5 * float(np.sqrt(np.median(steps) ** 2 - 1.0))
