# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stages take the time between their marks, and all of it."""

import time

import pytest
import torch

from degfuse_ros.engine.benchmark.clock import StageClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StageClock:
    """A clock whose readings are 0, 1, 4, 9, … seconds."""
    squares = (float(number ** 2) for number in range(100))
    monkeypatch.setattr(time, 'perf_counter', lambda: next(squares))
    return StageClock(torch.device('cpu'))


def test_stages_fill_the_time_from_the_first_mark_to_the_reading(clock: StageClock) -> None:
    for stage in ('one', 'two', 'three'):
        clock.mark(stage)
    times = clock.read()
    assert times == {'one': 1000, 'two': 3000, 'three': 5000}
    assert sum(times.values()) == 9000


def test_a_stage_in_two_parts_has_their_sum(clock: StageClock) -> None:
    for stage in ('one', 'two', 'one'):
        clock.mark(stage)
    assert clock.read() == {'one': 6000, 'two': 3000}


def test_a_reading_empties_the_clock(clock: StageClock) -> None:
    clock.mark('one')
    clock.read()
    clock.mark('two')
    assert list(clock.read()) == ['two']
