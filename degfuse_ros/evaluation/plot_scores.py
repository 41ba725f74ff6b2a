# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Plots of what the fused images are worth: edges kept, robustness, detection, flicker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from degfuse_ros.evaluation.plot_labels import Point, label_points
from degfuse_ros.evaluation.plot_style import (
    INK,
    MARKERS,
    Look,
    looks,
    new_figure,
    set_title,
)
from degfuse_ros.evaluation.tables import cases_by_kind


def edge_scatter(group: str, scores: Mapping[str, Mapping[str, float]], kinds: Mapping[str, str]
                 ) -> Figure:
    """Draw how much of either camera's edges every method keeps.

    The cameras' own images lie far outside and are named in the axes' titles instead.

    Args:
        group: what the pairs are, for the title.
        scores: per method vQ and tQ.
        kinds: per method its kind.
    """
    figure, (axes,) = new_figure(1, 1, 6.9, 5.6)
    shown = {name: row for name, row in scores.items() if kinds.get(name) != 'source'}
    styles = looks({name: kinds.get(name, '') for name in shown})
    for name, row in shown.items():
        look = styles[name]
        axes.scatter(row['vQ'], row['tQ'], s=_size(look.marker) ** 2, color=look.fill,
                     marker=look.marker, zorder=3)
    axes.margins(0.16)
    set_title(axes, f'{group}: edges kept; the upper right is better')
    ends = [f"{name} {row['vQ']:.2f}, {row['tQ']:.2f}" for name, row in scores.items()
            if kinds.get(name) == 'source']
    axes.set_xlabel('vQ, share of the visible edges kept'
                    + (f"\noutside: {'; '.join(ends)}" if ends else ''), color=INK)
    axes.set_ylabel('tQ, share of the thermal edges kept', color=INK)
    present = [kind for kind in MARKERS if kind in {kinds.get(name) for name in shown}]
    for kind in present:
        axes.scatter([], [], marker=MARKERS[kind], color=INK, label=kind,
                     s=_size(MARKERS[kind]) ** 2)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.15), ncol=len(present),
                frameon=False, fontsize=9)
    figure.canvas.draw()  # the layout is final only now
    label_points(axes, [Point(row['vQ'], row['tQ'], name, styles[name].fill,
                              _size(styles[name].marker), kinds.get(name) == 'model')
                        for name, row in shown.items()])
    return figure


def _size(marker: str) -> float:
    """Return a marker's diameter in typographic points: our stars stand out."""
    return 14 if marker == MARKERS['model'] else 6


def robustness_curves(robustness: Mapping[str, Any], kinds: Mapping[str, str]) -> Figure:
    """Draw kept over the level, one panel per kind of degradation.

    Args:
        robustness: that part of the results.
        kinds: per method its kind; one camera alone has 0 everywhere and is not drawn.
    """
    names = [name for name in robustness['mean'] if kinds.get(name) != 'source']
    styles = looks({name: kinds.get(name, '') for name in names})
    groups = cases_by_kind(robustness['by_case'])
    columns = 4
    rows = -(-(len(groups) + 1) // columns)
    figure, axes = new_figure(rows, columns, 12, 3 * rows + 0.4, sharex=True, sharey=True)
    for each, (kind, cases) in zip(axes, groups.items()):
        for name in names:
            levels = {0: robustness['clean'], **{int(case.rpartition('_')[2]):
                                                 robustness['by_case'][case] for case in cases}}
            _line(each, {level: rows[name]['kept'] for level, rows in levels.items()
                         if name in rows}, name, styles[name])
        set_title(each, kind.replace('_', ' '))
        each.xaxis.set_major_locator(MaxNLocator(integer=True))
        each.xaxis.set_tick_params(labelbottom=True)
    axes[0].set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    for each in axes[len(groups):]:
        each.axis('off')
    axes[len(groups)].legend(handles, labels, loc='center', frameon=False, fontsize=9)
    figure.supxlabel('level of the degradation, 0: none', fontsize=10, color=INK)
    figure.supylabel('kept (0: one camera alone)', fontsize=10, color=INK)
    return figure


def _line(axes: Axes, points: Mapping[int, float], name: str, look: Look) -> None:
    axes.plot(list(points), list(points.values()), label=name,
              color=look.line, linestyle=look.dash, linewidth=look.width, marker=look.marker,
              markersize=9 if look.marker == '*' else 4, clip_on=False)


def detection_bars(detection: Mapping[str, Any], kinds: Mapping[str, str]) -> Figure:
    """Draw recall, precision and AP50 of every method, the best recall on top.

    Args:
        detection: that part of the results.
        kinds: per method its kind.
    """
    parts = ('recall', 'precision', 'AP50')
    order = sorted(detection['mean'], key=lambda name: detection['mean'][name]['recall'])
    figure, axes = new_figure(1, len(parts), 11, 1.1 + 0.32 * len(order), sharey=True)
    for each, part in zip(axes, parts):
        _bars(each, {name: detection['mean'][name][part] for name in order}, kinds)
        each.set_xlim(0, 1.12)
        set_title(each, part)
    return figure


def flicker_bars(group: str, clip: Mapping[str, Any], kinds: Mapping[str, str]) -> Figure:
    """Draw how much the fused images of a clip change, relative to its inputs.

    Args:
        group: the clip, for the title.
        clip: that part of the results.
        kinds: per method its kind.
    """
    values = {name: clip['methods'][name]['relative']
              for name in sorted(clip['methods'], reverse=True,
                                 key=lambda name: clip['methods'][name]['relative'])}
    figure, (axes,) = new_figure(1, 1, 8, 1.2 + 0.32 * len(values))
    _bars(axes, values, kinds)
    axes.set_xlim(0, 1.15 * max(1.0, *values.values()))
    axes.axvline(1, color=INK, linewidth=1, linestyle='--', zorder=0.5)
    set_title(axes, f'{group}: change from frame to frame')
    axes.set_xlabel('relative to the mean change of the inputs (1)', color=INK)
    return figure


def _bars(axes: Axes, values: Mapping[str, float], kinds: Mapping[str, str]) -> None:
    """Draw lying bars with their figures at the end."""
    styles = looks({name: kinds.get(name, '') for name in kinds if name in values})
    bars = axes.barh(list(values), list(values.values()), height=0.7,
                     color=[styles[name].fill if name in styles else INK for name in values])
    # White behind the figures: they may stand on a line of the grid.
    axes.bar_label(bars, fmt='%.2f', padding=4, fontsize=8, color=INK,
                   bbox={'facecolor': 'white', 'edgecolor': 'none', 'pad': 0.5})
    axes.grid(False, axis='y')
