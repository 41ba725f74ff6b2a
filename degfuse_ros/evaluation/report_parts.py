# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The parts of report.html: pictures, tables, plots and key figures as HTML.

Every text passes through `html.escape`, every picture is embedded: the file needs nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from degfuse_ros.evaluation.plot_style import DPI
from degfuse_ros.evaluation.sample import Sample
from degfuse_ros.evaluation.table import Table, whole_rows

QUALITY = 85
"""JPEG quality of the pictures: artefacts cannot be seen, a 640 x 480 picture takes some 60 KB."""

WIDEST = 6
"""Pictures side by side, at most: then each is some 200 pixels wide on a common screen."""

LONG = 40
"""Characters from which a cell of words may break over several lines."""


def picture(data: bytes, kind: str, text: str, width: str = '') -> str:
    """Embed a picture that a click enlarges.

    Args:
        data: the file's content.
        kind: 'jpeg' or 'png'.
        text: what it shows, for those who cannot see it.
        width: on the page, in its pixels; '' for the width of what is around it.
    """
    size = f' width="{width}"' if width else ''
    image = (f'<img alt="{escape(text)}"{size} '
             f'src="data:image/{kind};base64,{base64.b64encode(data).decode()}">')
    return f'<label class="zoom"><input type="checkbox" aria-label="enlarge">{image}</label>'


def jpeg(image: np.ndarray) -> bytes:
    """Encode H x W x 3 uint8 RGB."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def sample_html(sample: Sample) -> str:
    """Show the pictures of one pair, below each its crop."""
    top, left, height, width = sample.crop
    figures = []
    for caption, image in sample.pictures:
        all_rows, all_columns = image.shape[:2]
        frame = (f'left:{100 * left / all_columns:.2f}%;top:{100 * top / all_rows:.2f}%;'
                 f'width:{100 * width / all_columns:.2f}%;height:{100 * height / all_rows:.2f}%')
        part = image[top:top + height, left:left + width]
        figures.append(
            f'<figure><figcaption>{escape(caption)}</figcaption>'
            f'<div class="whole">{picture(jpeg(image), "jpeg", caption)}'
            f'<div class="frame" style="{frame}"></div></div>'
            f'<div class="part">{picture(jpeg(part), "jpeg", caption + ", enlarged part")}</div>'
            '</figure>')
    lines = -(-len(figures) // WIDEST)
    columns = -(-len(figures) // lines)  # lines of nearly equal length
    return (f'<section class="card"><h3>{escape(sample.title)}</h3><p>{escape(sample.text)}</p>'
            f'<div class="grid" style="--columns:{columns}">{"".join(figures)}</div></section>')


def plot_html(title: str, path: Path) -> str:
    """Show a plot.

    Raises:
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    # A PNG file has its width there. An inch takes 96 of the page's pixels.
    width = int.from_bytes(data[16:20], 'big') * 96 // DPI
    return (f'<figure class="plot"><h3>{escape(title)}</h3>'
            f'{picture(data, "png", title, str(width))}</figure>')


def table_html(table: Table) -> str:
    """Show a table, the best figures in bold; fold it away where a plot shows the same."""
    head = ''.join(f'<th{_word(number, table, "")}>{escape(text)}</th>'
                   for number, text in enumerate(table.header))
    body = []
    for row in table.rows:
        cells = []
        for number, (text, best) in enumerate(zip(row.texts, row.best)):
            if best:
                cells.append(f'<td class="best"><b>{escape(text)}</b></td>')
            else:
                cells.append(f'<td{_word(number, table, text)}>{escape(text)}</td>')
        body.append(f'<tr class="{escape(row.kind)}">{"".join(cells)}</tr>')
    terms = facts_html(dict(table.terms), 'terms') if table.terms else ''
    content = (f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}'
               f'</tbody></table></div><p class="note">{escape(table.note)}</p>{terms}')
    title = escape(table.title)
    return (f'<details><summary>{title}</summary>{content}</details>' if table.plotted
            else f'<h3>{title}</h3>{content}')


def _word(number: int, table: Table, text: str) -> str:
    if number >= table.words:
        return ''
    return ' class="word long"' if len(text) > LONG else ' class="word"'


def tiles_html(results: Mapping[str, Any]) -> str:
    """Show the few figures that say most."""
    tiles = [(str(results['data']['pairs']),
              f"pairs in {len(results['data']['groups'])} groups")]
    kinds = {method['name']: method['kind'] for method in results['methods']}
    means = (results['robustness'] or {}).get('mean', {})
    kept = {name: row['kept'] for name, row in whole_rows(means).items()
            if kinds.get(name) != 'source'}
    for ours in (True, False):
        rivals = [name for name in kept if (kinds.get(name) == 'model') == ours]
        if rivals:
            best = max(rivals, key=lambda name: kept[name])
            tiles.append((f'{kept[best]:.3f}', 'kept under degradation, best '
                          f'{"model" if ours else "of the others"}: {best}'))
    for model, found in results['recognition'].items():
        synthetic = found['synthetic']
        if synthetic['count']:
            tiles.append((f"{synthetic['balanced']:.0%}", 'of synthetic images recognised, mean '
                          f"over the {len(synthetic['per_class'])} classes: {model}"))
    return '<div class="tiles">' + ''.join(
        f'<div class="tile"><b>{escape(figure)}</b><span class="soft">{escape(text)}</span></div>'
        for figure, text in tiles) + '</div>'


def facts_html(facts: Mapping[str, str], look: str = 'facts') -> str:
    """Show names and what belongs to them as a list.

    Args:
        facts: name and text of each.
        look: 'facts' or 'terms', a class of the style sheet.
    """
    return f'<dl class="{look}">' + ''.join(
        f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in facts.items()
    ) + '</dl>'


def lines_html(lines: list[str]) -> str:
    """Show lines of text as a list."""
    return '<ul>' + ''.join(f'<li>{escape(line)}</li>' for line in lines) + '</ul>'
