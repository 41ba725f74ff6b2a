# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The one look of all plots: canvas, colours, line styles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 144
INK, FAINT = '#22272e', '#d5d9de'

MODEL_COLOURS = ('#D55E00', '#0072B2', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#332288')
"""Okabe and Ito's palette (2008), which colour-blind people can tell apart, and Tol's indigo."""

SHADES = ('#30363d', '#5b6570', '#87919c', '#a9b1ba')

DASHES = ('-', '--', ':', '-.')

HEAT = 'Blues'
"""Colour map of matrices: from white, in one hue, so that colour-blind readers see the same."""


@dataclass(frozen=True)
class Look:
    """How one method is drawn.

    Attributes:
        line: colour of its curve; methods of one kind differ.
        fill: colour of its bar or point; yardsticks of one kind are alike.
        marker: of its point.
        dash: of its curve.
        width: of its curve, points.
    """

    line: str
    fill: str
    marker: str
    dash: str
    width: float


# Kind of method: marker. Ours stand out; the yardsticks are grey.
MARKERS = {'source': 's', 'baseline': 'o', 'two-stage': '^', 'published': 'v', 'folder': 'D',
           'model': '*'}

FILLS = {'source': '#b4bcc4', 'baseline': '#5b6570', 'two-stage': '#8a6d1d',
         'published': '#8c96a1'}


def looks(kinds: Mapping[str, str]) -> dict[str, Look]:
    """Give every method a look: colours for what is judged, grey for what it is compared with.

    Args:
        kinds: the methods' kinds, in the order of the tables.
    """
    numbers: dict[str, int] = {}
    result = {}
    for name, kind in kinds.items():
        number = numbers[kind] = numbers.get(kind, -1) + 1
        colours = {'model': MODEL_COLOURS, 'folder': MODEL_COLOURS[::-1],
                   'two-stage': (FILLS['two-stage'],)}.get(kind, SHADES)
        line = colours[number % len(colours)]
        result[name] = Look(line, FILLS.get(kind, line), MARKERS.get(kind, 'o'),
                            DASHES[number // len(colours) % len(DASHES)],
                            {'model': 2.6, 'folder': 2.0, 'two-stage': 1.8}.get(kind, 1.4))
    return result


def new_figure(rows: int, columns: int, width: float, height: float, **options: Any
               ) -> tuple[Figure, list[Axes]]:
    """Start a figure with plain axes and a canvas that needs no screen.

    Args:
        rows: of axes.
        columns: of axes.
        width: inches.
        height: inches.
        options: of `Figure.subplots`.

    Returns:
        The figure, and its axes row by row.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor='white', layout='constrained')
    FigureCanvasAgg(figure)
    axes = list(np.ravel(figure.subplots(rows, columns, **options)))
    for each in axes:
        for side in ('top', 'right'):
            each.spines[side].set_visible(False)
        for side in ('left', 'bottom'):
            each.spines[side].set_color(FAINT)
        each.tick_params(colors=INK, labelsize=9, length=0)
        each.grid(color=FAINT, linewidth=0.6)
        each.set_axisbelow(True)
    return figure, axes


def set_title(axes: Axes, text: str) -> None:
    """Head axes, flush left."""
    axes.set_title(text, loc='left', fontsize=10.5, color=INK, fontweight='bold')


def draw_matrix(axes: Axes, values: np.ndarray, texts: Sequence[Sequence[str]],
                rows: Iterable[str], columns: Iterable[str], highest: float) -> Any:
    """Draw a matrix of coloured cells with a text in each.

    Args:
        axes: where to draw.
        values: R x C, 0 and more.
        texts: R x C, '' for none.
        rows: their R names.
        columns: their C names.
        highest: the value of the deepest colour.

    Returns:
        The image, for a colour bar.
    """
    axes.grid(False)
    image = axes.imshow(values, cmap=HEAT, vmin=0, vmax=highest, aspect='auto')
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            dark = values[row, column] > 0.6 * highest
            axes.text(column, row, text, ha='center', va='center', fontsize=8,
                      color='white' if dark else INK)
    for axis, names in ((axes.xaxis, list(columns)), (axes.yaxis, list(rows))):
        axis.set_ticks(range(len(names)), names)
    axes.tick_params(axis='x', rotation=40)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment('right')
        label.set_rotation_mode('anchor')
    # Thin lines between the cells, which are white where there is nothing.
    axes.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axes.grid(which='minor', color=FAINT, linewidth=0.6)
    axes.tick_params(which='minor', length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
