# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a run that was written out by hand."""
from typing import Any

import pytest

from degfuse_ros.cli.latency_summary import LatencySummary
from degfuse_ros.cli.process_usage import ProcessUsage

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND
SETTLE = 5.0


def report(second: float, **values: str) -> dict[str, Any]:
    """Build one line of diagnostics.jsonl."""
    return {'received': BEGIN + round(second * SECOND), 'values': {
        'device_name': 'a card', 'precision': 'float16', 'model': 'lite', 'engine_mean_ms': '2.0',
        'latency_mean_ms': '4.5', 'engine_cpu_mean_ms': '1.5', 'output_rate_hz': '20.0',
        'gpu_memory_mib': '100.0', 'dropped.mailbox': '3', 'dropped.inference': '0', **values}}


@pytest.fixture
def run() -> LatencySummary:
    """25 s at 20 Hz, every tenth pair lost, a millisecond later each second, none fused once."""
    sent = [BEGIN + number * SECOND // 20 for number in range(500)]
    results = [{'stamp': stamp, 'latency_ms': 5.0 + number // 20 if number >= 100 else 900.0}
               for number, stamp in enumerate(sent) if number % 10]
    reports = [report(0.5, engine_mean_ms=''), report(1.5, engine_mean_ms='70'),
               report(5.5, engine_mean_ms='60'),  # tells of time before the fifth second too
               *(report(second + 0.5, gpu_memory_mib=f'{100 + second}')
                 for second in range(6, 24)),
               report(24.5, engine_mean_ms='', latency_mean_ms='', engine_cpu_mean_ms='',
                      output_rate_hz='0.0', gpu_memory_mib='124'),
               report(25.5, engine_mean_ms='50')]
    usage = [ProcessUsage(BEGIN + second * SECOND, 2.0 + 0.1 * second, 300.0 + 2 * second)
             for second in range(26)]
    return LatencySummary(sent, results, reports, usage, SETTLE)


def test_only_what_comes_after_the_beginning_counts(run: LatencySummary) -> None:
    numbers = run.numbers()
    assert (numbers['published'], numbers['received'], numbers['lost']) == (400, 360, 40)
    assert numbers['rate_hz'] == 20.0 and numbers['dropped'] == {'dropped.mailbox': 3}
    # Of 360 in order, 18 each of 10 to 29, the place .95 × 359 is 341.05: a twentieth past 28.
    assert numbers['latency_ms'] == {'p50': 19.5, 'p95': 28.05, 'p99': 29.0, 'max': 29.0}
    assert (numbers['engine_ms'], numbers['node_ms']) == (2.0, 2.5)
    assert (numbers['device'], numbers['precision'], numbers['model']) == (
        'a card', 'float16', 'lite')


def test_the_nodes_own_share_is_without_the_engine(run: LatencySummary) -> None:
    numbers = run.numbers()
    # A tenth of a core; of it, in 18 of 19 seconds, 20 times 1.5 ms in the engine.
    assert numbers['cores'] == 0.1
    assert numbers['node_cores'] == pytest.approx(0.1 - 0.03 * 18 / 19, abs=0.001)


def test_growth_is_from_the_first_tenth_to_the_last(run: LatencySummary) -> None:
    numbers = run.numbers()
    assert len(numbers['windows']) == 10
    first, last = numbers['windows'][0], numbers['windows'][-1]
    assert (first['from'], last['to']) == (0.0, pytest.approx(20.0, abs=0.1))
    assert (first['p50'], last['p50']) == (10.5, 28.5)
    assert numbers['growth'] == {
        'p50': 18.0, 'p99': 18.0, 'memory_mib': last['memory_mib'] - first['memory_mib'],
        'gpu_memory_mib': last['gpu_memory_mib'] - first['gpu_memory_mib']}
    # Eighteen seconds apart, at 2 MiB and 1 MiB a second.
    assert numbers['growth']['memory_mib'] == pytest.approx(36.0, abs=2.0)
    assert numbers['growth']['gpu_memory_mib'] == pytest.approx(17.5, abs=1.5)
    text = run.text()
    assert 'p50 18.0' in text and len(text.splitlines()) == 7 + 10


def test_a_run_of_which_nothing_came_is_all_none() -> None:
    for sent in ([], [BEGIN], [BEGIN, BEGIN + 9 * SECOND]):
        empty = LatencySummary(sent, [], [], [], SETTLE)
        numbers = empty.numbers()
        assert numbers['received'] == 0 and numbers['latency_ms']['p50'] is None
        assert numbers['cores'] is None and numbers['growth']['p50'] is None
        assert 'received 0' in empty.text()
