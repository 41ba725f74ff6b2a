# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""All plots of an evaluation, as PNG files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from degfuse_ros.evaluation.plot_models import (
    confusion_matrices,
    routing_distance,
    routing_maps,
    severity_bars,
)
from degfuse_ros.evaluation.plot_scores import (
    detection_bars,
    edge_scatter,
    flicker_bars,
    robustness_curves,
)
from degfuse_ros.evaluation.tables import kinds_of


def write_all(results: Mapping[str, Any], folder: Path) -> list[tuple[str, Path]]:
    """Draw everything that was evaluated.

    Args:
        results: the content of metrics.json.
        folder: where the PNG files go; made if need be.

    Returns:
        Title and file of each plot. A title starts with its chapter and ': ', see
        `tables.CHAPTERS`.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[tuple[str, Path]] = []
    for title, figure in _figures(results):
        name = re.sub(r'[^a-z0-9]+', '_', title.lower()).strip('_')
        path = folder / f'{name}.png'
        if path in (other for _, other in written):  # models K1 and k1
            path = folder / f'{name}_{len(written)}.png'
        figure.savefig(path)
        written.append((title, path))
    return written


def _figures(results: Mapping[str, Any]) -> Iterator[tuple[str, Figure]]:
    """Yield title and figure, chapter by chapter; one figure at a time is in memory."""
    kinds = kinds_of(results)
    if results['robustness'] and results['robustness']['mean']:
        yield 'Robustness: kept over the level', robustness_curves(results['robustness'], kinds)
    for group, scores in results['quality'].items():
        both = {**results['published'].get(group, {}), **scores}
        yield f'Quality: edges kept, {group}', edge_scatter(group, both, kinds)
    if results['detection'] and results['detection']['mean']:
        yield 'Detection: all methods', detection_bars(results['detection'], kinds)
    yield from _answers(results['recognition'], results['routing'])
    for group, clip in results['flicker'].items():
        yield f'Flicker: {group}', flicker_bars(group, clip, kinds)


def _answers(recognition: Mapping[str, Any], routing: Mapping[str, Any]
             ) -> Iterator[tuple[str, Figure]]:
    """Yield title and figure of what the models say."""
    for model, found in recognition.items():
        if found['synthetic']['count'] or found['real']:
            yield f'Recognition: confusion, {model}', confusion_matrices(found)
    if any(found['synthetic']['severity_error'] for found in recognition.values()):
        yield 'Recognition: severity', severity_bars(recognition)
    for model, found in routing.items():
        if len(found['kernels']) == 1:
            continue  # there is one way only
        yield f'Routing: gate weights, {model}', routing_maps(found)
        if len(found['conditions']) > 1:
            yield f'Routing: distance between conditions, {model}', routing_distance(found)
