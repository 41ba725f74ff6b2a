# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What degfuse_ros relies on in message_filters, and what users of the real module know of it.

They run against whichever message_filters is installed: the stand-in in wheels/, or the real one.
"""

import random
from collections.abc import Callable
from threading import Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any

import message_filters
import pytest
import rclpy
from builtin_interfaces.msg import Time as TimeMessage
from message_filters.delta_filter import PathDeltaFilter
from message_filters.input_aligner import InputAligner, QueueStatus
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.qos import QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.time import Time
from std_msgs.msg import Header

MILLISECOND = 1_000_000


def message(milliseconds: float, name: str = '') -> Any:
    """Return something with a header.stamp, as all that synchronisers look at."""
    nanoseconds = round(milliseconds * MILLISECOND)
    stamp = TimeMessage(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), name=name, at=milliseconds)


class Pairing:
    """An approximate synchroniser over two inputs, and what it put out (in milliseconds)."""

    def __init__(self, queue_size: int, slop: float, **options: Any) -> None:
        self.visible = message_filters.SimpleFilter()
        self.thermal = message_filters.SimpleFilter()
        self.synchroniser = message_filters.ApproximateTimeSynchronizer(
            [self.visible, self.thermal], queue_size, slop, **options)
        self.pairs: list[tuple[float, float]] = []
        self.synchroniser.registerCallback(
            lambda first, second: self.pairs.append((first.at, second.at)))

    def see(self, *milliseconds: float) -> None:
        for time in milliseconds:
            self.visible.signalMessage(message(time))

    def feel(self, *milliseconds: float) -> None:
        for time in milliseconds:
            self.thermal.signalMessage(message(time))


@pytest.mark.parametrize(('difference', 'matches'), [
    (0, True), (19.999999, True), (20, False), (20.000001, False)])
@pytest.mark.parametrize('sign', [1, -1])
def test_slop_is_strict(difference: float, matches: bool, sign: int) -> None:
    pairing = Pairing(5, 0.02)
    pairing.see(1000)
    pairing.feel(1000 + sign * difference)
    assert bool(pairing.pairs) == matches


def test_slop_zero_never_matches() -> None:
    pairing = Pairing(5, 0)
    pairing.see(1000)
    pairing.feel(1000)
    assert pairing.pairs == []


def test_a_new_message_takes_the_closest_at_once() -> None:
    pairing = Pairing(5, 0.02)
    pairing.see(1000, 1010)
    pairing.feel(1008)
    assert pairing.pairs == [(1010, 1008)]


def test_leftovers_match_later_so_output_goes_back_in_time() -> None:
    pairing = Pairing(5, 0.02)
    pairing.see(1000, 1010)
    pairing.feel(1008, 1001)
    assert pairing.pairs == [(1010, 1008), (1000, 1001)]


def test_each_message_is_used_once() -> None:
    pairing = Pairing(5, 0.02)
    pairing.see(1000)
    pairing.feel(1001, 1002)
    assert pairing.pairs == [(1000, 1001)]


def test_eviction_drops_the_smallest_stamp() -> None:
    pairing = Pairing(2, 0.02)
    pairing.see(3000, 1000, 2000)
    assert sorted(pairing.synchroniser.queues[0]) == [2000 * MILLISECOND, 3000 * MILLISECOND]
    pairing.feel(1000, 2000)
    assert pairing.pairs == [(2000, 2000)]


def test_memory_is_bounded_by_the_queue_size() -> None:
    pairing = Pairing(7, 0.02)
    pairing.see(*range(0, 100_000, 100))
    assert [len(queue) for queue in pairing.synchroniser.queues] == [7, 0]


def test_after_time_jumps_back_with_full_queues_nothing_matches() -> None:
    pairing = Pairing(2, 0.02)
    pairing.see(100_000, 101_000)
    pairing.feel(100_500, 101_500)
    for time in range(1000, 2000, 100):
        pairing.see(time)
        pairing.feel(time)
    assert pairing.pairs == []


def test_callback_runs_under_a_lock_that_an_exception_leaves_held() -> None:
    pairing = Pairing(5, 0.02)
    held: list[bool] = []

    def fails(*_: Any) -> None:
        held.append(pairing.synchroniser.lock.locked())
        raise ZeroDivisionError

    pairing.synchroniser.registerCallback(fails)
    pairing.see(1000)
    with pytest.raises(ZeroDivisionError):
        pairing.feel(1000)
    assert held == [True]
    assert pairing.synchroniser.lock.locked()
    stuck = Thread(target=pairing.see, args=(2000,), daemon=True)
    stuck.start()
    stuck.join(0.2)
    assert stuck.is_alive()
    pairing.synchroniser.lock.release()
    stuck.join(10)
    assert not stuck.is_alive()


def test_headerless_messages_are_dropped_unless_allowed() -> None:
    strict, lenient = Pairing(5, 10.0), Pairing(5, 10.0, allow_headerless=True)
    for pairing in (strict, lenient):
        pairing.visible.signalMessage(SimpleNamespace(at=1))
        pairing.thermal.signalMessage(SimpleNamespace(at=2))
    assert strict.pairs == []
    assert lenient.pairs == [(1, 2)]


def test_sync_arrival_time_ignores_the_stamps() -> None:
    pairing = Pairing(5, 10.0, sync_arrival_time=True)
    pairing.see(1000)
    pairing.feel(900_000)
    assert pairing.pairs == [(1000, 900_000)]


def test_queue_offset_shifts_the_stamps_of_what_waits() -> None:
    late_thermal = Pairing(5, 0.02, queue_offset=[0, 150 * MILLISECOND])
    late_thermal.feel(1155)
    late_thermal.see(1000)
    late_thermal.see(1150)
    assert late_thermal.pairs == [(1000, 1155)]


def test_three_inputs_match_only_when_all_are_within_slop() -> None:
    inputs = [message_filters.SimpleFilter() for _ in range(3)]
    synchroniser = message_filters.ApproximateTimeSynchronizer(inputs, 5, 0.02)
    sets: list[list[float]] = []
    synchroniser.registerCallback(lambda *messages: sets.append([each.at for each in messages]))
    inputs[0].signalMessage(message(1000))
    inputs[1].signalMessage(message(1015))
    inputs[2].signalMessage(message(1030))
    assert sets == []
    inputs[2].signalMessage(message(1010))
    assert sets == [[1000, 1015, 1010]]


@pytest.mark.parametrize('seed', range(20))
def test_random_streams_keep_the_promises(seed: int) -> None:
    generator = random.Random(seed)
    pairing = Pairing(10, 0.02)
    sources = [('see', generator.uniform(0, 2000)) for _ in range(100)]
    sources += [('feel', generator.uniform(0, 2000)) for _ in range(100)]
    for method, time in sorted(sources, key=lambda each: each[1] + generator.uniform(0, 50)):
        getattr(pairing, method)(time)
    assert len(pairing.pairs) > 20
    assert all(abs(visible - thermal) < 20 for visible, thermal in pairing.pairs)
    for column in zip(*pairing.pairs, strict=True):
        assert len(set(column)) == len(column)
    left = [[time / MILLISECOND for time in queue] for queue in pairing.synchroniser.queues]
    assert not any(abs(visible - thermal) < 20 for visible in left[0] for thermal in left[1])


def test_exact_synchroniser_matches_equal_stamps_and_drops_older_ones() -> None:
    visible, thermal = message_filters.SimpleFilter(), message_filters.SimpleFilter()
    synchroniser = message_filters.TimeSynchronizer([visible, thermal], 10)
    pairs: list[tuple[float, float]] = []
    synchroniser.registerCallback(lambda first, second: pairs.append((first.at, second.at)))
    visible.signalMessage(message(1000))
    visible.signalMessage(message(2000))
    thermal.signalMessage(message(2000))
    thermal.signalMessage(message(1000))
    thermal.signalMessage(message(3000.000001))
    visible.signalMessage(message(3000))
    assert pairs == [(2000, 2000)]


def test_callbacks_get_extra_arguments_and_can_be_removed() -> None:
    source = message_filters.SimpleFilter()
    calls: list[tuple[Any, ...]] = []
    connection = source.registerCallback(lambda *arguments: calls.append(arguments), 'extra', 2)
    source.signalMessage('a', 'b')
    source.unregisterCallback(connection)
    source.signalMessage('c')
    assert calls == [('a', 'b', 'extra', 2)]


def test_cache_keeps_the_last_to_arrive() -> None:
    cache = message_filters.Cache(message_filters.SimpleFilter(), 3)
    assert cache.getLast() is None
    for time in (1000, 2000, 4000, 3000):
        cache.add(message(time))

    def at(seconds: int) -> Time:
        return Time.from_msg(TimeMessage(sec=seconds))

    assert [each.at for each in cache.getInterval(at(0), at(9))] == [2000, 4000, 3000]
    assert cache.getElemAfterTime(at(3)).at == 4000
    assert cache.getElemBeforeTime(at(1)) is None
    assert cache.getOldestTime() == at(2)
    assert cache.getLatestTime() == at(3)


def test_chain_passes_messages_through_its_filters() -> None:
    source = message_filters.SimpleFilter()
    chain = message_filters.Chain(source)
    caches = [message_filters.Cache(message_filters.SimpleFilter(), 9) for _ in range(2)]
    out: list[float] = []
    chain.registerCallback(lambda each: out.append(each.at))
    source.signalMessage(message(1000))
    for cache in caches:
        chain.addFilter(cache)
        source.signalMessage(message(2000))
    assert out == [1000, 2000, 2000]
    assert [len(cache.cache_msgs) for cache in caches] == [2, 1]
    assert chain.getFilter(1) is caches[1]
    with pytest.raises(KeyError):
        chain.getFilter(2)


def test_delta_filter_passes_changes_only() -> None:
    changes = PathDeltaFilter(['name', 'header.stamp.sec'])
    passed: list[Any] = []
    changes.registerCallback(passed.append)
    sent = [message(1000, 'a'), message(1500, 'a'), message(1600, 'b'), message(2000, 'b')]
    for each in sent:
        changes.add(each)
    assert passed == [sent[0], sent[2], sent[3]]
    with pytest.raises(RuntimeError, match='has no field'):
        PathDeltaFilter(['name', 'colour']).get_field_by_path(sent[0], 'colour')


def test_input_aligner_orders_stamps_over_inputs_and_gives_up_on_silent_ones() -> None:
    aligner = InputAligner(Duration(seconds=0.1), [message_filters.SimpleFilter()] * 2)
    out: list[float] = []
    for index in range(2):
        aligner.registerCallback(index, lambda each: out.append(each.at))
        aligner.setInputPeriod(index, Duration(seconds=0.03))
    for index, time in [(0, 1000), (1, 1010), (0, 1030), (0, 1060)]:
        aligner.add(message(time), index)
    aligner.dispatchMessages()
    # 1060 waits for what the second input is to send at 1040.
    assert out == [1000, 1010, 1030]
    aligner.add(message(1005), 1)
    aligner.add(message(1140), 0)
    aligner.dispatchMessages()
    assert out == [1000, 1010, 1030, 1060, 1140]
    assert aligner.getQueueStatus(1) == QueueStatus(False, 0, 1, 1)


def spin_until(node: Any, done: Callable[[], bool]) -> None:
    """Spin until something has happened, 20 s at most."""
    end = monotonic() + 20
    while not done() and monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.05)
    assert done()


def test_sequencer_sorts_what_is_older_than_the_delay(ros_domain: int) -> None:
    with rclpy.init():
        node = rclpy.create_node('sequencer')
        source = message_filters.SimpleFilter()
        sequencer = message_filters.TimeSequencer(source, 0.1, 0.01, 3, node)
        out: list[str] = []
        sequencer.registerCallback(lambda each: out.append(each.name))
        now = node.get_clock().now().nanoseconds / MILLISECOND
        for name, at in [('c', -20), ('b', -30), ('a', -40), ('later', 1e9)]:
            source.signalMessage(message(now + at, name))
        spin_until(node, lambda: len(out) == 2)
        # Of four, the queue of three dropped the smallest stamp.
        assert out == ['b', 'c']
        source.signalMessage(message(now - 25, 'too late'))
        assert [each.name for _, each in sequencer.messages] == ['later']
        sequencer.shutdown()
        node.destroy_node()


def test_subscriber_takes_qos_and_overrides_over_dds(ros_domain: int) -> None:
    name = 'qos_overrides./camera.subscription.depth'
    with rclpy.init():
        node = rclpy.create_node('pairing', parameter_overrides=[Parameter(name, value=7)])
        subscriber = message_filters.Subscriber(
            node, Header, 'camera',
            qos_profile=QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
            qos_overriding_options=QoSOverridingOptions([QoSPolicyKind.DEPTH]))
        assert subscriber.getTopic() == 'camera'
        assert subscriber.topic_name == '/camera'
        assert subscriber.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
        assert subscriber.qos_profile.depth == 7
        received: list[Header] = []
        subscriber.registerCallback(received.append)
        publisher = node.create_publisher(Header, 'camera', 10)
        spin_until(node, lambda: publisher.get_subscription_count() == 1)
        publisher.publish(Header(frame_id='front'))
        spin_until(node, lambda: bool(received))
        assert received == [Header(frame_id='front')]
        node.destroy_subscription(subscriber.sub)
        node.destroy_node()
