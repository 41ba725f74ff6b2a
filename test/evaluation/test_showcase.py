# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the report shows: chosen by figures, not by looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_command import scene, write

from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.ledger import Entry, Ledger
from degfuse_ros.evaluation.method import Method, Product, classical_methods
from degfuse_ros.evaluation.pairs import EvaluationPair
from degfuse_ros.evaluation.scene import Scene
from degfuse_ros.evaluation.settings import Settings
from degfuse_ros.evaluation.showcase import WORST_CASES, show, worst_cases

SETTINGS = Settings(Path('data'), 'val', Path('out'), (1.0, 99.0), seed=5)


def echo(given: Scene) -> Product:
    return Product(given.visible, given.visible)


METHODS = [Method('thermal only', 'source', echo), Method('weak', 'baseline', echo),
           Method('strong', 'two-stage', echo), Method('rival', 'folder', echo),
           Method('ours', 'model', echo), Method('second', 'model', echo)]


def ledger_of(metric: str, table: dict[tuple[str, str], dict[str, float]]) -> Ledger:
    """Make the entries of {(pair, case): {method: score}}."""
    ledger = Ledger()
    ledger.entries = [Entry(pair, 'set', case, method, {metric: score})
                      for (pair, case), row in table.items() for method, score in row.items()]
    return ledger


def test_worst_is_where_the_first_model_loses_most_to_the_best_classical_row() -> None:
    ledger = ledger_of('kept', {
        ('a', 'fog_depth_1'): {'thermal only': 0.9, 'weak': 0.3, 'strong': 0.5, 'rival': 0.9,
                               'ours': 0.4, 'second': 0.0},
        ('a', 'rain_3'): {'weak': 0.3, 'strong': 0.2, 'ours': 0.25, 'second': 0.0},
        ('b', 'rain_3'): {'weak': 0.6, 'strong': 0.2, 'ours': 0.1},
        ('c', 'rain_3'): {'weak': 0.1, 'strong': 0.2, 'ours': 0.7},
        ('d', 'rain_3'): {'weak': 0.9},  # the model failed here
        ('e', 'clean'): {'weak': 0.9, 'ours': 0.0}})  # not degraded
    worst = worst_cases(ledger, METHODS)
    assert [(each.pair, each.case) for each in worst] == [
        ('b', 'rain_3'), ('a', 'fog_depth_1'), ('c', 'rain_3')]
    assert worst[0].text == 'kept: ours 0.100, weak 0.600'
    assert worst[1].title == 'a, fog depth 1' and 'strong 0.500' in worst[1].text


def test_without_a_benchmark_the_pairs_as_they_are_are_judged() -> None:
    ledger = ledger_of('Qabf', {(name, ''): {'weak': 0.5, 'ours': 0.1 * number}
                                for number, name in enumerate('abcdefgh')})
    worst = worst_cases(ledger, METHODS)
    assert [each.pair for each in worst] == list('abcdefgh')[:WORST_CASES]
    assert worst[0].title == 'a, as it is' and worst[0].text == 'Qabf: ours 0.000, weak 0.500'


def test_where_no_classical_row_is_nothing_is_worst() -> None:
    assert worst_cases(ledger_of('Qabf', {('a', ''): {'ours': 0.1}}), METHODS) == []


@pytest.fixture
def pairs(tmp_path: Path) -> list[EvaluationPair]:
    found = []
    for number in range(8):
        paths = tmp_path / f'v{number}.png', tmp_path / f't{number}.png'
        for path, image in zip(paths, scene(number % 2)):
            write(path, image)
        found.append(EvaluationPair(str(number), 'set', 'big', 'clean', *paths))
    paths = found[0].visible, found[0].thermal
    return [*found, EvaluationPair('0', 'other', 'small', 'clean', *paths)]


def test_samples_come_from_every_group_and_every_degradation(pairs: list[EvaluationPair]
                                                             ) -> None:
    ledger = ledger_of('Qabf', {(pair.key, ''): {'strong': 0.5, 'ours': 0.25} for pair in pairs})
    ledger.entries += ledger_of('kept', {
        (pair.key, case.name): {'strong': 0.5, 'ours': 0.7 - (pair.name == '3')}
        for pair in pairs[:8] for case in CASES}).entries
    methods = [*classical_methods(), *METHODS[3:]]
    worst = worst_cases(ledger, [*METHODS])
    samples = list(show(pairs, methods, worst, ledger, SETTINGS))
    sections = [sample.section for sample in samples]
    kinds = list(dict.fromkeys(case.kind for case in CASES))
    assert sections == [*['Worst cases'] * 5, *['As they are'] * 3,
                        *['Degraded, middle level'] * len(kinds)]
    assert samples[0].title.startswith('set/3, ')
    # A quarter and three quarters through the large group, the only one of the small.
    assert [sample.title for sample in samples[5:8]] == ['set/2', 'set/6', 'other/0']
    assert samples[5].text == 'Qabf: strong 0.500, ours 0.250'
    assert [sample.title.split(', ')[1] for sample in samples[8:]] == [
        f"{kind.replace('_', ' ')} 2" for kind in kinds]
    assert len({sample.title.split(', ')[0] for sample in samples[8:]}) > 1


def test_a_sample_shows_what_the_methods_saw(pairs: list[EvaluationPair]) -> None:
    ledger = ledger_of('kept', {(pairs[1].key, 'rain_2'): {'strong': 0.5, 'ours': 0.4}})
    sample = list(show(pairs[1:2], METHODS, [], ledger, SETTINGS))[1]
    pictures = dict(sample.pictures)
    assert list(pictures) == ['visible', 'visible, rain 2', 'thermal', 'rival', 'ours', 'second']
    visible, thermal = scene(1)
    case = next(case for case in CASES if case.name == 'rain_2')
    degraded = Scene(pairs[1], visible, visible, thermal).degraded(case, SETTINGS.seed).visible
    np.testing.assert_array_equal(pictures['visible'], visible)
    np.testing.assert_array_equal(pictures['visible, rain 2'], degraded)
    np.testing.assert_array_equal(pictures['ours'], degraded)
    np.testing.assert_array_equal(pictures['thermal'][..., 1], thermal)
    top, left, height, width = sample.crop
    assert 0 <= top <= 64 - height and 0 <= left <= 96 - width
    assert (height, width) == (19, 29)  # 30 % of the sides


def test_a_worst_case_shows_who_did_better(pairs: list[EvaluationPair]) -> None:
    ledger = ledger_of('Qabf', {(pairs[0].key, ''): {'weak': 0.9, 'ours': 0.4}})
    worst = worst_cases(ledger, METHODS)
    assert [found.rival for found in worst] == ['weak']
    sample = next(show(pairs[:1], METHODS, worst, ledger, SETTINGS))
    assert 'weak' in dict(sample.pictures)


def test_a_method_that_fails_again_is_not_shown(pairs: list[EvaluationPair]) -> None:
    def fail(given: Scene) -> Product:
        raise ValueError('no image')
    ledger = ledger_of('Qabf', {(pairs[0].key, ''): {'ours': 0.4}})
    methods = [Method('rival', 'folder', fail), METHODS[4]]
    sample, = show(pairs[:1], methods, [], ledger, SETTINGS)
    assert [caption for caption, _ in sample.pictures] == ['visible', 'thermal', 'ours']
    assert ledger.left_out == []
