# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""report.html: everything that an evaluation found, in one file that needs no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from degfuse_ros.evaluation.report_parts import (
    facts_html,
    lines_html,
    plot_html,
    sample_html,
    table_html,
    tiles_html,
)
from degfuse_ros.evaluation.report_style import STYLE
from degfuse_ros.evaluation.sample import Sample
from degfuse_ros.evaluation.tables import CHAPTERS, build_tables

WORST = 'Worst cases'
"""The section of the cases that went worst; samples of it share its heading."""


def write_report(path: Path, results: Mapping[str, Any], samples: Sequence[Sample],
                 plots: Sequence[tuple[str, Path]]) -> None:
    """Write the report.

    It holds the samples first, in their order, then tables and plots chapter by chapter, what was
    left out, and where the figures come from.

    Args:
        path: the file to write; its folder exists.
        results: the content of metrics.json.
        samples: pictures to show, the worst cases first.
        plots: title and PNG file of each, as `plots.write_all` returns them.

    Raises:
        OSError: a plot cannot be read, or the report cannot be written.
    """
    sections = [*_samples(results, samples), *_chapters(results, plots), _origin(results)]
    links = ''.join(f'<a href="#part{number}">{escape(title)}</a>'
                    for number, (title, _) in enumerate(sections))
    body = ''.join(f'<h2 id="part{number}">{escape(title)}</h2>{content}'
                   for number, (title, content) in enumerate(sections))
    data = results['data']
    groups = ', '.join(f'{name} {count}' for name, count in data['groups'].items())
    split = f"split {data['split']}" if data['split'] else 'plain folders without splits'
    subtitle = f"{data['folder']}, {split}. Pairs: {groups}."
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>Fusion evaluation: {escape(data["folder"])}</title><style>{STYLE}</style></head>'
        f'<body><main><header><h1>How good is the fusion?</h1>'
        f'<p class="soft">{escape(subtitle)}</p></header>'
        f'<nav>{links}</nav>{tiles_html(results)}{body}</main></body></html>\n',
        encoding='utf-8')


def _samples(results: Mapping[str, Any], samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    """Yield heading and content of the samples; worst cases without pictures come as lines."""
    shown = {sample.title for sample in samples}
    lines = [f"{case['title']}: {case['text']}" for case in results['worst']
             if case['title'] not in shown]
    sections = {WORST: lines_html(lines)} if lines else {}
    for sample in samples:
        sections[sample.section] = sections.get(sample.section, '') + sample_html(sample)
    yield from sections.items()


def _chapters(results: Mapping[str, Any], plots: Sequence[tuple[str, Path]]
              ) -> Iterator[tuple[str, str]]:
    """Yield heading and content of every chapter that has a table or a plot."""
    tables = build_tables(results)
    for chapter in CHAPTERS:
        start = f'{chapter}: '
        figures = ''.join(plot_html(title[len(start):], path) for title, path in plots
                          if title.startswith(start))
        content = f'<div class="plots">{figures}</div>' if figures else ''
        content += ''.join(table_html(table) for table in tables if table.chapter == chapter)
        if content:
            yield chapter, content


def _origin(results: Mapping[str, Any]) -> tuple[str, str]:
    """Say how to get the same figures again, and what is missing from them."""
    left_out = results['data']['left_out']
    facts = {'command': results['command'], 'device': results['device'],
             'seed': str(results['seed']), "SHA-256 of the metrics' code": results['metric_code'],
             "SHA-256 of the benchmark's code": results['benchmark_code'],
             'SHA-256 of the images': results['data']['sha256'], **results['versions']}
    for model in results['models']:
        counts = ', '.join(f'{part} {count:,}' for part, count in model['parameters'].items())
        structure = ', '.join(f'{part} {value}' for part, value in model['structure'].items())
        facts[f"model {model['name']}"] = (f"{model['file']}, SHA-256 {model['sha256']}, "
                                           f'parameters: {counts}; {structure}')
    notes = results['data']['notes']
    noted = f'<h3>Notes</h3>{lines_html(notes)}' if notes else ''
    missing = (f'<h3>Left out ({len(left_out)})</h3>{lines_html(left_out)}' if left_out
               else '<p>Nothing was left out.</p>')
    return 'Where this comes from', facts_html(facts) + noted + missing
