# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A table of figures: one form for Markdown files, the report and the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from degfuse_ros.evaluation.averages import IMAGES
from degfuse_ros.evaluation.measures import MEASURES, Measure

NOTHING = '–'
"""Stands where a method has no figure."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        texts: its cells.
        best: which of them hold the best figure of their column.
        kind: what kind of method the line is about; a 'source' is one camera's image alone.
    """

    texts: tuple[str, ...]
    best: tuple[bool, ...]
    kind: str = ''


@dataclass(frozen=True)
class Table:
    """A table with what is needed to read it.

    Attributes:
        chapter: the part of the evaluation that it belongs to.
        title: its heading within the chapter.
        note: how to read it, plain text.
        header: the columns' headings.
        rows: its lines.
        words: how many columns, from the left, hold words rather than figures.
        terms: columns that need a word of explanation, and that word.
        plotted: whether a plot shows the same.
    """

    chapter: str
    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    words: int = 1
    terms: tuple[tuple[str, str], ...] = ()
    plotted: bool = False

    def markdown(self) -> str:
        """Return table, note and terms as Markdown, best figures in bold."""
        lines = ['| ' + ' | '.join(map(escape_markdown, self.header)) + ' |',
                 '|---' * self.words + '|---:' * (len(self.header) - self.words) + '|']
        for row in self.rows:
            cells = [f'**{escape_markdown(text)}**' if best else escape_markdown(text)
                     for text, best in zip(row.texts, row.best)]
            lines.append('| ' + ' | '.join(cells) + ' |')
        lines += ['', escape_markdown(self.note)]
        if self.terms:
            lines += ['', *(f'- {escape_markdown(term)}: {escape_markdown(meaning)}'
                            for term, meaning in self.terms)]
        return '\n'.join(lines)


def score_table(chapter: str, title: str, note: str, columns: Sequence[Measure],
                scores: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, str],
                explained: bool = False) -> Table:
    """Build a table of one line per method, the best figure of each column marked.

    One camera's image alone (kind 'source') is never marked: it wins what it is the reference of.
    Neither is a row that stands for fewer images than another: it may have been spared the hard
    ones. Where rows differ so, a column tells the numbers. Figures that print alike are equally
    good.

    Args:
        chapter: as in `Table`.
        title: as in `Table`.
        note: as in `Table`.
        columns: what to show.
        scores: per method its figures by `Measure.key`; a missing one is shown as '–'. 'images'
            is the number of images behind a row; without it, a row stands for all.
        kinds: per method its kind; shown where they are not all models.
        explained: whether the columns' meanings are given.
    """
    columns = [*_counts(scores), *(column for column in columns if column.key != IMAGES)]
    printed = {name: [_printed(row.get(column.key), column) for column in columns]
               for name, row in scores.items()}
    judged = {name: row for name, row in whole_rows(scores).items()
              if kinds.get(name) != 'source'}
    bests = [_best(column, judged) for column in columns]
    only_models = all(kinds.get(name) == 'model' for name in scores)
    first = ('model',) if only_models else ('method', 'kind')
    rows = []
    for name, texts in printed.items():
        kind = kinds.get(name, '')
        words = (name, kind)[:len(first)]
        marks = [name in judged and text == best for text, best in zip(texts, bests)]
        rows.append(Row((*words, *texts), (*(False for _ in words), *marks), kind))
    terms = tuple((column.title, column.explanation) for column in columns
                  if column.meaning and (explained or column.key == IMAGES))
    return Table(chapter, title, note, (*first, *(column.heading for column in columns)),
                 tuple(rows), len(first), terms)


def whole_rows(scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Drop the rows that stand for fewer images than another one.

    Args:
        scores: as in `score_table`.
    """
    most = max((row.get(IMAGES, 0) for row in scores.values()), default=0)
    return {name: row for name, row in scores.items() if row.get(IMAGES, most) == most}


def _counts(scores: Mapping[str, Mapping[str, Any]]) -> list[Measure]:
    """Return the column of the numbers of images, if they differ."""
    return [MEASURES[IMAGES]] if len(whole_rows(scores)) < len(scores) else []


def _printed(value: Any, column: Measure) -> str:
    if value is None:
        return NOTHING
    return value if isinstance(value, str) else format(value, column.pattern)


def _best(column: Measure, scores: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the best figure of a column as it is printed, None where nothing can be compared."""
    figures = [row[column.key] for row in scores.values() if row.get(column.key) is not None]
    if column.higher is None or len(figures) < 2:
        return None
    return _printed(max(figures) if column.higher else min(figures), column)


def escape_markdown(text: str) -> str:
    """Keep Markdown from reading plain text as its own signs, and put it on one line."""
    for sign in '\\|*<`':
        text = text.replace(sign, '\\' + sign)
    return ' '.join(text.split())
