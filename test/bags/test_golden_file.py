# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The golden file as it is written and read; what is wrong with one: test_replay_test.py."""
from __future__ import annotations

import json
from pathlib import Path

from degfuse_ros.bags.golden_file import TOLERANCES, Golden, read_golden
from degfuse_ros.bags.golden_frame import GoldenFrame

FRAME = GoldenFrame(7, 9, (64, 48), 'fog', {'fog': 1.0}, [{'0': 1.0}], [1.0, 2.0, 3.0], 4.0, 5.0,
                    'A' * 256)
GOLDEN = Golden('1.2', 'lite', 'abc', {'visible': '/v', 'thermal': '/t'}, {'sync_slop': 0.02},
                {**TOLERANCES, 'mean': 2.0}, [FRAME, FRAME])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / 'golden.json'
    file.write_text(GOLDEN.text())
    assert read_golden(file) == GOLDEN
    content = json.loads(file.read_text())
    assert content['degfuse_golden'] == 1 and content['pairs'] == 2


def test_each_result_is_one_line() -> None:
    lines = GOLDEN.text().splitlines()
    assert sum('"thumbnail"' in line for line in lines) == 2
    assert GOLDEN.text().endswith('\n ]\n}\n')


def test_tolerances_that_are_left_out_are_the_usual_ones(tmp_path: Path) -> None:
    content = json.loads(GOLDEN.text())
    content['tolerances'] = {'mean': 3}
    file = tmp_path / 'golden.json'
    file.write_text(json.dumps(content))
    assert read_golden(file).tolerances == {**TOLERANCES, 'mean': 3}
