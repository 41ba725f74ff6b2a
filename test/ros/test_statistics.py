# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Counts, means and rates, with a clock that the test moves."""

from __future__ import annotations

import pytest

from degfuse_ros.ros import statistics
from degfuse_ros.ros.snapshot import RegistrationSnapshot
from degfuse_ros.ros.statistics import Statistics

MILLISECOND = 1_000_000


class FakeTime:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        """Start somewhere."""
        self.now = 500.0

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """The clock that Statistics reads."""
    fake = FakeTime()
    monkeypatch.setattr(statistics, 'time', fake)
    return fake


def test_rates_are_of_the_period_and_counts_of_all(clock: FakeTime) -> None:
    counted = Statistics()
    for expected_rate, images in ((10.0, 20), (5.0, 10)):
        for number in range(images):
            counted.arrived('visible')
            counted.accepted('visible', number)
            counted.paired(0)
            counted.published('fog', 0.25, 0.125, 0.5)
        clock.now += 2.0
        snapshot = counted.snapshot()
        assert snapshot.visible.rate == snapshot.pair_rate == expected_rate
        assert snapshot.output_rate == expected_rate and snapshot.thermal.rate == 0.0
    assert (snapshot.visible.arrived, snapshot.pairs, snapshot.label) == (30, 30, 'fog')
    assert snapshot.engine_times == [0.25] * 10 and snapshot.latencies == [0.5] * 10
    assert snapshot.engine_cpu == [0.125] * 10


def test_silence_is_measured_from_the_last_image_or_the_start(clock: FakeTime) -> None:
    counted = Statistics()
    clock.now += 3.0
    counted.arrived('visible')
    clock.now += 1.0
    snapshot = counted.snapshot()
    assert (snapshot.visible.silent_for, snapshot.thermal.silent_for) == (1.0, 4.0)
    assert (snapshot.visible.useless_for, snapshot.thermal.useless_for) == (4.0, 4.0)
    counted.accepted('visible', 1)
    counted.alone('thermal', 1)
    clock.now += 0.5
    snapshot = counted.snapshot()
    assert (snapshot.visible.useless_for, snapshot.thermal.useless_for) == (0.5, 0.5)
    assert snapshot.since_pair == 4.5


def test_smallest_offset_is_signed_and_of_images_since_the_last_pair() -> None:
    counted = Statistics()
    counted.accepted('visible', 0)
    counted.accepted('thermal', 0)
    counted.paired(0)
    assert counted.snapshot().smallest_offset is None
    counted.accepted('visible', 1000 * MILLISECOND)
    counted.accepted('thermal', 1150 * MILLISECOND)
    assert counted.snapshot().smallest_offset == -150 * MILLISECOND
    counted.accepted('visible', 1200 * MILLISECOND)
    assert counted.snapshot().smallest_offset == 50 * MILLISECOND
    counted.jumped('visible')
    snapshot = counted.snapshot()
    assert snapshot.smallest_offset is None and snapshot.time_jumps == 1
    assert snapshot.new_jumps == {'visible': 1}
    later = counted.snapshot()
    assert later.new_jumps == {} and later.time_jumps == 1


def test_drops_are_counted_for_ever_and_told_once() -> None:
    counted = Statistics()
    counted.accepted('visible', 1)
    counted.dropped('mailbox')
    counted.dropped('visible.empty', 'no data')
    counted.dropped('visible.empty', 'no data at all')
    first, second = counted.snapshot(), counted.snapshot()
    assert first.new_drops == {'mailbox': (1, ''), 'visible.empty': (2, 'no data at all')}
    assert second.new_drops == {}
    assert second.drops == {'mailbox': 1, 'visible.empty': 2, 'unmatched_visible': 1,
                            'unmatched_thermal': 0}


def test_failing_means_several_without_a_success() -> None:
    counted = Statistics()
    states = []
    for _ in range(3):
        counted.failed('no memory')
        states.append(counted.snapshot().failing)
    assert states == [False, False, True]
    counted.published('fog', 0.1, 0.1, 0.1)
    snapshot = counted.snapshot()
    assert not snapshot.failing and snapshot.failures == 0
    assert snapshot.drops['inference'] == 3


def test_notice_of_a_silent_input_stays_others_are_told_once() -> None:
    counted = Statistics()
    counted.notice('thermal', 'incompatible')
    counted.notice('fused/image', 'incompatible too')
    assert set(counted.snapshot().notices) == {'thermal', 'fused/image'}
    assert set(counted.snapshot().notices) == {'thermal'}
    counted.arrived('thermal')
    counted.snapshot()
    assert counted.snapshot().notices == {}


def test_restart_forgets() -> None:
    counted = Statistics()
    counted.dropped('mailbox')
    counted.arrived('visible')
    counted.registered(0.05, 0.06, False)
    assert counted.snapshot().registration == RegistrationSnapshot(0.05, 0.06, False)
    counted.restart()
    snapshot = counted.snapshot()
    assert snapshot.registration is None
    assert snapshot.visible.arrived == 0 and 'mailbox' not in snapshot.drops


def test_a_pair_at_hand_is_timed_until_it_is_done(clock: FakeTime) -> None:
    counted = Statistics()
    assert counted.snapshot().busy_for == 0.0
    counted.begun()
    clock.now += 7.0
    assert counted.snapshot().busy_for == 7.0
    counted.ended()
    clock.now += 1.0
    assert counted.snapshot().busy_for == 0.0


def test_offsets_are_of_the_times_compared_and_a_reused_image_is_matched_once() -> None:
    counted = Statistics()
    counted.accepted('thermal', 150 * MILLISECOND, 0)
    for number in range(3):
        counted.accepted('visible', (5 + number) * MILLISECOND)
    snapshot = counted.snapshot()
    assert snapshot.smallest_offset == 5 * MILLISECOND
    assert snapshot.thermal.last_stamp == 150 * MILLISECOND
    counted.paired(5 * MILLISECOND)
    counted.paired(6 * MILLISECOND, reused=True)
    assert counted.snapshot().drops == {'unmatched_visible': 1, 'unmatched_thermal': 0}


def test_images_published_alone_are_counted_and_are_not_unmatched() -> None:
    counted = Statistics()
    counted.alone('visible', 7)
    counted.published_thermal(0.25)
    snapshot = counted.snapshot()
    assert snapshot.alone == {'visible': 1, 'thermal': 0} and snapshot.visible.last_stamp == 7
    assert snapshot.drops == {'unmatched_visible': 0, 'unmatched_thermal': 0}
    assert snapshot.latencies == [0.25] and snapshot.engine_times == []
    assert (snapshot.output_rate > 0) and not snapshot.frozen


def test_what_is_ahead_is_told_once_what_is_frozen_as_long_as_it_is() -> None:
    counted = Statistics()
    counted.ahead('visible', 5)
    counted.frozen(True)
    first, second = counted.snapshot(), counted.snapshot()
    assert (first.ahead, second.ahead) == ({'visible': 5}, {})
    assert first.frozen and second.frozen
    counted.frozen(False)
    assert not counted.snapshot().frozen
