# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of what models say: the class, the severities, the routing."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

from degfuse_ros.evaluation.averages import IMAGES
from degfuse_ros.evaluation.measures import Measure
from degfuse_ros.evaluation.table import Row, Table, score_table

_REAL = ('Real: images as they are; their right class is the column condition of pairs.csv, which '
         'is mostly a heuristic and no ground truth.')


def real_title(group: str, part: Mapping[str, Any]) -> str:
    """Head what was found in real images of a group with their number."""
    return f"{group} ({part['count']}), real"


def recognition_tables(results: Mapping[str, Any]) -> list[Table]:
    """Build the tables of accuracy, severity and confusion.

    Args:
        results: the content of metrics.json.
    """
    recognition = results['recognition']
    if not recognition:
        return []
    return [_accuracy(recognition), *_severity(recognition),
            *(table for model, found in recognition.items()
              for table in _confusion(model, found))]


def _accuracy(recognition: Mapping[str, Any]) -> Table:
    """Set the models' shares of right classes side by side."""
    scores: dict[str, dict[str, float]] = {}
    columns: dict[str, Measure] = {}
    for model, found in recognition.items():
        synthetic, combined = found['synthetic'], found['combined']
        shares: dict[str, float] = {}
        if synthetic['count']:
            shares |= {'mean over classes': synthetic['balanced'], **synthetic['per_class']}
        if combined['count']:
            shares |= {'one of both': combined['one_of_both'], 'both seen': combined['both_seen']}
        shares |= {real_title(group, part): part['accuracy']
                   for group, part in found['real'].items()}
        scores[model] = {**shares, IMAGES: synthetic['count'] + combined['count']}
        columns |= {title: Measure(title, title, '', '.1%') for title in shares}
    counts = [found['synthetic']['count'] for found in recognition.values()]
    note = (f'Share of images whose most likely class is right: of {max(counts)} clean or '
            'degraded images class by class, and the mean of these shares, in which no class '
            'weighs more for having more images. One of both: images with two degradations whose '
            'class is one of them; both seen: both have a severity of 0.25 or more. '
            f'{_REAL}')
    return score_table('Recognition', 'accuracy', note, list(columns.values()), scores,
                       dict.fromkeys(scores, 'model'))


def _severity(recognition: Mapping[str, Any]) -> list[Table]:
    parts = (
        ('severity_error', 'severity error', False,
         'Mean absolute error of the severity (0 to 1) of the degradation that is present.'),
        ('severity_absent', 'severity where absent', False,
         'Mean severity given to a degradation that is not there; 0 is right.'),
        ('severity_order', 'order of severities', True,
         'Spearman correlation of found with true severity over the images.'))
    tables = []
    for key, title, higher, note in parts:
        found = {model: each['synthetic'] for model, each in recognition.items()}
        names = dict.fromkeys(name for each in found.values() for name in each[key])
        scores = {model: {**each[key], IMAGES: each['count']} for model, each in found.items()}
        columns = [Measure(name, name, higher=higher) for name in names]
        if columns:
            tables.append(score_table('Recognition', title, note, columns, scores,
                                      dict.fromkeys(scores, 'model')))
    return tables


def _confusion(model: str, found: Mapping[str, Any]) -> list[Table]:
    """Build one table per set of images: rows are the truth, columns what was found."""
    classes = found['synthetic']['classes']
    sets = {'synthetic': found['synthetic']['confusion'],
            **{real_title(group, part): part['confusion']
               for group, part in found['real'].items()}}
    tables = []
    for name, counts in sets.items():
        rows = tuple(_plain(truth, *map(str, line))
                     for truth, line in zip(classes, counts) if sum(line))
        if rows:
            tables.append(Table('Recognition', f'confusion, {model}, {name}',
                                'Counts. Rows: the truth. Columns: what was found.'
                                + (f' {_REAL}' if name != 'synthetic' else ''),
                                ('truth', *classes), rows, plotted=True))
    return tables


def routing_tables(results: Mapping[str, Any]) -> list[Table]:
    """Build the tables of the experts' use and of the paper's claims.

    Args:
        results: the content of metrics.json.
    """
    routing = results['routing']
    if not routing:
        return []
    columns = [Measure('experts unused', 'unused', '', '.1%', False),
               Measure('lowest load', 'lowest', '', '.3f', None),
               Measure('highest load', 'highest', '', '.3f', None),
               Measure('mean distance', 'distance', '', '.3f', None)]
    use = score_table(
        'Routing', 'use of the experts',
        "Experts unused: share of all layers' experts that no image chose. Load: an expert's "
        'mean gate weight in a layer, all conditions weighted equally. Mean distance: '
        'Jensen-Shannon divergence between the routings of two conditions, bits, 0 to 1, mean '
        'over pairs of conditions.', columns,
        {model: _use(found) for model, found in routing.items()}, dict.fromkeys(routing, 'model'))
    return [use, *(_claims(model, found) for model, found in routing.items() if found['claims'])]


def _use(found: Mapping[str, Any]) -> dict[str, float]:
    loads = [load for layer in found['load'] for load in layer]
    distances = [distance for number, line in enumerate(found['distance'])
                 for distance in line[:number]]
    use = {'unused': found['unused'], 'lowest': min(loads), 'highest': max(loads)}
    return {**use, 'distance': fmean(distances)} if distances else use


def _claims(model: str, found: Mapping[str, Any]) -> Table:
    rows = tuple(_plain(claim['claim'], claim['found'], 'yes' if claim['holds'] else 'no')
                 for claim in found['claims'])
    return Table('Routing', f"the paper's claims, {model}",
                 'What the paper says of its routing, and whether this model shows it.',
                 ('claim', 'found', 'holds'), rows, words=3)


def _plain(*texts: str) -> Row:
    return Row(texts, (False,) * len(texts))
