# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of what models say."""

from evaluation_results import CLASSES, make_nothing, make_results, make_undegraded

from degfuse_ros.evaluation.model_tables import recognition_tables, routing_tables

RESULTS = make_results()
RECOGNITION = {table.title: table for table in recognition_tables(RESULTS)}
ROUTING = {table.title: table for table in routing_tables(RESULTS)}


def test_accuracy_has_all_sets_of_images() -> None:
    table = RECOGNITION['accuracy']
    assert table.header == ('model', 'mean over classes ↑', *(f'{name} ↑' for name in CLASSES),
                            'one of both ↑', 'both seen ↑', 'msrs_val_night (21), real ↑')
    assert 'a heuristic and no ground truth' in table.note
    assert table.rows[0].texts == ('degfuse', '90.0%', '95.0%', '92.5%', '90.0%', '87.5%', '85.0%',
                                   '94.0%', '41.0%', '90.5%')


def test_a_model_that_answered_less_often_is_not_the_best() -> None:
    results = make_results()
    results['recognition']['degfuse']['synthetic']['count'] -= 1
    for table in recognition_tables(results)[:4]:
        few, many = (int(row.texts[1]) for row in table.rows)
        assert table.header[1] == 'images' and few + 1 == many
        assert not any(any(row.best[:-1]) for row in table.rows)


def test_lower_errors_and_higher_order_are_better() -> None:
    for title, arrow in (('severity error', '↓'), ('severity where absent', '↓'),
                         ('order of severities', '↑')):
        assert RECOGNITION[title].header[1:] == tuple(f'{name} {arrow}' for name in CLASSES[1:])
    rain = {row.texts[0]: row.best[4] for row in RECOGNITION['severity error'].rows}
    assert rain == {'degfuse': True, 'degfuse, dense': False}


def test_confusion_shows_the_classes_that_are_there() -> None:
    assert [row.texts for row in RECOGNITION[
            'confusion, degfuse, msrs_val_night (21), real'].rows] == [
        ('low_light', '1', '0', '19', '1', '0')]
    whole = RECOGNITION['confusion, degfuse, synthetic']
    assert whole.header == ('truth', *CLASSES)
    assert [row.texts[0] for row in whole.rows] == CLASSES
    assert whole.rows[1].texts[1:] == ('3', '83', '3', '3', '3')


def test_use_of_the_experts() -> None:
    found = RESULTS['routing']['degfuse']
    loads = [load for layer in found['load'] for load in layer]
    # Of 5 conditions in a row, 0.14 apart: 4, 3, 2 and 1 pairs at 1, 2, 3 and 4 steps.
    mean = 0.14 * (4 * 1 + 3 * 2 + 2 * 3 + 1 * 4) / 10
    assert ROUTING['use of the experts'].rows[0].texts == (
        'degfuse', '5.0%', f'{min(loads):.3f}', f'{max(loads):.3f}', f'{mean:.3f}')


def test_claims_are_given_with_what_was_found() -> None:
    table = ROUTING["the paper's claims, degfuse"]
    assert [row.texts[2] for row in table.rows] == ['yes', 'no']
    assert table.rows[1].texts[:2] == ('clean scenes spread evenly', 'entropy 1.9 of 3 bits')


def test_without_synthetic_images_the_real_ones_are_left() -> None:
    results = make_undegraded()
    assert {table.title: table.header for table in recognition_tables(results)} == {
        'accuracy': ('model', 'msrs_val_night (21), real ↑'),
        **{f'confusion, {model}, msrs_val_night (21), real': ('truth', *CLASSES)
           for model in results['recognition']}}
    (use,) = routing_tables(results)
    assert use.rows[0].texts[-1] == '–'


def test_nothing_without_models() -> None:
    assert recognition_tables(make_nothing()) == routing_tables(make_nothing()) == []
