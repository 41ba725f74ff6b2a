# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Calibration by a target that both cameras see: a chessboard or a grid of circles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.camera.calibration import (
    LARGEST_UNSURENESS,
    CalibrationError,
    Intrinsics,
    Rig,
)
from degfuse_ros.camera.homography import HomographyError, Size, check, corners, project

TARGETS = ('chessboard', 'circles', 'asymmetric-circles')
# Views from which lenses and poses are told apart, and from which a homography is worth having.
FEWEST_FOR_RIG, FEWEST_FOR_HOMOGRAPHY = 8, 3
# A thermal image is enlarged to this width: the detectors miss squares of under ten pixels.
DETECTION_WIDTH = 640
# Pixels of the visible image by which a corner may miss the homography before it is left out.
OUTLIER = 3.0
RESAMPLES = 50
# Corners must surround at least this share of the visible image: a lens is not known where no
# target was held.
LEAST_AREA = 0.15
# RMS in each camera's own pixels beyond which a full calibration is not one.
LARGEST_RESIDUAL = 2.0


@dataclass(frozen=True)
class Target:
    """What is held before the cameras.

    Attributes:
        kind: one of `TARGETS`.
        columns: inner corners (circles) in a row.
        rows: the same in a column.
        square: metres from one to the next (for asymmetric circles: half the distance of two
            in a row).
    """

    kind: str
    columns: int
    rows: int
    square: float

    def points(self) -> np.ndarray:
        """Return the places of the corners on the target, N x 3 float32, metres."""
        column, row = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        across = 2 * column + row % 2 if self.kind == 'asymmetric-circles' else column
        flat = np.stack([across.ravel(), row.ravel(), np.zeros(row.size)], axis=1)
        return (flat * self.square).astype(np.float32)


@dataclass(frozen=True)
class TargetViews:
    """Corners found in both images of a pair, N x 2 float32 each, in pixels."""

    visible: list[np.ndarray]
    thermal: list[np.ndarray]
    visible_size: Size
    thermal_size: Size


def find_corners(image: np.ndarray, target: Target) -> np.ndarray | None:
    """Find a target, dark on bright or bright on dark.

    Args:
        image: H x W uint8 grey.
        target: what to look for.

    Returns:
        N x 2 float32 pixels in the order of `Target.points`, or None.
    """
    factor = max(1.0, DETECTION_WIDTH / image.shape[1])
    large = image if factor == 1.0 else cv2.resize(image, None, fx=factor, fy=factor,
                                                   interpolation=cv2.INTER_CUBIC)
    for picture in (large, cv2.bitwise_not(large)):
        found, places = _detect(picture, target)
        if found:
            flat = places.reshape(-1, 2).astype(np.float32)
            return np.asarray((flat + 0.5) / factor - 0.5, np.float32)
    return None


def _detect(image: np.ndarray, target: Target) -> tuple[bool, np.ndarray]:
    pattern = target.columns, target.rows
    if target.kind == 'chessboard':
        return cv2.findChessboardCornersSB(image, pattern, flags=cv2.CALIB_CB_NORMALIZE_IMAGE
                                           | cv2.CALIB_CB_ACCURACY)
    grid = (cv2.CALIB_CB_ASYMMETRIC_GRID if target.kind == 'asymmetric-circles'
            else cv2.CALIB_CB_SYMMETRIC_GRID)
    return cv2.findCirclesGrid(image, pattern, flags=grid | cv2.CALIB_CB_CLUSTERING)


def find_views(visible: Sequence[np.ndarray], thermal: Sequence[np.ndarray], target: Target
               ) -> TargetViews:
    """Find the target in all pairs.

    A chessboard in reversed polarity, or a symmetric grid, may be found from its other end: the
    order of the thermal corners is turned where that fits the visible ones better.

    Args:
        visible: grey images of one size.
        thermal: grey images of one size, as many.
        target: what to look for.

    Returns:
        The pairs in which both cameras see it.

    Raises:
        CalibrationError: they are too few.
    """
    pairs = [(find_corners(one, target), find_corners(other, target))
             for one, other in zip(visible, thermal, strict=True)]
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    if len(both) < FEWEST_FOR_HOMOGRAPHY:
        counts = [sum(pair[camera] is not None for pair in pairs) for camera in (0, 1)]
        raise CalibrationError(
            f'the target ({target.columns}x{target.rows} {target.kind}) was found in {counts[0]} '
            f'visible and {counts[1]} thermal images of {len(pairs)}, in both of {len(both)} '
            f'pairs; {FEWEST_FOR_HOMOGRAPHY} are needed: check --corners, warm the target')
    return TargetViews([one for one, _ in both], [_in_order(*pair) for pair in both],
                       (visible[0].shape[1], visible[0].shape[0]),
                       (thermal[0].shape[1], thermal[0].shape[0]))


def _in_order(visible: np.ndarray, thermal: np.ndarray) -> np.ndarray:
    """Turn the order of the thermal corners by half if the target would stand on its head."""
    one, other = visible[-1] - visible[0], thermal[-1] - thermal[0]
    return thermal if float(one @ other) > 0.0 else np.ascontiguousarray(thermal[::-1])


def homography_from_views(views: TargetViews) -> tuple[np.ndarray, float, float]:
    """Fit one homography to the corners of all views.

    It is exact for one distance: hold the target where the scene will be.

    Returns:
        3 x 3 (thermal to visible pixels), the median residual, and how sure the image's corners
        are (90th percentile over resampled views), both in visible pixels.

    Raises:
        CalibrationError: the corners cover too little, disagree, or leave the image's corners
            unsure.
    """
    _refuse_small(views)
    homography = _fit(views.thermal, views.visible, views.thermal_size)
    apart = np.linalg.norm(project(homography, np.concatenate(views.thermal))
                           - np.concatenate(views.visible), axis=1)
    if float(np.mean(apart < 2.0 * OUTLIER)) < 0.7:
        raise CalibrationError(
            f'one homography does not fit all views (median {np.median(apart):.1f} pixels): hold '
            'the target at one distance, that of the scene, or ask for --kind full')
    sureness = _sureness(views, homography)
    if sureness > LARGEST_UNSURENESS * views.visible_size[0]:
        raise CalibrationError("the views disagree: the image's corners are known to "
                               f'{sureness:.0f} pixels only; hold the target still, in more '
                               'places')
    return homography, float(np.median(apart)), sureness


def _sureness(views: TargetViews, homography: np.ndarray) -> float:
    """Return by how many visible pixels the corners move when views are drawn anew."""
    random, places = np.random.default_rng(0), corners(views.thermal_size)
    moves = []
    for _ in range(RESAMPLES):
        drawn = random.integers(0, len(views.visible), len(views.visible))
        try:
            other = _fit([views.thermal[at] for at in drawn],
                         [views.visible[at] for at in drawn], views.thermal_size)
        except CalibrationError:
            continue  # one poor view drawn over and over says nothing about all of them
        moves.append(np.linalg.norm(project(other, places) - project(homography, places), axis=1))
    # Where most draws fit nothing, nothing is known.
    return float(np.percentile(moves, 90)) if 2 * len(moves) > RESAMPLES else float('inf')


def _fit(thermal: Sequence[np.ndarray], visible: Sequence[np.ndarray], size: Size) -> np.ndarray:
    found, _ = cv2.findHomography(np.concatenate(thermal), np.concatenate(visible), cv2.RANSAC,
                                  OUTLIER)
    if found is None:
        raise CalibrationError('no homography fits the corners: hold the target in more places')
    try:
        return check(found, size)
    except HomographyError as error:
        raise CalibrationError(f'{error}; hold the target in more places') from error


def _refuse_small(views: TargetViews) -> None:
    hull = cv2.convexHull(np.concatenate(views.visible))
    share = cv2.contourArea(hull) / (views.visible_size[0] * views.visible_size[1])
    if share < LEAST_AREA:
        raise CalibrationError(f'the target covered {100 * share:.0f} % of the visible image in '
                               f'all, {100 * LEAST_AREA:.0f} % are needed: hold it in the '
                               'corners, too')


def rig_from_views(views: TargetViews, target: Target, distance: float
                   ) -> tuple[Rig, float, float]:
    """Calibrate both lenses and their pose.

    Args:
        views: eight or more, of a tilted target.
        target: with its size in metres.
        distance: metres of the plane that is to be registered exactly.

    Returns:
        The rig, and by how much thermal corners lie from where the visible ones predict them
        (RMS), over all views and in the worst, both in visible pixels.

    Raises:
        CalibrationError: too few views, or they do not fit.
    """
    if len(views.visible) < FEWEST_FOR_RIG:
        raise CalibrationError(f'the target was found in {len(views.visible)} pairs; --kind full '
                               f'needs {FEWEST_FOR_RIG}, tilted to all sides')
    _refuse_small(views)
    points = [target.points()] * len(views.visible)
    lenses = []
    for places, size in ((views.visible, views.visible_size), (views.thermal, views.thermal_size)):
        # k3 needs more views near the border than anyone takes; without them it runs wild.
        _, matrix, distortion, _, _ = cv2.calibrateCamera(
            points, places, size, np.eye(3), np.zeros(5), flags=cv2.CALIB_FIX_K3)
        lenses.append((matrix, distortion))
    error, one, first, two, second, rotation, translation, *_ = cv2.stereoCalibrate(
        points, views.visible, views.thermal, *lenses[0], *lenses[1], views.visible_size,
        flags=cv2.CALIB_FIX_INTRINSIC)
    if not error <= LARGEST_RESIDUAL:
        raise CalibrationError(f"the views do not fit one rig ({error:.1f} of the cameras' own "
                               f'pixels, at most {LARGEST_RESIDUAL:g}): keep the target still and '
                               'flat')
    rig = Rig(Intrinsics(one, first.ravel()), Intrinsics(two, second.ravel()), rotation,
              translation.ravel(), distance)
    misses = _misses(rig, views, target)
    return rig, float(np.sqrt((misses ** 2).mean())), float(misses.max())


def _misses(rig: Rig, views: TargetViews, target: Target) -> np.ndarray:
    """Return, for each view, by how much the visible corners predict the thermal ones amiss."""
    first, second = rig.lens('visible'), rig.lens('thermal')
    misses = []
    for visible, thermal in zip(views.visible, views.thermal, strict=True):
        _, turn, place = cv2.solvePnP(target.points(), visible, first.matrix, first.distortion)
        rotation = rig.rotation @ cv2.Rodrigues(turn)[0]
        translation = rig.rotation @ place.ravel() + rig.translation
        predicted, _ = cv2.projectPoints(target.points(), rotation, translation,
                                         second.matrix, second.distortion)
        apart = np.linalg.norm(predicted[:, 0] - thermal, axis=1)
        misses.append(np.sqrt((apart ** 2).mean()))
    # From thermal to visible pixels, as everything that is printed.
    return np.array(misses) * float(first.matrix[0, 0] / second.matrix[0, 0])
