# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal frames into the visible camera's frame, by the calibration that is chosen now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from degfuse_ros.camera.calibration import (
    Calibration,
    CalibrationError,
    Intrinsics,
    load_calibration,
)
from degfuse_ros.camera.homography import HomographyError, Size
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.lens import lens_from_info
from degfuse_ros.camera.registration import Registration, match_size
from degfuse_ros.camera.registration_score import RegistrationScore

# Of so many pairs one is scored: twice a second at 30 Hz. A score takes three times as long as a
# warp (1.8 ms on one core), and a mount that slips stays slipped: nothing is missed in between.
SCORED_EVERY = 15
# Changes of a camera_info up to these leave the map as it is, which takes 0.1 to 0.6 s to make: a
# camera that focuses by itself may change its focal length a little in every frame. They move
# the border of a picture by half a pixel at most.
LENS_PIXELS, LENS_DISTORTION = 0.5, 1e-3
# Views that share a strip narrower than this share of the width are not scored: it has too few
# edges to say anything.
STRIP = 0.125


@dataclass(frozen=True)
class Aligned:
    """A thermal frame on the visible frame's grid.

    Attributes:
        thermal: H x W uint8; where the frame does not reach, its border pixels go on.
        coverage: H x W float32, 1 where the thermal frame reaches, 0 where it does not, between
            in the seam; None where it reaches everywhere.
        notice: one line that the user should be told once; '' for none.
    """

    thermal: np.ndarray
    coverage: np.ndarray | None = None
    notice: str = ''


class Alignment:
    """Holds the calibration chosen, what camera_infos tell, and the map made of both.

    One thread at a time, but for `camera_info` and `score`.
    """

    def __init__(self) -> None:
        """Start with equal views."""
        self._path = ''
        self._calibration: Calibration | None = None
        self._loads = 0
        self._infos: dict[str, Any] = {}
        self._registration: Registration | None = None
        self._made_for: tuple[int, Size, Size] | None = None
        self._lenses: dict[str, Intrinsics] = {}
        self._score = RegistrationScore()
        self._until_scored = 0

    @property
    def score(self) -> RegistrationScore:
        """How well the cameras agree, of the pairs since the views last changed."""
        return self._score

    @property
    def missing(self) -> tuple[str, ...]:
        """Cameras whose lens the calibration leaves to their camera_info."""
        rig = self._calibration.rig if self._calibration else None
        return rig.missing if rig else ()

    def camera_info(self, camera: str, info: Any) -> None:
        """Take a camera's newest camera_info.

        Args:
            camera: 'visible' or 'thermal'.
            info: a sensor_msgs/CameraInfo or an object like it.
        """
        self._infos[camera] = info

    def align(self, visible: np.ndarray, thermal: np.ndarray, path: str) -> Aligned:
        """Bring a thermal frame onto the visible frame's grid.

        Args:
            visible: H x W x 3 uint8 RGB.
            thermal: H' x W' uint8.
            path: the calibration file, read where it is another than before; '' for equal views.

        Raises:
            ImageError: the frame cannot be brought there: it is smaller than 32 x 32, or the
                calibration cannot be read or does not fit.
        """
        try:
            self._choose(path)
            registration = self._fitting((visible.shape[1], visible.shape[0]),
                                         (thermal.shape[1], thermal.shape[0]))
            if registration is None:
                aligned = _stretched(visible, thermal)
                self._follow(visible, aligned.thermal)
                return aligned
            warped = registration.warp(thermal)
        except (CalibrationError, HomographyError) as error:
            raise ImageError('unregistered', str(error), 'thermal') from error
        except ValueError as error:  # too small
            raise ImageError('refused', str(error), 'thermal') from error
        self._follow(visible, warped, registration.window)
        return Aligned(warped, None if registration.complete else registration.mask)

    def _choose(self, path: str) -> None:
        if path != self._path:
            self._calibration = load_calibration(Path(path)) if path else None
            self._path = path
            self._loads += 1

    def _fitting(self, visible: Size, thermal: Size) -> Registration | None:
        """Return the map for images of these sizes, made anew where anything changed."""
        sizes = {'visible': visible, 'thermal': thermal}
        lenses = {camera: self._lens(camera, sizes[camera]) for camera in self.missing}
        made_for = (self._loads, visible, thermal)
        if made_for != self._made_for or any(
                _differ(lens, self._lenses[camera]) for camera, lens in lenses.items()):
            # Where it cannot be made there is none, and the next pair tries again.
            self._registration, self._made_for = None, None
            if self._calibration is not None:
                fitted = self._calibration.resized(visible, thermal).with_lenses(lenses)
                self._registration = Registration(fitted, visible, thermal)
            self._made_for, self._lenses = made_for, lenses
            self._score = RegistrationScore()
        return self._registration

    def _lens(self, camera: str, size: Size) -> Intrinsics:
        if camera not in self._infos:
            raise CalibrationError(
                f'{self._path} leaves the lens of the {camera} camera to {camera}/camera_info, '
                'and none has come: publish it, or write camera_matrix and distortion into the '
                'file')
        try:
            return lens_from_info(self._infos[camera], size)
        except CalibrationError as error:
            raise CalibrationError(f'{camera}/{error}') from error

    def _follow(self, visible: np.ndarray, thermal: np.ndarray,
                window: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        """Score one pair of so many, inside the rows and columns that both cameras see."""
        if not self._until_scored:
            self._until_scored = SCORED_EVERY
            if min(thermal[window].shape) >= STRIP * thermal.shape[1]:
                grey = cv2.cvtColor(visible[window], cv2.COLOR_RGB2GRAY)
                self._score.update(grey, thermal[window])
        self._until_scored -= 1


def _differ(lens: Intrinsics, former: Intrinsics) -> bool:
    return (lens.distortion.shape != former.distortion.shape
            or float(np.abs(lens.matrix - former.matrix).max()) > LENS_PIXELS
            or float(np.abs(lens.distortion - former.distortion).max()) > LENS_DISTORTION)


def _stretched(visible: np.ndarray, thermal: np.ndarray) -> Aligned:
    height, width = visible.shape[:2]
    matched = match_size(thermal, height, width)
    notice = '' if thermal.shape == (height, width) else (
        f'the thermal image is {thermal.shape[1]}x{thermal.shape[0]}, the visible one '
        f'{width}x{height}: it is stretched to fit. Where the views differ, calibrate the cameras '
        '(degfuse calibrate) and set calibration')
    return Aligned(matched, notice=notice)
