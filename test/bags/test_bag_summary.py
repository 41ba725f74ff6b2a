# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What is told of a fused bag."""
import json
from pathlib import Path

import pytest

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.bag_summary import BagSummary


def summary() -> BagSummary:
    made = BagSummary(Path('street'), '/rgb/image', '/ir/image', ['a notice'])
    made.arrived = {'visible': 60, 'thermal': 31}
    made.unmatched, made.jumps = {'visible': 30, 'thermal': 0}, {'visible': 2}
    made.pairs, made.fused, made.before = 30, 29, 9
    made.drops.add('thermal.truncated', 'too short')
    made.drops.add('thermal.truncated', 'another reason')
    for number in range(20):
        made.engine.add(10.0 + number)
        made.offset.add(-2.0)
        made.classes.add(number, {'clean': 0.4, 'fog': 0.6})
    made.stages['read'], made.stages['infer'], made.seconds = 1.0, 4.0, 5.0
    made.notice('a notice')
    return made


def test_lines_for_a_person() -> None:
    text = '\n'.join(summary().lines())
    for words in ('60 visible (/rgb/image), 31 thermal (/ir/image)', 'pairs: 30, fused 29, 9 of',
                  'without a partner: 30 visible\n', 'dropped: 2 thermal.truncated: too short',
                  'stamps went back: 2 times visible', 'mean -2.0 ms', 'rate: 4.0 pairs/s',
                  'the engine alone 5.0', 'read 50.0 ms', 'classes: fog 20'):
        assert words in text
    assert text.count('a notice') == 1


def test_numbers_for_a_program(tmp_path: Path) -> None:
    summary().write(tmp_path)
    numbers = json.loads((tmp_path / 'summary.json').read_text())
    assert numbers['dropped'] == {'thermal.truncated': {'count': 2, 'reason': 'too short'}}
    assert numbers['engine_ms']['p50'] == pytest.approx(19, rel=0.02)
    assert numbers['pairs_per_second'] == 4.0 and numbers['engine_pairs_per_second'] == 5.0
    assert numbers['time_jumps'] == {'visible': 2}
    assert numbers['classes'] == {'clean': 0, 'fog': 20}


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(BagError, match='cannot be written'):
        summary().write(tmp_path / 'gone')
