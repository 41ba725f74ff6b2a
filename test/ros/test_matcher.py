# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairing by stamps: against message_filters, with rates that differ, and with hostile stamps."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from image_messages import image
from message_filters import ApproximateTimeSynchronizer, SimpleFilter

from degfuse_ros.ros.matcher import Matcher, MatcherSettings
from degfuse_ros.ros.parameter_table import ROWS
from degfuse_ros.ros.stamps import stamp_of

MILLISECOND = 1_000_000
HOUR = 3_600_000  # milliseconds

# What happens in a test: topic and stamp in milliseconds, in the order of arrival.
Events = list[tuple[str, float]]

DEFAULT = MatcherSettings.read(lambda name: ROWS[name].default)
NEAREST = replace(DEFAULT, pairing='nearest')


class Run:
    """A matcher and all that it gave.

    Attributes:
        pairs: visible and thermal stamps, in milliseconds.
        after: for each pair, the number of images that had come.
        drops: by kind.
        jumps: by topic.
    """

    def __init__(self, settings: MatcherSettings, events: Events | None = None) -> None:
        """Feed the events."""
        self.pairs: list[tuple[float, float]] = []
        self.after: list[int] = []
        self.reused: list[bool] = []
        self.offsets: list[float] = []
        self.drops: Counter[str] = Counter()
        self.jumps: Counter[str] = Counter()
        self._fed = 0
        self.matcher = Matcher(
            settings, lambda kind, reason: self.drops.update([kind]),
            lambda topic: self.jumps.update([topic]))
        self.feed(events or [])

    def feed(self, events: Events) -> Run:
        """Feed more events."""
        for topic, milliseconds in events:
            self._fed += 1
            self._keep(self.matcher.add(topic, round(milliseconds * MILLISECOND), milliseconds))
        return self

    def flush(self) -> Run:
        """Take what waits."""
        self._keep(self.matcher.flush())
        return self

    def _keep(self, matches: list[Any]) -> None:
        for match in matches:
            self.pairs.append((match.visible, match.thermal))
            self.after.append(self._fed)
            self.reused.append(match.reused)
            self.offsets.append(match.offset / MILLISECOND)


def stream(topic: str, rate: float, seconds: float, start: float = 0.0,
           delay: float = 0.0) -> list[tuple[float, str, float]]:
    """Return arrival (ms), topic and stamp (ms) of a camera's images."""
    return [(start + delay + number * 1e3 / rate, topic, start + number * 1e3 / rate)
            for number in range(round(rate * seconds))]


def merged(*streams: list[tuple[float, str, float]]) -> Events:
    """Return the images of several cameras in the order of arrival."""
    return [(topic, stamp) for _, topic, stamp in sorted(sum(streams, []))]


def by_message_filters(events: Events, queue: int, slop: float) -> list[tuple[float, float]]:
    """Return the pairs of the real synchroniser, without those that go back in time."""
    inlets = {topic: SimpleFilter() for topic in ('visible', 'thermal')}
    pairs: list[tuple[float, float]] = []

    def keep(*messages: Any) -> None:
        visible, thermal = (stamp_of(message) / MILLISECOND for message in messages)
        if not pairs or visible >= pairs[-1][0]:
            pairs.append((visible, thermal))

    synchronizer = ApproximateTimeSynchronizer(list(inlets.values()), queue, slop)
    synchronizer.registerCallback(keep)
    for topic, milliseconds in events:
        inlets[topic].signalMessage(image(round(milliseconds * MILLISECOND), height=0, data=b''))
    return pairs


@pytest.mark.parametrize('seed', range(20))
def test_exact_once_gives_the_pairs_of_message_filters(seed: int) -> None:
    random = np.random.default_rng(seed)
    streams = []
    for topic in ('visible', 'thermal'):
        rate = random.uniform(5, 60)
        frames = stream(topic, rate, 8.0, start=1000 + random.uniform(0, 200),
                        delay=random.uniform(0, 150))
        jitter = np.sort(random.uniform(0, 900 / rate, len(frames)))  # stamps stay in order
        streams.append([(arrival + late, topic, round(stamp + late, 3))
                        for (arrival, topic, stamp), late in zip(frames, jitter, strict=True)
                        if random.random() > 0.15])
    queue, slop = int(random.integers(1, 12)), float(random.uniform(0.01, 0.12))
    events = merged(*streams)
    run = Run(replace(DEFAULT, sync_queue_size=queue, sync_slop=slop), events)
    assert run.pairs == by_message_filters(events, queue, slop)
    assert len(run.pairs) > 3 and not run.jumps
    assert len({visible for visible, _ in run.pairs}) == len(run.pairs)
    assert len({thermal for _, thermal in run.pairs}) == len(run.pairs)


def test_exact_once_never_goes_back() -> None:
    wide = replace(DEFAULT, sync_slop=0.2)
    run = Run(wide, [('visible', 0), ('visible', 100), ('thermal', 100), ('thermal', 150)])
    assert run.pairs == [(100, 100)] and run.drops == {'out_of_order': 1}


def test_a_difference_of_the_slop_does_not_pair() -> None:
    assert not Run(DEFAULT, [('visible', 100), ('thermal', 120)]).pairs
    assert Run(DEFAULT, [('visible', 100), ('thermal', 119.999)]).pairs


@pytest.mark.parametrize('delay', [0.0, 60.0])
def test_nearest_pairs_every_visible_image_of_30_hz_with_9_hz(delay: float) -> None:
    events = merged(stream('visible', 30, 10), stream('thermal', 9, 10, delay=delay))
    run = Run(NEAREST, events).flush()
    assert [visible for visible, _ in run.pairs] == [
        stamp for topic, stamp in events if topic == 'visible'][-len(run.pairs):]
    assert len(run.pairs) >= 297  # of 300; none before the first thermal image came
    assert sum(not reused for reused in run.reused) == len({thermal for _, thermal in run.pairs})
    assert len({thermal for _, thermal in run.pairs}) >= 89
    assert max(run.offsets) <= 150 and min(run.offsets) > -20


def test_nearest_takes_the_nearest_where_thermal_is_in_time() -> None:
    events = merged(stream('visible', 30, 10), stream('thermal', 9, 10, delay=0.5))
    thermal = [stamp for topic, stamp in events if topic == 'thermal']
    for visible, partner in Run(NEAREST, events).flush().pairs:
        expected = min((each for each in thermal if each < visible + 20),
                       key=lambda each: abs(each - visible))
        assert partner == expected


def test_nearest_waits_only_while_a_nearer_image_is_due() -> None:
    # 10 Hz: thermal at 0, 100, 200; due within the slop of 20 ms only for those at 90 and 190.
    run = Run(NEAREST, [('thermal', 0), ('thermal', 100), ('visible', 110)])
    assert (run.pairs, run.after) == ([(110, 100)], [3])
    run.feed([('visible', 150), ('visible', 190)])
    assert (run.pairs[1:], run.after[1:]) == ([(150, 100)], [4])
    run.feed([('thermal', 200)])
    assert (run.pairs[2:], run.after[2:]) == ([(190, 200)], [6])
    # The thermal camera is late: the visible image goes out a slop later, at the next one.
    run.feed([('visible', 295), ('visible', 310), ('visible', 320)])
    assert (run.pairs[3:], run.after[3:]) == ([(295, 200)], [9])


def test_nearest_of_two_cameras_in_step_does_not_depend_on_which_comes_first() -> None:
    visible, thermal = (stream(topic, 30, 5) for topic in ('visible', 'thermal'))
    late = [(arrival + 1, topic, stamp) for arrival, topic, stamp in thermal]
    early = [(arrival - 1, topic, stamp) for arrival, topic, stamp in thermal]
    pairs = [Run(NEAREST, merged(visible, each)).flush().pairs for each in (early, late)]
    assert pairs[0] == pairs[1] == [(stamp, stamp) for _, _, stamp in visible]


def test_nearest_takes_no_thermal_image_older_than_its_maximum() -> None:
    events: Events = [('thermal', 0), *(('visible', 10.0 + 50 * step) for step in range(8))]
    run = Run(replace(NEAREST, thermal_max_age=0.11), events)
    assert run.pairs == [(10, 0), (60, 0), (110, 0)] and run.reused == [False, True, True]


def test_nearest_with_rates_that_swing() -> None:
    random = np.random.default_rng(5)
    streams, now = [], {'visible': 0.0, 'thermal': 0.0}
    for topic, rates in (('visible', (60, 7, 30)), ('thermal', (9, 60, 25, 9))):
        frames: list[tuple[float, str, float]] = []
        for rate in rates * 3:
            for _ in range(20):
                now[topic] += 1e3 / rate * random.uniform(0.7, 1.3)
                frames.append((now[topic] + random.uniform(0, 10), topic, now[topic]))
        streams.append(sorted(frames))
    end = min(now.values())
    events = [event for event in merged(*streams) if event[1] < end]
    pairs = Run(NEAREST, events).flush().pairs
    visible = [stamp for topic, stamp in events if topic == 'visible' and stamp > 150]
    assert len(pairs) >= 0.98 * len(visible)
    assert pairs == sorted(pairs)  # neither goes back


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
def test_time_offset_is_added_to_thermal_stamps(settings: MatcherSettings) -> None:
    events = merged(stream('visible', 30, 3, start=5000),
                    stream('thermal', 30, 3, start=5150, delay=-140))
    run = Run(replace(settings, thermal_time_offset=-0.15), events).flush()
    assert len(run.pairs) == 90
    assert all(thermal - visible == pytest.approx(150) for visible, thermal in run.pairs)
    assert run.offsets == pytest.approx([0.0] * 90)


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST, replace(DEFAULT, sync_slop=0.09)])
@pytest.mark.parametrize('first', ['visible', 'thermal'])
@pytest.mark.parametrize('thermal_rate', [30, 9])
def test_the_same_bag_twice_gives_the_same_pairs_twice(
        settings: MatcherSettings, first: str, thermal_rate: float) -> None:
    delays = {'visible': 0.0, 'thermal': 7.0, first: -7.0}
    bag = merged(stream('visible', 30, 3, delay=delays['visible']),
                 stream('thermal', thermal_rate, 3, delay=delays['thermal']))
    run = Run(settings)
    for _ in range(3):
        run.feed(bag)
    once = Run(settings, bag).flush().pairs
    assert len(once) > 20 and run.flush().pairs == once * 3
    assert run.jumps == {first: 2}  # each loop is one jump, though both topics go back


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
@pytest.mark.parametrize('topic', ['visible', 'thermal'])
def test_two_neighbours_that_are_swapped_cost_one_image(
        settings: MatcherSettings, topic: str) -> None:
    """Every seventh image comes after the next one."""
    frames = {each: stream(each, 30, 4, delay=5.0 * (each == 'thermal'))
              for each in ('visible', 'thermal')}
    late = [number for number in range(len(frames[topic])) if number % 7 == 6]
    for number in late:
        arrival, _, stamp = frames[topic][number]
        frames[topic][number] = (arrival + 40.0, topic, stamp)
    whole = [stamp for _, _, stamp in stream('visible', 30, 4)]
    lost = {whole[number] for number in late}
    run = Run(settings, merged(*frames.values())).flush()
    assert run.drops == {'out_of_order': len(late)} and not run.jumps
    visible = [stamp for stamp, _ in run.pairs]
    # A lost thermal image's neighbour serves `nearest` instead.
    everything = settings is NEAREST and topic == 'thermal'
    assert visible == [stamp for stamp in whole if everything or stamp not in lost]


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
@pytest.mark.parametrize('images', [2, 4, 5, 6, 15])
def test_a_bag_of_a_few_images_that_is_played_for_ever_keeps_pairing(
        settings: MatcherSettings, images: int) -> None:
    bag = merged(stream('visible', 30, images / 30), stream('thermal', 30, images / 30, delay=3.0))
    run = Run(settings)
    for _ in range(10):
        run.feed(bag)
    assert run.flush().pairs == Run(settings, bag).flush().pairs * 10
    assert run.jumps == {'visible': 9} and not run.drops


@pytest.mark.parametrize('back', [0.3, 1.0, 30.0])
def test_a_jump_back_costs_nothing(back: float) -> None:
    frames = merged(stream('visible', 30, 2, start=40_000),
                    stream('thermal', 30, 2, start=40_000, delay=3.0))
    again = [(topic, stamp + 2_000 - 1e3 / 30 - 1e3 * back) for topic, stamp in frames]
    run = Run(DEFAULT, frames + again)
    assert len(run.pairs) == 120 and run.jumps == {'visible': 1} and not run.drops


def test_stamps_that_stay_among_the_last_few_do_not_block_for_ever() -> None:
    rising: Events = [(topic, 100.0 * step) for step in range(5)
                      for topic in ('visible', 'thermal')]
    among: Events = [(topic, stamp) for stamp in (200.0, 300.0) * 50
                     for topic in ('visible', 'thermal')]
    run = Run(DEFAULT, rising + among)
    assert len(run.pairs) > 80


def test_nearest_pairs_a_visible_stamp_that_comes_twice_once() -> None:
    twice = [event for event in merged(stream('visible', 30, 5), stream('thermal', 9, 5))
             for _ in range(2)]
    once = Run(NEAREST, twice[::2]).flush()
    run = Run(NEAREST, twice).flush()
    assert run.pairs == once.pairs and len(run.pairs) > 140
    assert run.reused == once.reused
    assert 100 < run.drops.pop('visible.repeated_stamp') <= 150 and not run.drops


def test_a_late_image_of_the_first_pass_costs_no_pair_of_the_second() -> None:
    run = Run(DEFAULT, [('visible', 900), ('thermal', 900), ('visible', 1000), ('visible', 0),
                        ('thermal', 1000), ('thermal', 0), ('thermal', 100), ('visible', 100)])
    assert run.pairs == [(900, 900), (0, 0), (100, 100)] and run.jumps == {'visible': 1}


@pytest.mark.parametrize('topic', ['visible', 'thermal'])
@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
def test_one_image_far_in_the_future_costs_that_image_only(
        settings: MatcherSettings, topic: str) -> None:
    for order in (('visible', 'thermal'), ('thermal', 'visible')):
        events: Events = [(each, 100 * step + (10 * HOUR if (step, each) == (5, topic) else 0))
                          for step in range(10) for each in order]
        run = Run(settings, events).flush()
        expected = [(100 * step, 100 * step) for step in range(10) if step != 5]
        kept = [pair for pair in run.pairs if pair[0] != 500]  # nearest may reuse a thermal one
        assert kept == expected
        assert run.drops == {f'{topic}.future_stamp': 1} and not run.jumps


def test_two_publishers_of_different_clocks_are_jumps() -> None:
    events: Events = []
    for step in range(20):
        events += [('visible', HOUR + 100 * step), ('thermal', HOUR + 100 * step),
                   ('visible', 100 * step)]
    run = Run(DEFAULT, events)
    assert run.jumps == {'visible': 20} and not run.drops
    assert run.pairs == [(HOUR + 100 * step, HOUR + 100 * step) for step in range(20)]


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
def test_both_clocks_far_in_the_future_for_a_while(settings: MatcherSettings) -> None:
    leaps = [0, 0, 10 * HOUR, 10 * HOUR, 10 * HOUR, 0, 0]
    events: Events = [(topic, 100 * step + leap) for step, leap in enumerate(leaps)
                      for topic in ('visible', 'thermal')]
    run = Run(settings, events).flush()
    assert [visible for visible, _ in run.pairs] == [100 * step + leap
                                                     for step, leap in enumerate(leaps)]
    assert run.jumps == {'visible': 1}


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
@pytest.mark.parametrize('hours', [-3, 3])
def test_stamps_hours_apart_pair_as_soon_as_they_are_right(
        settings: MatcherSettings, hours: float) -> None:
    run = Run(settings, merged(stream('visible', 30, 20, start=4 * HOUR),
                               stream('thermal', 30, 20, start=(4 + hours) * HOUR,
                                      delay=-hours * HOUR)))
    assert not run.pairs
    assert len(run.matcher._topics['visible'].waiting) <= 10
    run.feed(merged(stream('visible', 30, 1, start=4 * HOUR + 25_000),
                    stream('thermal', 30, 1, start=4 * HOUR + 25_000))).flush()
    assert len(run.pairs) >= 29
    aligned = replace(settings, thermal_time_offset=-hours * 3600.0)
    assert len(Run(aligned, merged(stream('visible', 30, 2, start=4 * HOUR), stream(
        'thermal', 30, 2, start=(4 + hours) * HOUR, delay=-hours * HOUR))).flush().pairs) == 60


@pytest.mark.parametrize('settings', [DEFAULT, NEAREST])
@pytest.mark.parametrize('events', [
    [('visible', float(step)) for step in range(500)],
    [('thermal', float(step)) for step in range(500)],
    [(topic, float(-step)) for step in range(500) for topic in ('visible', 'thermal')],
    [(topic, step * HOUR * (-1.0) ** step) for step in range(500)
     for topic in ('thermal', 'visible')],
    merged(stream('visible', 1000, 1), stream('thermal', 3, 1)),
])
def test_little_waits_whatever_comes(settings: MatcherSettings, events: Events) -> None:
    run = Run(replace(settings, sync_slop=10.0))
    for event in events:
        run.feed([event])
        assert all(len(topic.waiting) <= 11 for topic in run.matcher._topics.values())


def test_an_empty_matcher_has_nothing_to_flush() -> None:
    for settings in (DEFAULT, NEAREST):
        assert Run(settings).flush().pairs == []


def test_matcher_needs_no_ros() -> None:
    code = ('import sys, degfuse_ros.ros.matcher; '
            'sys.exit(any(name.split(".")[0] in ("rclpy", "torch", "sensor_msgs") '
            'for name in sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
