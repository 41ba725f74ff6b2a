# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a demo from hand-made records."""
from typing import Any

from degfuse_ros.demo.summary import DemoSummary, read_lines


def truth(index: int, label: str, faint: bool = False) -> dict[str, Any]:
    return {'index': index, 'stamp': index * 100_000_000, 'class': label, 'faint': faint}


def result(index: int, label: str, latency: float) -> dict[str, Any]:
    stamp = index * 100_000_000
    return {'stamp': stamp, 'received': stamp + int(latency * 1e6), 'latency_ms': latency,
            'label': label}


RECORD = DemoSummary(
    [truth(0, 'clean'), truth(1, 'fog', faint=True), truth(2, 'fog'), truth(3, 'fog'),
     truth(4, 'rain')],
    [result(0, 'clean', 10.0), result(1, 'clean', 20.0), result(2, 'fog', 30.0),
     result(4, 'fog', 40.0), result(77, 'fog', 1.0)],
    [{'values': {'output_rate_hz': '3.0', 'device': 'cpu'}}, {'values': {'output_rate_hz': ''}}])


def test_counts_and_rates() -> None:
    numbers = RECORD.numbers()
    assert (numbers['published'], numbers['fused'], numbers['not_fused']) == (5, 4, 1)
    assert numbers['published_rate_hz'] == 10.0
    assert numbers['without_truth'] == 1
    assert numbers['latency_ms'] == {'p50': 25.0, 'p99': 39.7, 'max': 40.0}


def test_faint_frames_are_not_judged() -> None:
    numbers = RECORD.numbers()
    assert (numbers['judged'], numbers['right']) == (3, 2)
    assert numbers['classes']['rain'] == {'frames': 1, 'seen_as': {'fog': 1}}


def test_the_last_report_of_a_fusing_node_counts() -> None:
    assert RECORD.numbers()['diagnostics']['device'] == 'cpu'


def test_the_text_shows_truth_and_answer_over_time() -> None:
    text = RECORD.text()
    assert 'class right on 2 of 3 frames (67 %)' in text
    assert '  truth |R|' in text and '  seen  |F|' in text


def test_nothing_received_is_no_error() -> None:
    summary = DemoSummary([truth(0, 'clean')], [], [])
    assert summary.numbers()['accuracy'] is None
    assert 'fused 0' in summary.text()


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Any) -> None:
    assert read_lines(tmp_path / 'none.jsonl') == []
