# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairing over real DDS, without the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from image_messages import IMAGE_QOS, image
from moving_scene import MovingScene
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from degfuse_ros.camera.time_offset import OffsetEstimate, TimeOffset
from degfuse_ros.ros import pairing as pairing_module
from degfuse_ros.ros.matcher import Matcher
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.pairing import ESTIMATE_PERIOD, Pairing
from degfuse_ros.ros.parameters import Parameters
from degfuse_ros.ros.stamps import stamp_of
from degfuse_ros.ros.statistics import Statistics

MILLISECOND = 1_000_000
START = 1_000_000 * MILLISECOND


class Bench:
    """A Pairing, two publishers, and an executor that the test turns."""

    def __init__(self, domain: int) -> None:
        """Connect everything."""
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('pairing', context=self.context,
                                      automatically_declare_parameters_from_overrides=True)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.statistics = Statistics()
        self.pairs: list[Pair] = []
        self.pairing = Pairing(
            self.node, Parameters(self.node), self.statistics, self.pairs.append)
        self.publishers = {name: self.node.create_publisher(Image, f'{name}/image', IMAGE_QOS)
                           for name in ('visible', 'thermal')}
        while not all(publisher.get_subscription_count()
                      for publisher in self.publishers.values()):
            self.executor.spin_once(timeout_sec=0.1)

    def send(self, topic: str, milliseconds: int, changes: dict[str, Any] | None = None,
             **stamp: int) -> None:
        """Publish one image and wait until it was received: reliable order for the test."""
        before = self._arrived(topic)
        message = image(START + milliseconds * MILLISECOND,
                        **{'encoding': 'mono8', **(changes or {})})
        for field, value in stamp.items():
            setattr(message.header.stamp, field, value)
        self.publishers[topic].publish(message)
        for _ in range(200):
            self.executor.spin_once(timeout_sec=0.05)
            if self._arrived(topic) > before:
                return
        raise AssertionError(f'{topic} image was lost')

    def _arrived(self, topic: str) -> int:
        return self.statistics._topics[topic].arrived

    def stamps(self) -> list[float]:
        """Return the visible stamps of the pairs, in milliseconds from the start."""
        return [(pair.stamp - START) / MILLISECOND for pair in self.pairs]

    def both(self) -> list[tuple[float | None, ...]]:
        """Return visible and thermal stamps, in milliseconds from the start; None: no image."""
        return [tuple(None if each is None else (stamp_of(each) - START) / MILLISECOND
                      for each in (pair.visible, pair.thermal)) for pair in self.pairs]

    def set(self, **values: Any) -> None:
        """Set parameters."""
        results = self.node.set_parameters(
            [Parameter(name, value=value) for name, value in values.items()])
        assert all(result.successful for result in results)

    def close(self) -> None:
        """Disconnect."""
        self.pairing.close()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)


@pytest.fixture
def bench(ros_domain: int) -> Iterator[Bench]:
    """A bench of the test's own."""
    made = Bench(ros_domain)
    yield made
    made.close()


def snapshot(bench: Bench) -> Any:
    """Return what was counted."""
    return bench.statistics.snapshot()


def test_close_stamps_pair_and_distant_do_not(bench: Bench) -> None:
    for visible, thermal in ((0, 15), (100, 125), (200, 195)):
        bench.send('visible', visible)
        bench.send('thermal', thermal)
    assert bench.stamps() == [0.0, 200.0]
    counted = snapshot(bench)
    assert counted.drops == {'unmatched_visible': 1, 'unmatched_thermal': 1}
    assert counted.offsets == [-15 * MILLISECOND, 5 * MILLISECOND]


def test_slop_changes_while_running(bench: Bench) -> None:
    bench.send('visible', 0)
    bench.send('thermal', 50)
    assert not bench.pairs
    bench.node.set_parameters([Parameter('sync_slop', value=0.1)])
    bench.send('visible', 100)
    bench.send('thermal', 150)
    assert bench.stamps() == [100.0]


def test_bag_loop_goes_on_and_is_counted(bench: Bench) -> None:
    for _ in range(2):
        for number in range(3):
            bench.send('visible', 100 * number)
            bench.send('thermal', 100 * number)
        for number in range(3, 16):  # more than the queue holds, without a partner
            bench.send('visible', 100 * number)
    assert bench.stamps() == [0, 100, 200] * 2
    assert snapshot(bench).time_jumps == 1


def test_late_match_of_an_older_pair_is_dropped(bench: Bench) -> None:
    bench.node.set_parameters([Parameter('sync_slop', value=0.2)])
    for topic, milliseconds in (('visible', 0), ('visible', 100), ('thermal', 100)):
        bench.send(topic, milliseconds)
    assert bench.stamps() == [100.0]
    bench.send('thermal', 150)  # its only partner left is the older visible image
    assert bench.stamps() == [100.0]
    assert snapshot(bench).drops['out_of_order'] == 1


def test_close_unsubscribes(bench: Bench) -> None:
    bench.pairing.close()
    for _ in range(100):
        bench.executor.spin_once(timeout_sec=0.05)
        counts = [publisher.get_subscription_count() for publisher in bench.publishers.values()]
        if not any(counts):
            break
    assert counts == [0, 0]


@pytest.mark.parametrize(('seconds', 'nanoseconds'), [
    (-1, 2_000_000_000), (-5, 0), (5, 1_000_000_000)])
def test_a_stamp_that_no_clock_gives_is_counted(
        bench: Bench, seconds: int, nanoseconds: int) -> None:
    bench.send('visible', 0, sec=seconds, nanosec=nanoseconds)
    bench.send('visible', 100)
    bench.send('thermal', 100)
    counted = snapshot(bench)
    assert bench.stamps() == [100.0] and counted.drops['visible.bad_stamp'] == 1
    assert f'{seconds} s and {nanoseconds} ns' in counted.new_drops['visible.bad_stamp'][1]


def test_a_failure_of_the_matcher_is_counted_and_the_next_pair_comes(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, *image: object) -> None:
        raise OverflowError('the stamp\nis odd')

    with monkeypatch.context() as patch:
        patch.setattr(Matcher, 'add', fail)
        bench.send('visible', 0)
        bench.send('thermal', 0)
    bench.send('visible', 100)
    bench.send('thermal', 100)
    assert bench.stamps() == [100.0]
    count, reason = snapshot(bench).new_drops['thermal.pairing']
    assert count == 1 and 'OverflowError: the stamp is odd' in reason and '\n' not in reason


def test_jumps_are_counted_by_topic(bench: Bench) -> None:
    for milliseconds in (500, 100, 600, 200):
        bench.send('thermal', milliseconds)
    counted = snapshot(bench)
    assert counted.new_jumps == {'thermal': 2} and counted.time_jumps == 2


def cameras(rates: dict[str, float], seconds: float) -> list[tuple[str, int]]:
    """Return topic and stamp in milliseconds of the cameras' images, as they come."""
    return sorted(((topic, round(1000 * number / rate)) for topic, rate in rates.items()
                   for number in range(round(rate * seconds))),
                  key=lambda image: (image[1], image[0]))


def test_nearest_pairs_30_hz_with_9_hz(bench: Bench) -> None:
    bench.set(pairing='nearest')
    images = cameras({'thermal': 9, 'visible': 30}, 1.0)
    for topic, stamp in images:
        bench.send(topic, stamp)
    assert bench.stamps() == [stamp for topic, stamp in images if topic == 'visible']
    assert {thermal for _, thermal in bench.both()} == {
        stamp for topic, stamp in images if topic == 'thermal'}
    counted = snapshot(bench)
    assert counted.drops == {'unmatched_visible': 0, 'unmatched_thermal': 0}
    assert counted.pairs == 30 and max(counted.offsets) < 112 * MILLISECOND


def test_pairing_and_offset_change_while_running(bench: Bench) -> None:
    for topic, stamp in (('thermal', 150), ('visible', 0)):
        bench.send(topic, stamp)
    assert not bench.pairs
    bench.set(thermal_time_offset=-0.15)
    for topic, stamp in (('thermal', 250), ('visible', 100)):
        bench.send(topic, stamp)
    assert bench.both() == [(100, 250)] and snapshot(bench).offsets == [0]
    bench.set(pairing='nearest')
    for topic, stamp in (('thermal', 350), ('visible', 200), ('visible', 233)):
        bench.send(topic, stamp)
    assert bench.both()[1:] == [(200, 350)]  # the one at 233 waits: when the next comes is unknown
    bench.set(thermal_time_offset=0.0)
    for topic, stamp in (('thermal', 360), ('visible', 360)):
        bench.send(topic, stamp)
    assert bench.both()[2:] == [(360, 360)]


@pytest.mark.parametrize('pairing', ['exact_once', 'nearest'])
def test_the_same_bag_twice_gives_the_same_pairs_twice(bench: Bench, pairing: str) -> None:
    bench.set(pairing=pairing, lost_after=0.1)
    bag = cameras({'thermal': 9, 'visible': 30}, 1.0)
    for topic, stamp in bag * 2:
        bench.send(topic, stamp)
    time.sleep(0.15)
    bench.pairing.release()
    pairs = bench.both()
    assert len(pairs) == {'exact_once': 2 * 9, 'nearest': 2 * 30}[pairing]
    assert pairs[:len(pairs) // 2] == pairs[len(pairs) // 2:]
    assert snapshot(bench).time_jumps == 1


def test_one_stamp_far_in_the_future_does_not_stop_the_stream(bench: Bench) -> None:
    for number in range(8):
        bench.send('visible', 100 * number + (36_000_000 if number == 5 else 0))
        bench.send('thermal', 100 * number)
    assert bench.stamps() == [0, 100, 200, 300, 400, 600, 700]
    count, reason = snapshot(bench).new_drops['visible.future_stamp']
    assert count == 1 and '36000 s ahead of the image before' in reason


def test_stamps_ahead_of_the_clock_pair_and_are_told(bench: Bench) -> None:
    now = (bench.node.get_clock().now().nanoseconds - START) // MILLISECOND
    for milliseconds in (-100, 200):
        bench.send('thermal', now + milliseconds)
    assert not snapshot(bench).ahead
    bench.send('visible', now + 3_600_000)
    bench.send('thermal', now + 3_600_000)
    assert len(bench.pairs) == 1
    counted = snapshot(bench)
    assert {name: round(ahead / 1e9, -2) for name, ahead in counted.ahead.items()} == {
        'visible': 3600, 'thermal': 3600}


@pytest.mark.parametrize('pairing', ['exact_once', 'nearest'])
def test_stamps_hours_apart_pair_once_the_offset_is_set(bench: Bench, pairing: str) -> None:
    bench.set(pairing=pairing)
    for number in range(15):
        bench.send('visible', 100 * number + 7_200_000)
        bench.send('thermal', 100 * number)
    assert not bench.pairs
    offset = snapshot(bench).smallest_offset / 1e9
    assert offset == pytest.approx(7200, abs=2)
    bench.set(thermal_time_offset=7200.0)
    bench.send('visible', 2000 + 7_200_000)
    bench.send('thermal', 2000)
    assert bench.both() == [(2000 + 7_200_000, 2000)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds that Pairing reads; the test moves it."""
    now = [100.0]
    monkeypatch.setattr(pairing_module, 'time', SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.mark.parametrize(('lost', 'left'), [('thermal', 'visible'), ('visible', 'thermal')])
@pytest.mark.parametrize('mode', ['exact_once', 'nearest'])
def test_a_camera_gone_leaves_the_other_alone_until_it_is_back(
        bench: Bench, clock: list[float], lost: str, left: str, mode: str) -> None:
    bench.set(pairing=mode)
    stamp = 0

    def send(*topics: str) -> None:
        nonlocal stamp
        stamp += 500
        clock[0] += 0.5
        for topic in topics:
            bench.send(topic, stamp)

    for _ in range(3):
        send('visible', 'thermal')
    assert bench.both() == [(500, 500), (1000, 1000), (1500, 1500)]
    for _ in range(6):
        send(left)
    alone = [each if left == 'visible' else each[::-1] for each in bench.both()[3:]]
    assert alone == [(4000, None), (4500, None)]  # lost_after is 2 s
    for _ in range(2):
        send(lost, left)
    assert bench.both()[5:] == [(5000, 5000), (5500, 5500)]
    assert snapshot(bench).alone == {left: 2, lost: 0}


def test_a_camera_that_never_came_is_gone(bench: Bench, clock: list[float]) -> None:
    for number in range(8):
        bench.send('visible', 500 * number)
        clock[0] += 0.5
    assert bench.both() == [(2500, None), (3000, None), (3500, None)]


def test_after_a_pause_of_both_no_camera_is_gone(bench: Bench, clock: list[float]) -> None:
    for number in range(3):
        bench.send('visible', 5000 * number)
        bench.send('thermal', 5000 * number)
        clock[0] += 5.0
    assert bench.both() == [(0, 0), (5000, 5000), (10000, 10000)]


def test_silent_publishes_nothing_alone(bench: Bench, clock: list[float]) -> None:
    bench.set(lost_camera='silent')
    for number in range(10):
        bench.send('visible', 500 * number)
        clock[0] += 0.5
    assert not bench.pairs
    bench.send('thermal', 4500)
    assert bench.both() == [(4500, 4500)]
    bench.set(lost_camera='publish_other')
    for number in range(10, 16):
        clock[0] += 0.5
        bench.send('visible', 500 * number)
    assert bench.both()[1:] == [(7000, None), (7500, None)]


def test_simulated_time_that_has_not_begun_is_no_reason_to_call_stamps_ahead(
        bench: Bench) -> None:
    bench.set(use_sim_time=True)
    bench.send('visible', 0)
    assert not snapshot(bench).ahead


def test_motion_tells_the_offset_and_nothing_is_done_about_it(bench: Bench) -> None:
    for moment, camera, pixels in MovingScene(1, 14).images(30, 10):
        height, width = pixels.shape[:2]
        late = 150 if camera == 'thermal' else 0
        bench.send(camera, round(1000 * moment) + late, {
            'encoding': 'mono8' if camera == 'visible' else 'mono16', 'height': height,
            'width': width, 'step': pixels.itemsize * width, 'data': pixels.tobytes()})
    bench.pairing.estimate_offset()
    estimate = snapshot(bench).estimate
    assert estimate.offset == pytest.approx(-0.15, abs=0.016) and estimate.correlation > 0.8
    assert bench.node.get_parameter('thermal_time_offset').value == 0.0
    assert len(bench.pairs) > 100  # of different moments


def test_the_offset_is_looked_for_every_few_seconds_however_often_it_is_asked_for(
        bench: Bench, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    found = OffsetEstimate(0.1, 0.9, 0.0)

    def look(offset: TimeOffset, present: float) -> OffsetEstimate:
        looks.append(clock[0])
        return found

    monkeypatch.setattr(TimeOffset, 'estimate', look)
    for _ in range(21):
        bench.pairing.estimate_offset()
        assert snapshot(bench).estimate == found  # the last one holds until the next
        clock[0] += 0.5
    assert looks == [100.0, 100.0 + ESTIMATE_PERIOD, 100.0 + 2 * ESTIMATE_PERIOD]
