# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Names beside points: none covers another."""

from itertools import combinations

import numpy as np
from matplotlib.text import Text

from degfuse_ros.evaluation.plot_labels import Point, label_points
from degfuse_ros.evaluation.plot_style import new_figure


def boxes_of(points: list[Point]) -> tuple[np.ndarray, np.ndarray, list, np.ndarray]:
    """Return the names' boxes, the points' pixels, the lines' visibility and the axes' box."""
    figure, (axes,) = new_figure(1, 1, 7, 5.5)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    figure.canvas.draw()
    label_points(axes, points)
    figure.canvas.draw()
    # Text's extent: an annotation's own has the line to the point in it.
    boxes = [Text.get_window_extent(note).extents for note in axes.texts]
    lines = [note.arrow_patch.get_visible() for note in axes.texts]  # type: ignore[attr-defined]
    return (np.array(boxes), axes.transData.transform([(each.x, each.y) for each in points]),
            lines, np.array(axes.bbox.extents))


def test_names_of_a_crowd_cover_neither_each_other_nor_a_point() -> None:
    random = np.random.default_rng(3)
    points = [Point(x, y, f'method {number}', 'black', 6, number % 3 == 0)
              for number, (x, y) in enumerate(random.normal(0.5, 0.06, (16, 2)))]
    boxes, middles, _, axes = boxes_of(points)
    for one, other in combinations(boxes, 2):
        assert (one[0] >= other[2] or other[0] >= one[2]
                or one[1] >= other[3] or other[1] >= one[3])
    for left, low, right, high in boxes:
        assert not np.any((middles[:, 0] > left) & (middles[:, 0] < right)
                          & (middles[:, 1] > low) & (middles[:, 1] < high))
        assert left >= axes[0] and low >= axes[1] and right <= axes[2] and high <= axes[3]


def test_a_lone_name_stands_close_and_needs_no_line() -> None:
    boxes, middles, lines, _ = boxes_of([Point(0.5, 0.5, 'alone', 'black', 6, False)])
    assert lines == [False]
    gap = boxes[0][0] - middles[0][0]
    assert 6 <= gap <= 20  # pixels: half a marker is 6


def test_names_stay_inside_at_the_edge() -> None:
    boxes, _, _, axes = boxes_of([Point(1.0, 1.0, 'a rather long name', 'black', 6, False)])
    assert boxes[0][2] <= axes[2] and boxes[0][3] <= axes[3]
