# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The fine end of a registration: Levenberg-Marquardt on the edges of all frames together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from degfuse_ros.camera.edge_field import edge_field, turned

# Clearest thermal edge pixels per frame: twice as many took twice as long for the same error.
POINTS = 8000
STEPS = 20
# An ascent of the score by less ends the refinement: it moves a corner by under 0.05 pixels.
SMALLEST_ASCENT = 1e-6
# What bending (shear, unequal scales, keystone; each as share of half the width) costs in score,
# squared: cameras side by side see almost similar views, and corners without edges, as of sky and
# road, would follow noise. Tried on 14 MSRS and 10 RoadScene trials: 3, 10, 30, 100; of them 30 is
# the best for both together.
STIFFNESS = 30.0
# Damping of a first step, the least, and that beyond which no step ascends any more.
DAMPING, LEAST_DAMPING, MOST_DAMPING = 1.0, 0.1, 1e4

Kind = Literal['similarity', 'affine', 'homography']
"""Of 4, 6 and 8 parameters."""
KINDS: tuple[Kind, ...] = ('similarity', 'affine', 'homography')


@dataclass(frozen=True)
class EdgeFrame:
    """What the refinement needs of one pair.

    Attributes:
        field: H x W x 2, of the visible image.
        slopes: H x W x 4, the field's derivatives along x (two), then along y (two).
        points: N x 2 float64, pixels of the thermal image on its clearest edges.
        vectors: N x 2, the thermal field there.
    """

    field: np.ndarray
    slopes: np.ndarray
    points: np.ndarray
    vectors: np.ndarray


def edge_frame(visible: np.ndarray, thermal: np.ndarray) -> EdgeFrame:
    """Prepare one pair of grey images, each H x W uint8, of about the same scale."""
    field, other = edge_field(visible), edge_field(thermal)
    # A Sobel kernel sums to eight times the slope.
    slopes = np.dstack([cv2.Sobel(field, cv2.CV_32F, 1, 0, scale=0.125),
                        cv2.Sobel(field, cv2.CV_32F, 0, 1, scale=0.125)])
    energy = (other ** 2).sum(axis=2)
    count = min(POINTS, energy.size)
    rows, columns = np.nonzero(energy > np.partition(energy.ravel(), -count)[-count])
    return EdgeFrame(field, slopes, np.column_stack([columns, rows]).astype(np.float64),
                     other[rows, columns])


@dataclass(frozen=True)
class _Ascent:
    """The score at one homography and where it rises."""

    score: float
    gradient: np.ndarray
    curvature: np.ndarray


def refine(homography: np.ndarray, frames: Sequence[EdgeFrame], kind: Kind,
           weights: Sequence[float] | None = None, stiffness: float = STIFFNESS
           ) -> tuple[np.ndarray, float]:
    """Climb to the nearest maximum of the mean correlation of the edge fields, less bending.

    Args:
        homography: 3 x 3 start, thermal to visible pixels, within about two pixels.
        frames: of one size.
        kind: which changes are allowed.
        weights: of the frames; each 1 by default.
        stiffness: what bending costs; 0 for nothing.

    Returns:
        The homography, and its score from -1 to 1, less what its bending costs.
    """
    weights = [1.0] * len(frames) if weights is None else weights
    middle = (np.array(frames[0].field.shape[1::-1]) - 1.0) / 2.0

    def ascent(at: np.ndarray) -> _Ascent:
        return _stiffened(_ascent(at, frames, kind, weights, middle), at, kind, middle, stiffness)

    here = ascent(homography)
    damping = DAMPING
    for _ in range(STEPS):
        matrix = here.curvature + np.diag(damping * here.curvature.diagonal() + 1e-9)
        tried = _moved(kind, np.linalg.solve(matrix, here.gradient), middle) @ homography
        there = ascent(tried)
        if there.score <= here.score:
            damping *= 4.0
            if damping > MOST_DAMPING:
                break
            continue
        gain = there.score - here.score
        homography, here = tried / tried[2, 2], there
        damping = max(damping / 3.0, LEAST_DAMPING)
        if gain < SMALLEST_ASCENT:
            break
    return homography, here.score


def _ascent(homography: np.ndarray, frames: Sequence[EdgeFrame], kind: Kind,
            weights: Sequence[float], middle: np.ndarray) -> _Ascent:
    """Sum score, gradient and Gauss-Newton curvature over the frames."""
    score, gradient, curvature = 0.0, np.zeros(8), np.zeros((8, 8))
    count = {'similarity': 4, 'affine': 6, 'homography': 8}[kind]
    gradient, curvature = gradient[:count], curvature[:count, :count]
    angle = float(np.arctan2(homography[1, 0], homography[0, 0]))
    for frame, weight in zip(frames, weights, strict=True):
        if weight == 0.0:
            continue
        mapped = frame.points @ homography[:, :2].T + homography[:, 2]
        at = (mapped[:, :2] / mapped[:, 2:]).astype(np.float32)
        # Outside the visible image the fields are zero.
        seen = cv2.remap(frame.field, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0]
        slope = cv2.remap(frame.slopes, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0]
        inside = ((at >= 0.0) & (at <= 2.0 * middle)).all(axis=1)
        vectors = turned(frame.vectors, angle)
        energy = float((seen ** 2).sum()) + 1e-9
        norm = float(np.sqrt(energy * (vectors[inside] ** 2).sum())) + 1e-9
        one = float((seen * vectors).sum()) / norm
        across, down = _directions(kind, (at - middle) / middle[0])
        rise = vectors / norm - one * seen / energy
        for channel in (0, 1):
            change = slope[:, channel, None] * across + slope[:, channel + 2, None] * down
            gradient += weight * (change.T @ rise[:, channel])
            curvature += weight * max(one, 0.0) / energy * (change.T @ change)
        score += weight * one
    total = sum(weights)
    return _Ascent(score / total, gradient / total, curvature / total)


def _stiffened(ascent: _Ascent, homography: np.ndarray, kind: Kind, middle: np.ndarray,
               stiffness: float) -> _Ascent:
    """Take off what bending costs."""
    bending = _bending(homography, middle)
    # Steps of one pixel: small against the bending that matters, large against rounding.
    slope = np.column_stack([_bending(_moved(kind, step, middle) @ homography, middle) - bending
                             for step in np.eye(len(ascent.gradient))])
    return _Ascent(ascent.score - stiffness * float(bending @ bending),
                   ascent.gradient - stiffness * slope.T @ bending,
                   ascent.curvature + stiffness * slope.T @ slope)


def _bending(homography: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Return how a homography differs from a similarity: unequal scales, shear, keystone (2)."""
    scaling = _to_halves(middle)
    shape = scaling @ homography @ np.linalg.inv(scaling)
    shape /= shape[2, 2]
    return np.array([shape[0, 0] - shape[1, 1], shape[0, 1] + shape[1, 0], *shape[2, :2]])


def _directions(kind: Kind, at: np.ndarray
                ) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much x and y (N x parameters each) change with each parameter."""
    x, y = at[:, 0], at[:, 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    if kind == 'similarity':
        return np.column_stack([one, zero, x, -y]), np.column_stack([zero, one, y, x])
    across, down = [one, zero, x, zero, y, zero], [zero, one, zero, x, zero, y]
    if kind == 'homography':
        across, down = [*across, x * x, x * y], [*down, x * y, y * y]
    return np.column_stack(across), np.column_stack(down)


def _moved(kind: Kind, by: np.ndarray, middle: np.ndarray
           ) -> np.ndarray:
    """Return the homography (in visible pixels) of a step of the parameters."""
    # The step is in pixels, the coordinates of `_directions` in halves of the width.
    half = middle[0]
    step = by / half
    change = np.eye(3)
    change[:2, 2] += step[:2]
    if kind == 'similarity':
        change[:2, :2] += [[step[2], -step[3]], [step[3], step[2]]]
    else:
        change[:2, :2] += [[step[2], step[4]], [step[3], step[5]]]
    if kind == 'homography':
        change[2, :2] -= step[6:]
    scaling = _to_halves(middle)
    return np.asarray(np.linalg.inv(scaling) @ change @ scaling)


def _to_halves(middle: np.ndarray) -> np.ndarray:
    """Return the 3 x 3 map from pixels to halves of the width about the middle."""
    half = middle[0]
    return np.array([[1.0 / half, 0.0, -middle[0] / half],
                     [0.0, 1.0 / half, -middle[1] / half], [0.0, 0.0, 1.0]])
