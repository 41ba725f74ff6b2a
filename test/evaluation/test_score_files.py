# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Scores written as CSV and read back."""

import csv
from pathlib import Path

from degfuse_ros.evaluation.score_files import write_scores


def test_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rows = [{'pair': 'a, "b"', 'method': 'mean', 'vQ': 0.1 + 0.2},
            {'pair': 'ä\nc', 'method': 'max', 'vQ': 1.0, 'kept': 1e-17}]
    write_scores(tmp_path / 'scores.csv', rows)
    with (tmp_path / 'scores.csv').open(newline='', encoding='utf-8') as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == ['pair', 'method', 'vQ', 'kept']
    assert read[0] == {'pair': 'a, "b"', 'method': 'mean', 'vQ': '0.30000000000000004', 'kept': ''}
    assert {**read[1], 'vQ': float(read[1]['vQ']), 'kept': float(read[1]['kept'])} == rows[1]


def test_no_rows_leave_an_empty_table(tmp_path: Path) -> None:
    write_scores(tmp_path / 'scores.csv', [])
    assert (tmp_path / 'scores.csv').read_text().strip() == ''
