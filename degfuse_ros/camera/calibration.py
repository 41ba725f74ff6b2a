# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration of a visible and a thermal camera, and the file that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from degfuse_ros.camera.homography import HomographyError, Size, check, resizing

CAMERAS = ('visible', 'thermal')
VERSION = 1
"""Of the format; a file of another one is refused."""

# A calibration is a few kilobytes: whatever is larger is another file.
LARGEST_FILE = 1 << 20
# Distortion coefficients in OpenCV's order, k1 k2 p1 p2 k3 k4 k5 k6: none, ROS's plumb_bob (four
# or five) and rational_polynomial (eight).
DISTORTION_LENGTHS = (0, 4, 5, 8)
# Corners known to no better than this share of the visible width are no calibration: 8 of 640.
LARGEST_UNSURENESS = 0.0125
# How far a rotation's product with its transpose may be from one: numbers written with three
# digits pass, another matrix does not.
ROTATION_TOLERANCE = 5e-3


class CalibrationError(ValueError):
    """A calibration that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Intrinsics:
    """One camera's lens.

    Attributes:
        matrix: 3 x 3 camera matrix, pixels.
        distortion: 4, 5 or 8 coefficients in OpenCV's order.
    """

    matrix: np.ndarray
    distortion: np.ndarray

    def resized(self, source: Size, target: Size) -> Intrinsics:
        """Return the lens as it is for images of another size."""
        return Intrinsics(resizing(source, target) @ self.matrix, self.distortion)


@dataclass(frozen=True)
class Rig:
    """Both lenses and how the cameras stand to each other.

    Attributes:
        visible: lens of the visible camera; None where its camera_info tells it.
        thermal: lens of the thermal camera; the same.
        rotation: 3 x 3; with the translation it takes points from the visible camera's frame
            (x right, y down, z forward) to the thermal one's.
        translation: metres.
        distance: metres along the visible camera's z of the plane that is registered exactly.
    """

    visible: Intrinsics | None
    thermal: Intrinsics | None
    rotation: np.ndarray
    translation: np.ndarray
    distance: float

    @property
    def missing(self) -> tuple[str, ...]:
        """Which cameras' lenses their camera_info must tell: 'visible', 'thermal'."""
        return tuple(camera for camera in CAMERAS if getattr(self, camera) is None)

    def lens(self, camera: str) -> Intrinsics:
        """Return the lens of the 'visible' or 'thermal' camera.

        Raises:
            CalibrationError: it is missing.
        """
        lens = self.visible if camera == 'visible' else self.thermal
        if lens is None:
            raise CalibrationError(f'the calibration leaves out the {camera} lens: publish '
                                   f'{camera}/camera_info, or write the lens into the file')
        return lens


@dataclass(frozen=True)
class Calibration:
    """How the thermal image lies over the visible one; exactly one of the last two is given.

    Attributes:
        visible_size: width and height of the visible images it was made from.
        thermal_size: the same of the thermal ones.
        residual: pixels of the visible image by which edges or corners are still apart.
        sureness: pixels of the visible image within which the image's corners are known.
        date: when it was made, as ISO 8601 writes it.
        source: what it was made from, for people.
        homography: 3 x 3, thermal to visible pixels.
        rig: a full calibration.
    """

    visible_size: Size
    thermal_size: Size
    residual: float
    sureness: float
    date: str
    source: str
    homography: np.ndarray | None = None
    rig: Rig | None = field(default=None)

    @property
    def kind(self) -> str:
        """'homography' or 'full'."""
        return 'full' if self.rig is not None else 'homography'

    def resized(self, visible: Size, thermal: Size) -> Calibration:
        """Return it for images of other sizes but the same views.

        Args:
            visible: width and height of the visible images.
            thermal: the same of the thermal ones.

        Raises:
            CalibrationError: a size has another aspect, so that the view cannot be the same.
        """
        _check_aspect('visible', self.visible_size, visible)
        _check_aspect('thermal', self.thermal_size, thermal)
        homography, rig = self.homography, self.rig
        if homography is not None:
            homography = (resizing(self.visible_size, visible) @ homography
                          @ resizing(thermal, self.thermal_size))
        if rig is not None:
            rig = replace(
                rig, visible=rig.visible and rig.visible.resized(self.visible_size, visible),
                thermal=rig.thermal and rig.thermal.resized(self.thermal_size, thermal))
        enlarged = visible[0] / self.visible_size[0]
        return Calibration(visible, thermal, self.residual * enlarged, self.sureness * enlarged,
                           self.date, self.source, homography, rig)


    def with_lenses(self, lenses: Mapping[str, Intrinsics]) -> Calibration:
        """Return it with the lenses that it leaves out.

        Args:
            lenses: by camera, for images of this calibration's sizes.
        """
        if self.rig is None:
            return self
        visible, thermal = (getattr(self.rig, camera) or lenses.get(camera) for camera in CAMERAS)
        return replace(self, rig=replace(self.rig, visible=visible, thermal=thermal))


def to_text(calibration: Calibration) -> str:
    """Return the content of a calibration file."""
    import yaml
    content: dict[str, Any] = {
        'version': VERSION, 'kind': calibration.kind, 'date': calibration.date,
        'source': calibration.source, 'residual': round(calibration.residual, 3),
        'sureness': round(calibration.sureness, 3)}
    for camera, size in (('visible', calibration.visible_size),
                         ('thermal', calibration.thermal_size)):
        content[camera] = {'width': size[0], 'height': size[1]}
    rig = calibration.rig
    if rig is not None:
        for camera, lens in (('visible', rig.visible), ('thermal', rig.thermal)):
            if lens is not None:
                content[camera] |= {'camera_matrix': lens.matrix.tolist(),
                                    'distortion': lens.distortion.tolist()}
        content |= {'rotation': rig.rotation.tolist(), 'translation': rig.translation.tolist(),
                    'distance': rig.distance}
    elif calibration.homography is not None:
        content['homography'] = calibration.homography.tolist()
    return str(yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=99))


def load_calibration(file: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        CalibrationError: it cannot be read, is not of this format or version, or holds what no
            pair of cameras can have; the message is one line.
    """
    import yaml
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise CalibrationError(f'{file} is no calibration: it is larger than 1 MiB')
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        raise CalibrationError(f'{file} cannot be read: {error.strerror}') from error
    # PyYAML recurses into what is nested.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise CalibrationError(f'{file} is not YAML: {reason}') from error
    if not isinstance(content, dict) or content.get('version') != VERSION:
        got = content.get('version') if isinstance(content, dict) else None
        raise CalibrationError(f'{file} is no calibration of version {VERSION} (version: {got}): '
                               'make one with degfuse calibrate')
    try:
        return _from_content(content)
    except KeyError as error:
        raise CalibrationError(f'{file} has no {error.args[0]}: make one with degfuse calibrate'
                               ) from error
    except (CalibrationError, HomographyError) as error:
        raise CalibrationError(f'{file}: {error}') from error
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(f'{file} is damaged ({error}): make one with degfuse calibrate'
                               ) from error


def _from_content(content: dict[str, Any]) -> Calibration:
    sizes = [_size(camera, content[camera]) for camera in CAMERAS]
    kind = content['kind']
    homography, rig = None, None
    if kind == 'homography':
        homography = check(_numbers(content, 'homography', (3, 3)), sizes[1])
    elif kind == 'full':
        rig = _rig(content)
    else:
        raise CalibrationError(f"kind is {kind!r}: give 'homography' or 'full'")
    residual, sureness = (float(_numbers(content, name, ())) for name in ('residual', 'sureness'))
    return Calibration(sizes[0], sizes[1], residual, sureness, str(content['date']),
                       str(content['source']), homography, rig)


def _rig(content: dict[str, Any]) -> Rig:
    rotation = _numbers(content, 'rotation', (3, 3))
    if (np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE
            or np.linalg.det(rotation) < 0.0):
        raise CalibrationError('rotation is no rotation matrix: calibrate again')
    distance = float(_numbers(content, 'distance', ()))
    if distance <= 0.0:
        raise CalibrationError(f'distance is {distance}: give metres above 0')
    visible, thermal = (_lens(camera, content[camera]) for camera in CAMERAS)
    return Rig(visible, thermal, rotation, _numbers(content, 'translation', (3,)), distance)


def _lens(camera: str, content: dict[str, Any]) -> Intrinsics | None:
    if not {'camera_matrix', 'distortion'} & set(content):
        return None
    matrix = _numbers(content, 'camera_matrix', (3, 3))
    if matrix[0, 0] <= 0.0 or matrix[1, 1] <= 0.0:
        raise CalibrationError(f'the {camera} focal length is {matrix[0, 0]:g} x '
                               f'{matrix[1, 1]:g}: it must be above 0; calibrate again')
    if not np.array_equal(matrix[2], (0.0, 0.0, 1.0)) or matrix[1, 0] != 0.0:
        raise CalibrationError(f'the {camera} camera_matrix is none: calibrate again')
    distortion = _numbers(content, 'distortion', None)
    if distortion.ndim != 1 or len(distortion) not in DISTORTION_LENGTHS:
        raise CalibrationError(f'the {camera} distortion has the shape {distortion.shape}: give '
                               '0, 4, 5 or 8 coefficients (plumb_bob, rational_polynomial)')
    # No coefficients is how camera drivers write a lens without distortion.
    return Intrinsics(matrix, distortion if len(distortion) else np.zeros(4))


def _numbers(content: dict[str, Any], name: str, shape: tuple[int, ...] | None
             ) -> np.ndarray:
    """Return an entry as finite numbers of a shape (any shape for None)."""
    values = np.asarray(content[name], np.float64)
    if shape is not None and values.shape != shape:
        raise CalibrationError(f'{name} has the shape {values.shape}, not {shape}: calibrate '
                               'again')
    if not np.isfinite(values).all():
        raise CalibrationError(f'{name} holds numbers that are not finite: calibrate again')
    return values


def _size(camera: str, content: dict[str, Any]) -> Size:
    width, height = content['width'], content['height']
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 0):
        raise CalibrationError(f'the {camera} size is {width!r} x {height!r}: give pixels')
    return width, height


def _check_aspect(camera: str, made: Size, got: Size) -> None:
    """Refuse another aspect; rounding to whole pixels is allowed."""
    if abs(made[1] * got[0] / made[0] - got[1]) > 1.0:
        raise CalibrationError(
            f'the calibration was made for {camera} images of {made[0]} x {made[1]}. Got '
            f'{got[0]} x {got[1]}, another aspect: use the same camera mode, or calibrate again')
