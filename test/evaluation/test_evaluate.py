# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The whole evaluation, with the shipped weights on one small pair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_command import scene, write

from degfuse_ros.evaluation import passes
from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.evaluate import Outcome, evaluate, write_outcome
from degfuse_ros.evaluation.pairs import PairError
from degfuse_ros.evaluation.settings import Settings

FEW = CASES[1::6]  # of four kinds: for what all cases have in common


@pytest.fixture
def few_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, 'CASES', FEW)


def run(data: Path, **more: Any) -> Outcome:
    return evaluate(Settings(data, 'val', Path('unused'), (1.0, 99.0), device='cpu', **more))


def strict(results: dict[str, Any]) -> str:
    """Return results as JSON; ValueError for what JSON cannot say, such as not a number."""
    return json.dumps(results, allow_nan=False)


def write_table(root: Path, *conditions: str) -> Path:
    lines = ['source,split,name,visible_path,thermal_path,condition']
    for number, condition in enumerate(conditions):
        for kind, image in zip('vt', scene(number)):
            write(root / f'{number}{kind}.png', image[:48, :48])
        lines.append(f'street,val,{number},{number}v.png,{number}t.png,{condition}')
    (root / 'pairs.csv').write_text('\n'.join(lines) + '\n')
    return root


def test_a_seed_repeats_everything_and_another_gives_other_figures(tmp_path: Path,
                                                                   few_cases: None) -> None:
    data = write_table(tmp_path, 'clean')
    one, two, other = (run(data, degrade=True, seed=seed) for seed in (7, 7, 8))
    assert strict(one.results) == strict(two.results)
    assert one.lines == two.lines
    assert [sample.title for sample in one.samples] == [sample.title for sample in two.samples]
    assert other.results['quality'] == one.results['quality']
    for part in ('robustness', 'recognition'):
        assert strict(other.results[part]) != strict(one.results[part])
    robustness, others = (each.results['robustness']['by_case'] for each in (one, other))
    assert list(robustness) == list(others) == [case.name for case in FEW]
    for case in FEW:
        assert robustness[case.name]['thermal only'] == others[case.name]['thermal only']
        assert robustness[case.name]['visible only'] != others[case.name]['visible only']


def test_pictures_without_contrast_give_numbers(tmp_path: Path, few_cases: None) -> None:
    for kind, image in (('visible', np.full((48, 48, 3), 128, np.uint8)),
                        ('thermal', np.zeros((48, 48), np.uint8))):
        write(tmp_path / kind / 'a.png', image)
    outcome = run(tmp_path, degrade=True)
    assert outcome.results['data']['left_out'] == []
    assert 'NaN' not in strict(outcome.results)
    (tmp_path / 'out').mkdir()
    write_outcome(outcome, tmp_path / 'out')
    assert 'nan' not in (tmp_path / 'out' / 'scores.csv').read_text()


def test_dark_streets_alone_leave_nothing_to_degrade(tmp_path: Path) -> None:
    outcome = run(write_table(tmp_path, 'low_light'), degrade=True)
    assert outcome.results['robustness'] is None
    line, = outcome.results['data']['left_out']
    assert 'no pair is known to be clean' in line
    recognised = outcome.results['recognition']['base']
    assert recognised['synthetic']['count'] == 0
    assert recognised['real']['street_val']['truth'] == {'low_light': 1}
    (tmp_path / 'out').mkdir()
    write_outcome(outcome, tmp_path / 'out')
    assert line in (tmp_path / 'out' / 'report.html').read_text()


def test_where_the_model_answers_is_worst_first_and_pictured(tmp_path: Path,
                                                             few_cases: None) -> None:
    outcome = run(write_table(tmp_path, 'clean', 'fog'), degrade=True)
    worst = outcome.results['worst']
    # One clean street could be degraded, and one case per street is shown.
    assert len(worst) == 1 and worst[0]['title'].startswith('street/0, ')
    assert worst[0]['text'].startswith('kept: base ')
    assert (outcome.samples[0].title, outcome.samples[0].text) == (worst[0]['title'],
                                                                   worst[0]['text'])


def test_a_folder_is_judged_where_it_has_images(tmp_path: Path, few_cases: None) -> None:
    data = write_table(tmp_path / 'data', 'clean')
    picture = scene(0)[0][:48, :48]
    for name in ('plain/0.png', 'partial/0.png', f'partial/{FEW[0].name}/street/0.png'):
        write(tmp_path / name, picture)
    results = run(data, degrade=True, fused=(('plain', tmp_path / 'plain'),
                                             ('partial', tmp_path / 'partial'))).results
    quality, robustness = results['quality']['street_val'], results['robustness']
    assert quality['plain'] == quality['partial'] == quality['visible only']
    assert [case for case, rows in robustness['by_case'].items() if 'partial' in rows] == [
        FEW[0].name]
    assert not any('plain' in rows for rows in robustness['by_case'].values())
    # A mean over the easy cases alone would fool everybody.
    assert not {'plain', 'partial'} & set(robustness['mean'])
    line, = results['data']['left_out']
    assert line.startswith('partial: ')
    assert all((case.name in line) == (case != FEW[0]) for case in FEW)


def test_without_a_pair_there_is_nothing_to_evaluate(tmp_path: Path) -> None:
    data = write_table(tmp_path, 'clean', 'clean')
    for name in ('0v.png', '1t.png'):
        (data / name).write_bytes(b'torn')
    with pytest.raises(PairError, match=r'^none of the 2 pairs .* First of 2 left out: .*0v\.png'):
        run(data)


def test_a_clip_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairError, match=r"no source 'yard' for --clip .* It has: street$"):
        run(write_table(tmp_path, 'clean'), clips=('yard',))
