# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Names beside the points of a plot, so that no name covers another, a point or a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from degfuse_ros.evaluation.plot_style import INK

RINGS = (2, 4, 8, 15, 24, 36, 50, 66)
"""Distances between point and name that are tried, typographic points."""

CLOSE = 4
"""Distance, typographic points, up to which a name needs no line to its point."""

WAYS = 24
"""Directions that are tried on every ring."""

SWEEPS = 4
"""How often all names are placed; from the second time on each knows where the others are."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A point that has been drawn.

    Attributes:
        x: in the axes' units.
        y: in the axes' units.
        name: what to write beside it.
        colour: of the line to the name.
        size: diameter of its marker, typographic points.
        bold: whether the name stands out.
    """

    x: float
    y: float
    name: str
    colour: str
    size: float
    bold: bool


def label_points(axes: Axes, points: Sequence[Point]) -> None:
    """Write a name beside every point.

    Every name takes the nearest free place around its point; one that ends up away from it gets a
    thin line to it. Limits and layout of the axes must be final.

    Args:
        axes: where the points are.
        points: the points.
    """
    unit = axes.figure.dpi / 72  # pixels per typographic point
    notes = [axes.annotate(
        point.name, (point.x, point.y), xytext=(0, 0), textcoords='offset points',
        ha='center', va='center', fontsize=8, color=INK, zorder=5,
        fontweight='bold' if point.bold else 'normal',
        arrowprops={'arrowstyle': '-', 'color': point.colour, 'linewidth': 0.7, 'alpha': 0.8,
                    'shrinkA': 0, 'shrinkB': point.size / 2}) for point in points]
    extents = [note.get_window_extent() for note in notes]
    sizes = np.array([[extent.width, extent.height] for extent in extents]) + 2 * unit
    middles = axes.transData.transform([(point.x, point.y) for point in points])
    markers = np.array([[point.size * unit] * 2 for point in points])
    offsets, rings = _arrange(middles, markers, sizes, unit, axes.bbox.get_points())
    for note, offset, ring in zip(notes, offsets / unit, rings):
        note.set_position(tuple(offset))
        if note.arrow_patch is not None:
            note.arrow_patch.set_visible(bool(ring > CLOSE))


def _arrange(middles: Array, markers: Array, sizes: Array, unit: float, inside: Array
             ) -> tuple[Array, Array]:
    """Place N names.

    Args:
        middles: N x 2, of the points, pixels.
        markers: N x 2, sizes of the points, pixels.
        sizes: N x 2, of the names, pixels.
        unit: pixels per typographic point.
        inside: the lowest and the highest pixel, 2 x 2.

    Returns:
        Offsets of the names' middles, N x 2, pixels, and their rings, N.
    """
    count = len(middles)
    offsets, rings = np.zeros((count, 2)), np.zeros(count)
    placed: list[int] = []
    for _ in range(SWEEPS):
        for number in range(count):
            others = [other for other in placed if other != number]
            lines = [middles[other] + np.outer(np.linspace(0, 1, 12), offsets[other])
                     for other in others if rings[other] > CLOSE]
            apart = np.arange(count) != number
            boxes = (np.concatenate([middles[apart], middles[others] + offsets[others]]),
                     np.concatenate([markers[apart], sizes[others]]))
            ways, distances = _candidates(markers[number], sizes[number], unit)
            cost = _cost(middles[number], ways, sizes[number], boxes,
                         np.concatenate([np.empty((0, 2)), *lines]), inside)
            # Names to the left or right read more easily than those above or below.
            best = int(np.argmin(1000 * cost + distances + np.abs(ways[:, 1]) / unit))
            offsets[number], rings[number] = ways[best], distances[best]
            placed = sorted({*placed, number})
    return offsets, rings


def _candidates(marker: Array, size: Array, unit: float) -> tuple[Array, Array]:
    """Return the offsets that a name may have, C x 2, and their rings, C."""
    angles = np.linspace(0, 2 * np.pi, WAYS, endpoint=False)
    ways = np.stack([np.cos(angles), np.sin(angles)], 1)
    # Until the name's box has left the ring.
    reach = np.min((size / 2) / np.maximum(np.abs(ways), 1e-9), 1)
    offsets = [ways * (reach + marker[0] / 2 + ring * unit)[:, None] for ring in RINGS]
    return np.concatenate(offsets), np.repeat(np.array(RINGS, float), WAYS)


def _cost(middle: Array, offsets: Array, size: Array, boxes: tuple[Array, Array], spots: Array,
          inside: Array) -> Array:
    """Count what a name at each of C offsets, and its line, would cover or leave."""
    centres = middle + offsets  # C x 2
    gaps = np.abs(centres[:, None] - boxes[0]) - (size + boxes[1]) / 2
    covered = np.all(gaps < 0, axis=2).sum(1)
    crossed = np.all(np.abs(centres[:, None] - spots) < size / 2, axis=2).sum(1)
    path = middle + offsets[:, None] * np.linspace(0, 1, 12)[:, None]  # C x 12 x 2
    hits = np.all(np.abs(path[:, :, None] - boxes[0]) < boxes[1] / 2, axis=3)  # C x 12 x boxes
    struck = np.any(hits, axis=1).sum(1)
    left = np.any((centres - size / 2 < inside[0]) | (centres + size / 2 > inside[1]), axis=1)
    return 3 * covered + crossed + struck + 10 * left
