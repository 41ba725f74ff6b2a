# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairing over real DDS, without the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from image_messages import IMAGE_QOS, image
from message_filters import ApproximateTimeSynchronizer
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.pairing import Pairing
from degfuse_ros.ros.parameters import Parameters
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

    def send(self, topic: str, milliseconds: int, **stamp: int) -> None:
        """Publish one image and wait until it was received: reliable order for the test."""
        before = self._arrived(topic)
        message = image(START + milliseconds * MILLISECOND, 'mono8')
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
    assert [pair.offset / MILLISECOND for pair in bench.pairs] == [-15.0, 5.0]
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


def test_a_failure_of_the_synchroniser_is_counted_and_the_next_pair_comes(
        bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: object, *messages: object) -> None:
        raise OverflowError('the stamp\nis odd')

    with monkeypatch.context() as patch:  # raised where its lock is held
        patch.setattr(ApproximateTimeSynchronizer, 'signalMessage', fail)
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
