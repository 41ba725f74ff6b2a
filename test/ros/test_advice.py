# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What is said about a snapshot: every text its own, none where all is well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from degfuse_ros.camera.time_offset import OffsetEstimate
from degfuse_ros.ros.advice import ADVISED, ERROR, WARN, Topics, advise
from degfuse_ros.ros.parameter_table import ROWS
from degfuse_ros.ros.snapshot import RegistrationSnapshot, Snapshot, TopicSnapshot

TOPICS = Topics('/rgb/image_raw', '/ir/image_raw', 1, 1)
VALUES = {name: ROWS[name].default for name in ADVISED}
SECOND = 1_000_000_000

GOOD = TopicSnapshot(arrived=90, accepted=90, rate=30.0, silent_for=0.01, useless_for=0.01,
                     last_stamp=12 * SECOND)
LOST = replace(GOOD, silent_for=5.0, useless_for=5.0)
HEALTHY = Snapshot(
    visible=GOOD, thermal=GOOD, pairs=90, since_pair=0.01, pair_rate=30.0, output_rate=2.0,
    last_offset=0, offsets=[0], smallest_offset=None, drops={'mailbox': 80},
    new_drops={'mailbox': (28, '')}, time_jumps=0, new_jumps={}, latencies=[0.5],
    engine_times=[0.4], engine_cpu=[0.4], batches=[1], busy_for=0.4, label='fog',
    failures=0, failure='', failing=False, notices={})


def advice(values: dict[str, Any] = VALUES, **changes: Any) -> list[tuple[int, str]]:
    """Return level and text of the advice on a healthy node with changes."""
    found = advise(replace(HEALTHY, **changes), TOPICS, values)
    assert all('\n' not in item.text for item in found)
    return [(item.level, item.text) for item in found]


def test_a_slow_but_healthy_node_gets_none() -> None:
    assert advice() == []


def test_one_silent_topic_warns_both_are_an_error() -> None:
    [(level, text)] = advice(thermal=LOST)
    assert level == WARN
    assert text == ('/ir/image_raw is silent for 5.0 s. Got 90 images from 1 publisher(s) before, '
                    'last stamp 12.000. Check the thermal camera; until then the visible image is '
                    'published alone')
    assert [level for level, _ in advice(thermal=LOST, visible=LOST)] == [ERROR, ERROR]


def test_no_publisher_is_told_apart_from_silence() -> None:
    found = advise(replace(HEALTHY, visible=TopicSnapshot(silent_for=9.0, useless_for=9.0)),
                   replace(TOPICS, visible_publishers=0), VALUES)
    assert [item.text for item in found] == [
        'no publisher on /rgb/image_raw. Start the visible camera, or name its topic by the '
        'launch argument visible:=TOPIC; until then the thermal image is published alone']


def test_what_is_published_meanwhile_depends_on_the_parameter_and_on_the_other_camera() -> None:
    silent = {**VALUES, 'lost_camera': 'silent'}
    ends = [text.rpartition('; ')[2] for _, text in [
        *advice(silent, visible=LOST), *advice(visible=LOST, thermal=LOST)]]
    assert ends == ['nothing is published until then'] * 3


def test_a_camera_of_which_no_image_can_be_used_is_lost() -> None:
    useless = replace(GOOD, useless_for=5.0)
    [(level, text)] = advice(thermal=useless)
    assert level == WARN and text.startswith(
        'no image of /ir/image_raw could be used for 5.0 s, 90 have come in all')
    assert text.endswith('until then the visible image is published alone')
    assert [level for level, _ in advice(thermal=useless, visible=useless)] == [ERROR, ERROR]


def test_frozen_thermal_images_count_as_a_lost_camera() -> None:
    [(level, text)] = advice(frozen=True)
    assert level == WARN and text.startswith('the images of /ir/image_raw are all the same')
    assert text.endswith('until then the visible image is published alone')
    assert [level for level, _ in advice(frozen=True, visible=LOST)] == [ERROR, ERROR]
    assert len(advice(frozen=True, thermal=LOST)) == 1  # silence says enough


@pytest.mark.parametrize(('offset', 'action'), [
    (-45_000_000, 'Raise sync_slop above 0.045 (now 0.02) or trigger both cameras together; where '
     'such images show the same moment, set thermal_time_offset to -0.045'),
    (10_000_000, 'Raise sync_queue_size above 10'),
    (3 * SECOND, 'The clocks differ by more than sync_slop (0.02) can bridge: synchronise the '
     'cameras to one clock, or set thermal_time_offset to 3.000 where the difference stays'),
])
def test_no_pairs_says_what_to_change(offset: int, action: str) -> None:
    [(level, text)] = advice(since_pair=4.0, smallest_offset=offset)
    assert level == ERROR and action in text
    assert 'no pairs for 4.0 s' in text and f'{offset / SECOND:.3f} s' in text
    assert '90 images of /rgb/image_raw, last stamp 12.000' in text


def test_no_pairs_of_a_slow_thermal_camera_names_the_other_pairing() -> None:
    seen: dict[str, Any] = {'since_pair': 4.0, 'smallest_offset': 45_000_000, 'thermal': replace(
        GOOD, rate=9.0)}
    [(_, text)] = advice(**seen)
    assert text.endswith(
        'The thermal camera is slower (9.0 Hz against 30.0 Hz): set pairing to nearest')
    for values, changes in (({**VALUES, 'pairing': 'nearest'}, {}),
                            (VALUES, {'smallest_offset': -45_000_000}),
                            (VALUES, {'smallest_offset': 200_000_000})):
        [(_, text)] = advice(values, **{**seen, **changes})
        assert 'Raise sync_slop' in text and 'pairing to' not in text


def test_an_advised_offset_adds_to_the_one_that_is_set() -> None:
    [(_, text)] = advice({**VALUES, 'thermal_time_offset': -1.0}, since_pair=4.0,
                         smallest_offset=300_000_000)
    assert 'set thermal_time_offset to -0.700' in text


def test_no_pairs_is_not_said_of_a_silent_topic() -> None:
    assert len(advice(since_pair=4.0, smallest_offset=SECOND, thermal=LOST)) == 1


def test_drops_are_told_with_topic_and_reason() -> None:
    [(level, text)] = advice(new_drops={'thermal.truncated': (3, '5 bytes of data')})
    assert (level, text) == (
        WARN, 'dropped 3 images of /ir/image_raw (truncated): 5 bytes of data')
    [(_, text)] = advice(new_drops={'max_age': (2, '0.9 s old')})
    assert text == 'dropped 2 pairs (max_age): 0.9 s old'


def test_worst_comes_first() -> None:
    found = advice(failures=7, failing=True, failure='no memory',
                   notices={'fused/image': 'a subscriber asks for more'})
    assert [level for level, _ in found] == [ERROR, WARN]
    assert found[0][1].startswith('the last 7 inferences failed: no memory. If it stays so, ')
    assert found[1][1] == 'a subscriber asks for more'
    assert advice(failures=1, failure='odd') == [(WARN, 'an inference failed: odd')]


def test_a_pair_that_does_not_come_out_of_the_engine_is_an_error() -> None:
    assert advice(busy_for=4.0) == []
    [(level, text)] = advice(busy_for=31.04)
    assert level == ERROR and 'in the engine for 31.0 s' in text and 'restart the node' in text


def test_stamps_that_keep_going_back_are_told_once_is_a_bag_that_begins_anew() -> None:
    assert advice(time_jumps=7, new_jumps={'visible': 1, 'thermal': 1}) == []
    [(level, text)] = advice(new_jumps={'thermal': 12})
    assert level == WARN and text.startswith(
        'stamps of /ir/image_raw went back 12 times; two publishers on it, or clocks that differ?')


def test_stamps_ahead_of_the_clock_are_told() -> None:
    [(level, text)] = advice(ahead={'thermal': 3600 * SECOND})
    assert level == WARN and text.startswith(
        'stamps of /ir/image_raw are 3600.0 s ahead of the clock of this node. Synchronise')


def test_a_registration_that_drifts_is_told_with_what_to_do() -> None:
    [(level, text)] = advice(registration=RegistrationSnapshot(0.021, 0.064, True))
    assert level == WARN and 'registration_score 0.021, registration_usual 0.064' in text
    assert 'fused/overlay' in text and 'degfuse calibrate' in text
    assert advice(registration=RegistrationSnapshot(0.021, 0.064, False)) == []


@pytest.mark.parametrize(('offset', 'spread', 'told'), [
    (-0.15, 0.005, True), (0.019, 0.005, False), (0.05, 0.06, False), (0.05, 0.03, True)])
def test_motion_that_contradicts_the_offset_is_told(
        offset: float, spread: float, told: bool) -> None:
    for present in (0.0, 3.0):
        found = advice({**VALUES, 'thermal_time_offset': present},
                       estimate=OffsetEstimate(present + offset, 0.91, spread))
        assert len(found) == told
        if told:
            [(level, text)] = found
            assert level == WARN and text.endswith(
                f'set thermal_time_offset to {present + offset:.3f}')
            assert 'correlation 0.91' in text
