# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The tables of `degfuse bench`: Markdown that is aligned for the terminal, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_NOTHING = '–'


def tables(document: dict[str, Any]) -> str:
    """Return all tables of a result of `run_benchmark`, with what is needed to read them."""
    parts = [_head(document)]
    if 'comparisons' in document:
        parts += [_comparisons(document)]
    else:
        parts += [_stages(entry) for entry in document['results']]
        parts += [_scaling(document['results'])] if document['results'] else []
    return '\n\n'.join([*parts, *(f'note: {note}' for note in document['notes'])])


def _head(document: dict[str, Any]) -> str:
    machine, versions = document['machine'], document['versions']
    lines = [f"{machine['processor']}, {machine['cores']} cores, {machine['threads']} threads; "
             f"torch {versions['torch']}, Python {versions['python']}"]
    lines += [f"{model['file']} on {model['device_name']}, {model['precision']}"
              for model in document['models']]
    if 'copy_gb_per_second' in machine:
        lines.append(f"measured: copy {machine['copy_gb_per_second']:.1f} GB/s, matrix product "
                     f"{machine['matrix_gflop_per_second']:.0f} GFLOP/s")
    return '\n'.join(lines)


def _stages(entry: dict[str, Any]) -> str:
    header = ('stage', 'p50 ms', 'p95', 'p99', 'share', 'GFLOP', 'MB', 'matrix rate', 'bandwidth',
              'floor ms', 'fused floor')
    rows = [(stage['name'], *_times(stage['ms']), _percent(stage['share']), *_cost(stage))
            for stage in entry['stages']]
    rows += [('all stages', *_times(entry['stages_ms']), _percent(1.0), *[_NOTHING] * 6),
             ('engine, whole', *_times(entry['ms']), _NOTHING, *_cost(entry))]
    return (f"{_case(entry)}, {entry['execution']}, {entry['frames']} frames\n\n"
            f'{_table(header, rows)}')


def _scaling(results: Sequence[dict[str, Any]]) -> str:
    header = ('size', 'frames', 'p50 ms', 'p95', 'p99', 'ms a pair', 'ms a megapixel', 'floor ms',
              'times floor', 'fused floor', 'memory MiB')
    rows = []
    for entry in results:
        pixels = entry['width'] * entry['height'] * entry['batch'] / 1e6
        rows.append((
            _case(entry), str(entry['frames']), *_times(entry['ms']),
            _number(entry['ms']['p50'] / entry['batch']),
            _number(entry['ms']['p50'] / pixels), _number(entry['floor_ms']),
            f"{entry['ms']['p50'] / entry['floor_ms']:.1f}", _number(entry['fused_floor_ms']),
            f"{entry['memory_mib']:.0f}"))
    return _table(header, rows)


def _comparisons(document: dict[str, Any]) -> str:
    first, second = document['compared']
    header = ('size', 'frames', f'A: {first}, p50 ms', f'B: {second}, p50 ms', 'B / A',
              'from (p5)', 'to (p95)', 'minima B / A')
    rows = [(_case(entry), str(entry['frames']),
             _number(entry['a_ms']['p50']), _number(entry['b_ms']['p50']),
             *(f"{entry['ratio'][name]:.3f}" for name in ('p50', 'p5', 'p95')),
             f"{entry['ratio_of_minima']:.3f}") for entry in document['comparisons']]
    return _table(header, rows)


def _case(entry: dict[str, Any]) -> str:
    pairs = f" x {entry['batch']} pairs" if entry['batch'] > 1 else ''
    return f"{entry['width']}x{entry['height']}{pairs}"


def _times(ms: dict[str, float]) -> list[str]:
    return [_number(ms[name]) for name in ('p50', 'p95', 'p99')]


def _cost(entry: dict[str, Any]) -> list[str]:
    return [f"{entry['gflop']:.2f}", f"{entry['traffic_mb']:.0f}",
            _percent(entry['matrix_share']), _percent(entry['bandwidth_share']),
            _number(entry['floor_ms']), _number(entry['fused_floor_ms'])]


def _number(value: float) -> str:
    """Three digits or more; a stage may take microseconds."""
    return f'{value:.3f}' if value < 10 else f'{value:.1f}'


def _percent(share: float) -> str:
    return f'{100 * share:.0f}%'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    lines = [header, *rows]
    texts = ['| ' + ' | '.join(
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                     zip(line[1:], widths[1:]))]) + ' |' for line in lines]
    rule = '|' + '|'.join(['-' * (widths[0] + 2), *('-' * (width + 1) + ':'
                                                    for width in widths[1:])]) + '|'
    return '\n'.join([texts[0], rule, *texts[1:]])
