# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Plots of what models say: confusion, severity, routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from degfuse_ros.evaluation.model_tables import real_title
from degfuse_ros.evaluation.plot_style import INK, draw_matrix, looks, new_figure, set_title


def confusion_matrices(found: Mapping[str, Any]) -> Figure:
    """Draw the confusion matrices of one model, colours by the share of each true class.

    Args:
        found: the model's part of the recognition.
    """
    classes = found['synthetic']['classes']
    parts = {f'{real_title(group, part)}: {part["accuracy"]:.0%}': part
             for group, part in found['real'].items()}
    synthetic = found['synthetic']
    if synthetic['count']:
        title = f"synthetic ({synthetic['count']}): {synthetic['balanced']:.0%}, mean over classes"
        parts = {title: synthetic, **parts}
    columns = min(3, len(parts))
    rows = -(-len(parts) // columns)
    figure, axes = new_figure(rows, columns, 4 * columns, 3.8 * rows)
    for each, (title, part) in zip(axes, parts.items()):
        counts = np.array(part['confusion'])
        shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
        texts = [[str(count) if sum(line) else '' for count in line] for line in counts.tolist()]
        draw_matrix(each, shares, texts, classes, classes, 1)
        set_title(each, title)
        each.set_xlabel('found', color=INK)
        each.set_ylabel('truth', color=INK)
    for each in axes[len(parts):]:
        each.axis('off')
    return figure


def severity_bars(recognition: Mapping[str, Any]) -> Figure:
    """Draw the errors and the order of the severities of all models.

    Args:
        recognition: that part of the results, per model.
    """
    panels = (('severity_error', 'mean error where present (0 is right)'),
              ('severity_absent', 'mean severity where absent (0 is right)'),
              ('severity_order', 'order: Spearman correlation (1 is right)'))
    styles = looks(dict.fromkeys(recognition, 'model'))
    figure, axes = new_figure(1, 3, 12, 3.6)
    names = list(dict.fromkeys(name for found in recognition.values()
                               for name in found['synthetic']['severity_absent']))
    width = 0.8 / len(recognition)
    for each, (key, title) in zip(axes, panels):
        for number, (model, found) in enumerate(recognition.items()):
            values = {names.index(name): value for name, value in found['synthetic'][key].items()}
            places = np.array(list(values)) + (number - (len(recognition) - 1) / 2) * width
            each.bar(places, list(values.values()), 0.92 * width, label=model,
                     color=styles[model].fill)
        each.set_xticks(range(len(names)), [name.replace('_', ' ') for name in names])
        each.grid(False, axis='x')
        set_title(each, title)
    if len(recognition) > 1:
        axes[1].legend(loc='upper center', bbox_to_anchor=(0.5, -0.1), frameon=False, fontsize=9,
                       ncol=min(4, len(recognition)))
    return figure


def routing_maps(found: Mapping[str, Any]) -> Figure:
    """Draw one model's mean gate weights, layers x experts, per condition and for all.

    Args:
        found: the model's part of the routing.
    """
    panels = {**found['heat'], 'load: all conditions alike': found['load']}
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    experts = [f'{number} · {kernel}' for number, kernel in enumerate(found['kernels'])]
    figure, axes = new_figure(rows, columns, 4.1 * columns, (1.3 + 0.33 * len(found['layers']))
                              * rows, sharey=True)
    highest = max(float(np.max(panel)) for panel in panels.values())
    for each, (title, panel) in zip(axes, panels.items()):
        image = draw_matrix(each, np.array(panel), _texts(panel), found['layers'], experts,
                            highest)
        set_title(each, title.replace('_', ' '))
    for each in axes[len(panels):]:
        each.axis('off')
    figure.colorbar(image, ax=axes, shrink=0.6, label='mean gate weight', pad=0.01)
    return figure


def routing_distance(found: Mapping[str, Any]) -> Figure:
    """Draw how far apart the routings of one model's conditions are.

    Args:
        found: the model's part of the routing.
    """
    figure, (axes,) = new_figure(1, 1, 5.4, 4.6)
    names = [name.replace('_', ' ') for name in found['conditions']]
    image = draw_matrix(axes, np.array(found['distance']), _texts(found['distance']), names,
                        names, 1)
    set_title(axes, 'Jensen-Shannon divergence, bits')
    figure.colorbar(image, ax=axes, shrink=0.8)
    return figure


def _texts(values: Sequence[Sequence[float]]) -> list[list[str]]:
    """Print the cells of a matrix; '' for those that are next to nothing."""
    return [[f'{value:.2f}'.lstrip('0') if value >= 0.005 else '' for value in line]
            for line in values]
