# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A table of figures: what is best, what is missing, Markdown."""

from degfuse_ros.evaluation.measures import MEASURES, Measure
from degfuse_ros.evaluation.table import Row, Table, score_table

UP, DOWN = Measure('up', 'up'), Measure('down', 'down', 'less is more', '.1f', False)
NEITHER = Measure('size', 'size', '', 'd', None)
SCORES = {'thermal only': {'up': 0.9, 'down': 0.0, 'size': 1},
          'mean': {'up': 0.5001, 'down': 4.0, 'size': 2},
          'max': {'up': 0.5004, 'down': 4.2},
          'ours': {'up': 0.1, 'down': 4.04, 'size': 7}}
KINDS = {'thermal only': 'source', 'mean': 'baseline', 'max': 'baseline', 'ours': 'model'}


def test_marks_the_best_of_what_is_not_a_source() -> None:
    table = score_table('', '', '', [UP, DOWN, NEITHER], SCORES, KINDS)
    assert table.header == ('method', 'kind', 'up ↑', 'down ↓', 'size')
    # Figures that print alike are equally good.
    assert {row.texts: row.best for row in table.rows} == {
        ('thermal only', 'source', '0.900', '0.0', '1'): (False,) * 5,
        ('mean', 'baseline', '0.500', '4.0', '2'): (False, False, True, True, False),
        ('max', 'baseline', '0.500', '4.2', '–'): (False, False, True, False, False),
        ('ours', 'model', '0.100', '4.0', '7'): (False, False, False, True, False)}


def test_nothing_is_best_where_nothing_can_be_compared() -> None:
    rows = score_table('', '', '', [UP], {name: SCORES[name] for name in ('thermal only', 'mean')},
                       KINDS).rows
    assert not any(best for row in rows for best in row.best)


def test_a_row_of_fewer_images_is_never_the_best_and_says_so() -> None:
    scores = {'thermal only': {'up': 0.9, 'images': 50}, 'spared': {'up': 0.8, 'images': 49},
              'mean': {'up': 0.3, 'images': 50}, 'ours': {'up': 0.5, 'images': 50},
              'published': {'up': 0.4}}
    table = score_table('', '', '', [UP], scores, KINDS)
    assert table.header == ('method', 'kind', 'images', 'up ↑')
    assert [row.texts[2] for row in table.rows] == ['50', '49', '50', '50', '–']
    assert [row.texts[0] for row in table.rows if any(row.best)] == ['ours']
    assert [title for title, _ in table.terms] == ['images']
    # A row without a number stands for all.
    scores['published']['up'] = 0.6
    rows = score_table('', '', '', [UP], scores, KINDS).rows
    assert [row.texts[0] for row in rows if any(row.best)] == ['published']


def test_equal_numbers_of_images_are_not_shown() -> None:
    scores = {name: {'up': row['up'], 'images': 5} for name, row in SCORES.items()}
    table = score_table('', '', '', [MEASURES['images'], UP], scores, KINDS)
    assert table.header == ('method', 'kind', 'up ↑')
    assert any(row.best[2] for row in table.rows)


def test_kind_is_left_out_where_all_are_models() -> None:
    table = score_table('', '', '', [UP], {'ours': {'up': 1.0}, 'other': {}},
                        {'ours': 'model', 'other': 'model'})
    assert table.header == ('model', 'up ↑')
    assert [row.texts for row in table.rows] == [('ours', '1.000'), ('other', '–')]


def test_terms_are_the_columns_that_need_one() -> None:
    assert score_table('', '', '', [UP, DOWN], SCORES, KINDS, explained=True).terms == (
        ('down', 'less is more'),)
    assert score_table('', '', '', [UP, DOWN], SCORES, KINDS).terms == ()
    fooled = Measure('up', 'up', 'more', fooled='noise')
    assert score_table('', '', '', [fooled], SCORES, KINDS, explained=True).terms == (
        ('up', 'more; fooled by noise'),)


def test_markdown_keeps_names_from_being_signs() -> None:
    table = Table('', '', 'a <b>', ('a|b', 'x'), (Row(('*c*\nd', '1'), (False, True)),),
                  terms=(('x', 'y'),))
    assert table.markdown().splitlines() == [
        r'| a\|b | x |', '|---|---:|', r'| \*c\* d | **1** |', '', r'a \<b>', '', '- x: y']
