# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Calibration without a target: from the edges that both cameras see, over many frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.camera.calibration import LARGEST_UNSURENESS, CalibrationError
from degfuse_ros.camera.edge_field import edge_field, turned
from degfuse_ros.camera.edge_refinement import KINDS, EdgeFrame, edge_frame, refine
from degfuse_ros.camera.edge_search import Candidate, search
from degfuse_ros.camera.homography import HomographyError, Size, check, corners, project, resizing

FEWEST_PAIRS = 3
# Width of the images that the fine steps and the search work on: beyond VGA a thermal camera
# adds no edges, and a search below 160 loses people and lamps.
FINE_WIDTH, SEARCH_WIDTH = 640, 160
# Coarse optima from which the refinement starts: neighbours on the grid of turns and scales are
# the first few; beyond five none has ever won.
STARTS = 5
RESAMPLES = 12
# Gradient, in grey levels per pixel of the small images, that a twentieth of an image exceeds:
# below, there is nothing but noise or a wall.
FEWEST_EDGES = 0.5
# The score must be this many times that of the thermal images mirrored, which is chance.
OVER_CHANCE = 1.5
# Pixels of a working size: below, the search has nothing to tell turns and scales by.
SMALLEST_SIDE = 32
# Blocks across and down in which the residual is looked for, and how far, as share of the width.
BLOCKS = (6, 4)
BLOCK_REACH = 0.0125


@dataclass(frozen=True)
class EdgeCalibration:
    """What the edges say.

    Attributes:
        homography: 3 x 3, thermal to visible pixels.
        residual: visible pixels by which edges still lie apart, median over parts of the image.
        sureness: visible pixels by which the image's corners move when other frames are drawn,
            90th percentile.
        score: correlation of the edges, 0 (none) to 1.
        chance: the same for mirrored thermal images.
    """

    homography: np.ndarray
    residual: float
    sureness: float
    score: float
    chance: float


@dataclass(frozen=True)
class _Level:
    """All pairs at one working size, thermal images brought to about the visible scale."""

    visible: list[np.ndarray]
    thermal: list[np.ndarray]
    to_visible: np.ndarray
    to_thermal: np.ndarray

    def lifted(self, homography: np.ndarray) -> np.ndarray:
        """Return a homography of this level for the full images."""
        full = np.linalg.inv(self.to_visible) @ homography @ self.to_thermal
        return np.asarray(full / full[2, 2])

    def lowered(self, homography: np.ndarray) -> np.ndarray:
        """Return a homography of the full images for this level."""
        low = self.to_visible @ homography @ np.linalg.inv(self.to_thermal)
        return np.asarray(low / low[2, 2])


def calibrate_from_edges(visible: Sequence[np.ndarray],
                         thermal: Sequence[np.ndarray], zoom: float = 1.0
                         ) -> EdgeCalibration:
    """Find the homography under which the edges of all pairs agree best.

    A search over turns, scales and shifts at low resolution is refined, finer and finer, from a
    similarity to a homography. Edges that meet no partner, as of what moved between the two
    exposures, count nothing; those of the scene agree over the frames and win.

    Args:
        visible: H x W uint8 grey images of one size.
        thermal: H' x W' uint8 images of one size, as many.
        zoom: width of the thermal view over that of the visible one, roughly (within 20 %).

    Raises:
        CalibrationError: the evidence is weak; the message says which and what to do.
    """
    if len(visible) < FEWEST_PAIRS:
        raise CalibrationError(f'{len(visible)} pairs are too few to calibrate from edges: give '
                               f'{FEWEST_PAIRS} or more, better 10 of different scenes')
    coarse = _level(visible, thermal, SEARCH_WIDTH, zoom)
    _refuse_empty('visible', coarse.visible)
    _refuse_empty('thermal', coarse.thermal)
    found = search(coarse.visible, coarse.thermal)
    chance = search(coarse.visible, [cv2.flip(image, 1) for image in coarse.thermal])[0].score
    _refuse_unclear(found[0], chance)
    homography = coarse.lifted(_best_start(coarse, found))
    middle = _level(visible, thermal, FINE_WIDTH // 2, zoom)
    frames = [edge_frame(*pair) for pair in zip(middle.visible, middle.thermal, strict=True)]
    low, _ = _climb(middle.lowered(homography), frames)
    sureness = _sureness(low, middle, frames)
    fine = _level(visible, thermal, FINE_WIDTH, zoom)
    frames = [edge_frame(*pair) for pair in zip(fine.visible, fine.thermal, strict=True)]
    high, score = _climb(fine.lowered(middle.lifted(low)), frames)
    homography = _checked(fine.lifted(high), (thermal[0].shape[1], thermal[0].shape[0]))
    if sureness > LARGEST_UNSURENESS * visible[0].shape[1]:
        raise CalibrationError(
            f'the frames disagree: the corners are known to {sureness:.0f} pixels only. Give '
            'more pairs of scenes with edges all over the picture, taken at the same moment')
    return EdgeCalibration(homography, _residual(fine, high), sureness, score, chance)


def _level(visible: Sequence[np.ndarray], thermal: Sequence[np.ndarray],
           width: int, zoom: float) -> _Level:
    """Resize all images so that the visible ones have at most this width."""
    size = _size(visible[0])
    factor = min(1.0, width / size[0])
    small = (round(size[0] * factor), round(size[1] * factor))
    source = _size(thermal[0])
    # Square pixels: one factor for both directions.
    factor = small[0] * zoom / source[0]
    other = (round(source[0] * factor), round(source[1] * factor))
    for camera, (across, down) in (('visible', small), ('thermal', other)):
        if min(across, down) < SMALLEST_SIDE:
            raise CalibrationError(
                f'the search would see the {camera} images as {across} x {down} pixels, and '
                f'needs {SMALLEST_SIDE} x {SMALLEST_SIDE}: give larger images, a --zoom nearer '
                'to 1, or --target')
    return _Level([_resized(image, small) for image in visible],
                  [_resized(image, other) for image in thermal],
                  resizing(size, small), resizing(source, other))


def _size(image: np.ndarray) -> Size:
    return image.shape[1], image.shape[0]


def _resized(image: np.ndarray, size: Size) -> np.ndarray:
    shrinking = size[0] < image.shape[1]
    return cv2.resize(image, size,
                      interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)


def _refuse_empty(camera: str, images: Sequence[np.ndarray]) -> None:
    edges = np.mean([np.percentile(_gradient(image), 95) for image in images])
    if edges < FEWEST_EDGES:
        raise CalibrationError(f'the {camera} images have too weak edges ({edges:.2f} grey levels '
                               f'per pixel, needed {FEWEST_EDGES}): take scenes with buildings, '
                               'trees or people')


def _gradient(image: np.ndarray) -> np.ndarray:
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
    # A Scharr kernel sums to 32 times the slope.
    return np.hypot(cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32),
                    cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32))


def _refuse_unclear(best: Candidate, chance: float) -> None:
    if best.score < OVER_CHANCE * chance:
        raise CalibrationError(
            f'the edges of the two cameras do not agree (correlation {best.score:.3f}, by chance '
            f'{chance:.3f}): give more pairs, taken at the same moment, or --target')
    if best.at_border:
        raise CalibrationError(
            'the best match lies at the border of the search (15 % shift, 9 degrees, scale 0.8 '
            'to 1.25): give the ratio of the views as --zoom, or align the cameras')


def _best_start(level: _Level, found: Sequence[Candidate]) -> np.ndarray:
    """Refine the first few coarse optima; return the best."""
    frames = [edge_frame(*pair) for pair in zip(level.visible, level.thermal, strict=True)]
    refined = [refine(candidate.homography, frames, 'similarity')
               for candidate in found[:STARTS]]
    return max(refined, key=lambda pair: pair[1])[0]


def _climb(homography: np.ndarray, frames: Sequence[EdgeFrame]
           ) -> tuple[np.ndarray, float]:
    """Refine with more and more freedom."""
    score = -1.0
    for kind in KINDS:
        homography, score = refine(homography, frames, kind)
    return homography, score


def _sureness(homography: np.ndarray, level: _Level, frames: Sequence[EdgeFrame]
              ) -> float:
    """Return by how many visible pixels the corners move when frames are drawn anew."""
    random = np.random.default_rng(0)
    places = corners(_size(level.thermal[0]))
    # Without stiffness, which would hold the corners still that no edge holds.
    homography, _ = refine(homography, frames, 'homography', stiffness=0.0)
    here = project(homography, places)
    moves = []
    for _ in range(RESAMPLES):
        drawn = np.bincount(random.integers(0, len(frames), len(frames)), minlength=len(frames))
        other, _ = refine(homography, frames, 'homography', drawn.tolist(), 0.0)
        moves.append(np.linalg.norm(project(other, places) - here, axis=1))
    return float(np.percentile(moves, 90)) / float(level.to_visible[0, 0])


def _checked(homography: np.ndarray, size: Size) -> np.ndarray:
    try:
        return check(homography, size)
    except HomographyError as error:
        raise CalibrationError('the frames do not agree on any view (the best homography folds '
                               'the image): give more pairs, or --target') from error


def _residual(level: _Level, homography: np.ndarray) -> float:
    """Return the median over blocks of how far their edges still lie apart, visible pixels."""
    width, height = _size(level.visible[0])
    reach = max(2, round(BLOCK_REACH * width))
    angle = float(np.arctan2(homography[1, 0], homography[0, 0]))
    sums: dict[tuple[int, int], np.ndarray] = {}
    across, down = width // BLOCKS[0], height // BLOCKS[1]
    for visible, thermal in zip(level.visible, level.thermal, strict=True):
        field = edge_field(visible)
        moved = turned(cv2.warpPerspective(edge_field(thermal), homography, (width, height)),
                       angle)
        for row in range(BLOCKS[1]):
            for column in range(BLOCKS[0]):
                top, left = max(row * down, reach), max(column * across, reach)
                bottom = min((row + 1) * down, height - reach)
                right = min((column + 1) * across, width - reach)
                match = cv2.matchTemplate(
                    field[top - reach:bottom + reach, left - reach:right + reach],
                    moved[top:bottom, left:right], cv2.TM_CCORR)
                sums[row, column] = sums.get((row, column), np.zeros_like(match)) + match
    # Blocks without common edges say nothing; those above the median say most.
    peaks = np.array([match.max() for match in sums.values()])
    moves = [_peak(match) for match in sums.values() if match.max() >= np.median(peaks)]
    return float(np.median(np.linalg.norm(moves, axis=1))) / float(level.to_visible[0, 0])


def _peak(match: np.ndarray) -> tuple[float, float]:
    """Return the place (x, y) of a maximum from the middle, finer than a pixel."""
    row, column = np.unravel_index(int(match.argmax()), match.shape)
    middle = match.shape[0] // 2
    return (float(column) - middle + _vertex(match[row], int(column)),
            float(row) - middle + _vertex(match[:, column], int(row)))


def _vertex(values: np.ndarray, at: int) -> float:
    """Return the offset of the vertex of the parabola through three values."""
    if not 0 < at < len(values) - 1:
        return 0.0
    before, here, after = (float(value) for value in values[at - 1:at + 2])
    bend = before - 2.0 * here + after
    return 0.0 if bend >= 0.0 else 0.5 * (before - after) / bend
