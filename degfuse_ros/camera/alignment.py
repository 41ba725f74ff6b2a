# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal frames into the visible camera's frame, by the calibration that is chosen now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

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
# warp (1.8 ms on one core, 5 ms on a virtual machine), and a mount that slips stays slipped:
# nothing is missed in between.
SCORED_EVERY = 15
# Changes of a camera_info up to these leave the map as it is, which takes 0.1 to 0.6 s to make: a
# camera that focuses by itself may change its focal length a little in every frame. They move
# the border of a picture by half a pixel at most.
LENS_PIXELS, LENS_DISTORTION = 0.5, 1e-3
# Views that share a strip narrower than this share of the width are not scored: it has too few
# edges to say anything.
STRIP = 0.125


class _File(NamedTuple):
    """A file as it was at one time: written anew, it differs in one of these."""

    path: str
    modified: int
    size: int


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
        self._infos: dict[str, Any] = {}
        # The file chosen, and what it holds or why that cannot be told.
        self._file = _file_now('')
        self._calibration: Calibration | None = None
        self._unreadable = ''
        # What a map was last made for, or was to be, and why it could not.
        self._tried: tuple[_File, Size, Size] | None = None
        self._lenses: dict[str, Intrinsics] = {}
        self._misfit = ''
        # The last map that could be made, and for what.
        self._registration: Registration | None = None
        self._made_for: tuple[_File, Size, Size] | None = None
        self._score = RegistrationScore()
        self._until_scored = 0
        self._unscored: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def score(self) -> RegistrationScore:
        """How well the cameras agree, of the pairs since the views last changed."""
        return self._score

    @property
    def missing(self) -> tuple[str, ...]:
        """Cameras whose lens the calibration leaves to their camera_info."""
        calibration = self._calibration  # once: the other thread may put it away
        rig = calibration.rig if calibration else None
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
            path: the calibration file, read where it is another or was written anew; '' for
                equal views. Where it was written anew and is of no use, the map made before
                stays, and the notice says so.

        Raises:
            ImageError: the frame cannot be brought there: it is smaller than 32 x 32, or the
                calibration cannot be read or does not fit.
        """
        self._unscored = None  # of another map perhaps
        try:
            registration, notice = self._fitting(path, (visible.shape[1], visible.shape[0]),
                                                 (thermal.shape[1], thermal.shape[0]))
            if registration is None:
                aligned = _stretched(visible, thermal)
                self._put_aside(visible, aligned.thermal)
                return aligned
            warped = registration.warp(thermal)
        except (CalibrationError, HomographyError) as error:
            raise ImageError('unregistered', str(error), 'thermal') from error
        except ValueError as error:  # too small
            raise ImageError('refused', str(error), 'thermal') from error
        self._put_aside(visible, warped, registration.window)
        return Aligned(warped, None if registration.complete else registration.mask, notice)

    def follow(self) -> None:
        """Score the last pair where its turn has come; best once its fused image is out."""
        if self._unscored is not None:
            (visible, thermal), self._unscored = self._unscored, None
            self._score.update(cv2.cvtColor(visible, cv2.COLOR_RGB2GRAY), thermal)

    def _fitting(self, path: str, visible: Size, thermal: Size
                 ) -> tuple[Registration | None, str]:
        """Return the map for images of these sizes, and what is to be told of it."""
        try:
            self._choose(path)
            self._fit(visible, thermal)
        except (CalibrationError, HomographyError) as error:
            if self._registration is None or self._made_for is None:
                raise
            file, *sizes = self._made_for
            if file.path != path or sizes != [visible, thermal] or file == self._file:
                raise
            return self._registration, f'{error}. What {path} held before stays in use'
        return self._registration, ''

    def _choose(self, path: str) -> None:
        """Read the file where it changed."""
        file = _file_now(path)
        if file != self._file:
            self._unreadable = ''
            try:
                self._calibration = load_calibration(Path(path)) if path else None
            except CalibrationError as error:
                self._unreadable = str(error)
            self._file = file
        if self._unreadable:
            raise CalibrationError(self._unreadable)

    def _fit(self, visible: Size, thermal: Size) -> None:
        """Make the map for images of these sizes where anything changed; try but once."""
        sizes = {'visible': visible, 'thermal': thermal}
        lenses = {camera: self._lens(camera, sizes[camera]) for camera in self.missing}
        tried = (self._file, visible, thermal)
        if tried != self._tried or any(
                _differ(lens, self._lenses[camera]) for camera, lens in lenses.items()):
            self._misfit = ''
            try:
                self._registration = self._made(visible, thermal, lenses)
            except (CalibrationError, HomographyError) as error:
                self._misfit = str(error)
            else:
                self._made_for = tried
                self._score = RegistrationScore()
            self._tried, self._lenses = tried, lenses
        if self._misfit:
            raise CalibrationError(self._misfit)

    def _made(self, visible: Size, thermal: Size, lenses: dict[str, Intrinsics]
              ) -> Registration | None:
        if self._calibration is None:
            return None
        fitted = self._calibration.resized(visible, thermal).with_lenses(lenses)
        return Registration(fitted, visible, thermal)

    def _lens(self, camera: str, size: Size) -> Intrinsics:
        if camera not in self._infos:
            raise CalibrationError(
                f'{self._file.path} leaves the lens of the {camera} camera to '
                f'{camera}/camera_info, and none has come: publish it, or write camera_matrix '
                'and distortion into the file')
        try:
            return lens_from_info(self._infos[camera], size)
        except CalibrationError as error:
            raise CalibrationError(f'{camera}/{error}') from error

    def _put_aside(self, visible: np.ndarray, thermal: np.ndarray,
                   window: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        """Keep one pair of so many, the rows and columns that both cameras see, to be scored."""
        if not self._until_scored:
            self._until_scored = SCORED_EVERY
            if min(thermal[window].shape) >= STRIP * thermal.shape[1]:
                self._unscored = visible[window], thermal[window]
        self._until_scored -= 1


def _file_now(path: str) -> _File:
    try:
        status = Path(path).stat() if path else None
    except (OSError, ValueError):  # reading it says why
        status = None
    return _File(path, status.st_mtime_ns if status else 0, status.st_size if status else 0)


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
