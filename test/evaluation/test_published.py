# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Rivals' figures: shown where, and only where, both cameras alone score as they did then."""

import csv
import os
from importlib import resources
from pathlib import Path

import pytest

from degfuse_ros.evaluation.ledger import Entry, Ledger
from degfuse_ros.evaluation.metrics import QUALITY, PairScorer, luma
from degfuse_ros.evaluation.pairs import find_pairs
from degfuse_ros.evaluation.published import TABLE, published_scores

Rows = dict[str, dict[str, float]]
CAMERAS = ('visible only', 'thermal only')
PAIRS = {'roadscene_val': 50, 'msrs_val_day': 21, 'msrs_val_night': 21}


def lines() -> list[str]:
    return (resources.files('degfuse_ros.evaluation') / TABLE).read_text().splitlines()


def table() -> list[dict[str, str]]:
    """The shipped rows, read by this test's own reader."""
    return list(csv.DictReader(line for line in lines() if line[0] != '#'))


def rows_of(group: str, kind: str) -> Rows:
    return {row['method']: {metric: float(row[metric]) for metric in QUALITY}
            for row in table() if (row['set'], row['kind']) == (group, kind)}


def measured() -> dict[str, Rows]:
    """What an evaluation of the same pairs finds: the baselines as they were, and a model."""
    return {group: {**rows_of(group, 'baseline'), 'base': dict.fromkeys(QUALITY, 0.5)}
            for group in PAIRS}


def test_the_shipped_table_says_where_it_comes_from_and_is_whole() -> None:
    head = ' '.join(line for line in lines() if line[0] == '#')
    for word in ('RoadScene', 'MSRS', '2026', 'BT.601'):
        assert word in head
    for row in table():
        assert int(row['pairs']) == PAIRS[row['set']]
        assert row['kind'] in ('baseline', 'network')
        scores = {metric: float(row[metric]) for metric in QUALITY}
        assert 0 < scores['EN'] < 8  # bits of 256 grey levels
        assert -2 <= scores['SCD'] <= 2  # a sum of two correlations
        assert all(0 <= scores[name] <= 1 for name in ('Qabf', 'SSIM', 'vQ', 'tQ'))
    assert len({(row['set'], row['method']) for row in table()}) == len(table())


def test_copying_a_camera_keeps_all_its_edges_in_every_set() -> None:
    # Xydeas and Petrovic's measure of an image against itself has this value by its constants.
    itself = 0.9994 / (1 + 2.718281828 ** (-15 * 0.5)) * 0.9879 / (1 + 2.718281828 ** (-22 * 0.2))
    for group in PAIRS:
        rows = rows_of(group, 'baseline')
        assert rows['visible only']['vQ'] == pytest.approx(itself, abs=1e-4)
        assert rows['thermal only']['tQ'] == pytest.approx(itself, abs=1e-4)


def test_where_the_cameras_score_as_they_did_all_rivals_are_shown() -> None:
    found = published_scores(measured())
    assert found == {group: rows_of(group, 'network') for group in PAIRS}
    assert found['roadscene_val']['SeAFusion']['tQ'] == 0.5697
    assert len(found['roadscene_val']) == 12
    assert not set(CAMERAS) & set(found['roadscene_val'])


def test_two_implementations_of_the_metrics_agree_well_enough() -> None:
    now = measured()
    for rows in now.values():
        for name in CAMERAS:
            rows[name] = {metric: value * 1.0009 for metric, value in rows[name].items()}
    assert set(published_scores(now)) == set(PAIRS)


@pytest.mark.parametrize('factor', [0.99, 1.01])
@pytest.mark.parametrize('metric', QUALITY)
@pytest.mark.parametrize('camera', CAMERAS)
def test_one_percent_off_in_one_figure_hides_the_group_alone(
        camera: str, metric: str, factor: float) -> None:
    for group in PAIRS:
        now = measured()
        now[group][camera][metric] *= factor
        assert set(published_scores(now)) == set(PAIRS) - {group}


def test_what_is_not_a_number_hides_the_group() -> None:
    now = measured()
    now['msrs_val_day']['thermal only']['EN'] = float('nan')
    assert set(published_scores(now)) == set(PAIRS) - {'msrs_val_day'}


def test_another_group_is_shown_no_rivals() -> None:
    rows = measured()['roadscene_val']
    assert published_scores({'my_street': rows}) == {}
    assert published_scores({'msrs_val_day': rows}) == {}  # the figures of other pairs
    assert published_scores({}) == {}


@pytest.mark.parametrize('camera', CAMERAS)
def test_without_the_row_of_a_camera_nobody_knows_and_nothing_is_shown(camera: str) -> None:
    now = measured()
    del now['roadscene_val'][camera]
    assert set(published_scores(now)) == set(PAIRS) - {'roadscene_val'}


def test_on_the_real_pairs_the_rivals_are_shown_and_without_one_of_them_not() -> None:
    folder = os.environ.get('DEGFUSE_DATA')
    if not folder:
        pytest.skip('DEGFUSE_DATA names no folder of real pairs')
    ledger = Ledger()
    for pair in find_pairs(Path(folder), 'val')[0]:
        if pair.group == 'msrs_val_night':
            visible, thermal = pair.read((1.0, 99.0))
            scores = PairScorer(visible, thermal).quality([luma(visible), thermal])
            ledger.entries += [Entry(pair.key, pair.group, '', name, row)
                               for name, row in zip(CAMERAS, scores)]
    assert set(published_scores(ledger.means(lambda entry: entry.group))) == {'msrs_val_night'}
    ledger.entries = ledger.entries[2:]
    assert published_scores(ledger.means(lambda entry: entry.group)) == {}
