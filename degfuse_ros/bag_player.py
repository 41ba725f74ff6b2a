# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Plays a bag onto its topics where there is no `ros2 bag play`, with the same options.

    ros2 run degfuse_ros bag_player recording --rate 0.5 --clock

Messages are published as the bytes that were recorded, with the QoS that was recorded.
"""
from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rclpy
from builtin_interfaces.msg import Time
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from rosgraph_msgs.msg import Clock

from degfuse_ros.demo.arguments import not_negative, positive
from degfuse_ros.ros.stamps import NANOSECONDS

if TYPE_CHECKING:  # what reads bags may not be installed: main says so
    from degfuse_ros.bags.reader import BagMessage, BagReader, Topic

_CLOCK = '/clock'

# Messages that are read ahead: an image or two of each camera with what lies between.
_AHEAD = 16
# Depth of a topic whose recorded profile tells none; that of rosbag2's player.
_DEPTH = 10
# Seconds after the last message in which it can be taken: it is gone with its publisher.
_LINGER = 0.5


class BagPlayer:
    """Publishes a bag's messages as far apart as they were recorded.

    Attributes:
        publishers: by topic.
        left_out: one line for each topic that cannot be published.
        published: messages so far.
        late: messages that came more than a tenth of a second after their time.
    """

    def __init__(self, node: Node, bag: BagReader, topics: Collection[str] = (),
                 clock: float = 0.0) -> None:
        """Advertise the topics.

        Args:
            node: publishes them.
            bag: is played.
            topics: their names; none for all.
            clock: times a second at which the bag's time is published on /clock, whose recorded
                messages are left out then; 0 for never.
        """
        self.publishers: dict[str, Any] = {}
        self.left_out: list[str] = []
        self.published = self.late = 0
        self._node, self._bag = node, bag
        self._clock = node.create_publisher(Clock, _CLOCK, _DEPTH) if clock else None
        self._period = 1.0 / clock if clock else math.inf
        self._tick = 0.0
        for topic in bag.topics.values():
            if (not topics or topic.name in topics) and not (clock and topic.name == _CLOCK):
                self._advertise(topic)

    def _advertise(self, topic: Topic) -> None:
        try:
            package, _, name = topic.kind.split('/')
            kind = getattr(import_module(f'{package}.msg'), name)
        except (ImportError, AttributeError, ValueError):
            self.left_out.append(f'{topic.name}: messages of type {topic.kind} are not installed')
            return
        self.publishers[topic.name] = self._node.create_publisher(
            kind, topic.name, recorded_profile(topic))

    def play(self, rate: float = 1.0, start: float = 0.0) -> None:
        """Play once.

        Args:
            rate: seconds of the bag per second.
            start: seconds to leave out at the beginning.

        Raises:
            BagError: the bag is damaged.
        """
        from degfuse_ros.bags.ahead import ahead
        first = self._bag.start + round(start * NANOSECONDS)
        begin = time.monotonic()
        with closing(ahead(self._messages(first), _AHEAD)) as messages:
            for message in messages:
                due = begin + (message.time - first) / NANOSECONDS / rate
                self._wait(due, begin, first, rate)
                self.publishers[message.topic].publish(message.data)
                self.late += time.monotonic() > due + 0.1
                self.published += 1

    def _messages(self, first: int) -> Generator[BagMessage, None, None]:
        yield from self._bag.messages(list(self.publishers), first)

    def _wait(self, due: float, begin: float, first: int, rate: float) -> None:
        """Wait for a message's time, and let /clock run meanwhile."""
        while True:
            now = time.monotonic()
            if self._clock is not None and now >= self._tick:
                self._tick = now + self._period
                moment = first + round((now - begin) * rate * NANOSECONDS)
                self._clock.publish(Clock(clock=Time(
                    sec=moment // NANOSECONDS, nanosec=moment % NANOSECONDS)))
            if now >= due:
                return
            time.sleep(min(due - now, self._period))

    def drain(self) -> None:
        """Give the last messages time to be taken."""
        for publisher in self.publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=_LINGER))
        time.sleep(_LINGER)  # best-effort messages are not acknowledged


def recorded_profile(topic: Topic) -> QoSProfile:
    """Return a profile that every subscriber to the recorded publishers accepts.

    Args:
        topic: of a bag; its publishers may have differed.
    """
    best_effort = bool(topic.qos) and all(
        qos.reliability.value == ReliabilityPolicy.BEST_EFFORT for qos in topic.qos)
    latched = any(qos.durability.value == DurabilityPolicy.TRANSIENT_LOCAL for qos in topic.qos)
    keep_all = any(qos.history.value == HistoryPolicy.KEEP_ALL for qos in topic.qos)
    return QoSProfile(
        depth=max((qos.depth for qos in topic.qos), default=0) or _DEPTH,
        history=HistoryPolicy.KEEP_ALL if keep_all else HistoryPolicy.KEEP_LAST,
        reliability=(ReliabilityPolicy.BEST_EFFORT if best_effort
                     else ReliabilityPolicy.RELIABLE),
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play a bag to its end, or until the process is told to stop; 0 where that went well."""
    given = sys.argv if arguments is None else ['bag_player', *arguments]
    args = parser().parse_args(remove_ros_args(given)[1:])
    try:
        from degfuse_ros.bags.bag_error import BagError
        from degfuse_ros.bags.reader import BagReader
    except ModuleNotFoundError as error:
        print(f'bag_player: {error.name} is not installed: pip install -r requirements/bag.txt',
              file=sys.stderr)
        return 1
    # Python's handlers, not ROS's: those could take a publisher away while it is in use.
    rclpy.init(args=list(given), signal_handler_options=rclpy.SignalHandlerOptions.NO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with BagReader(args.bag) as bag:
            _play(args, bag)
    except BagError as error:
        print(f'bag_player: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before there was anything to play
        pass
    finally:
        rclpy.try_shutdown()
    return 0


def _play(args: argparse.Namespace, bag: BagReader) -> None:
    """Play as the options say.

    Raises:
        BagError: the bag does not have a topic, or is damaged.
    """
    from degfuse_ros.bags.bag_error import BagError
    missing = [name for name in args.topics if name not in bag.topics]
    if missing:
        raise BagError(f'no topic {missing[0]!r} in the bag, but {", ".join(bag.topics)}')
    if bag.start + args.start_offset * NANOSECONDS > bag.end:
        raise BagError(f'--start-offset {args.start_offset:g} lies behind the end of the bag, '
                       f'which is {(bag.end - bag.start) / NANOSECONDS:.1f} s long')
    node = rclpy.create_node('bag_player')
    player = BagPlayer(node, bag, args.topics, args.clock)
    try:
        for line in [*bag.problems, *player.left_out]:
            print(f'bag_player: {line}', file=sys.stderr)
        time.sleep(args.delay)
        player.play(args.rate, args.start_offset)
        while args.loop:
            player.play(args.rate, args.start_offset)
        player.drain()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one must not stop the clean-up
    finally:
        node.destroy_node()
    print(f'{player.published} messages published, {player.late} late')


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options, which are those of `ros2 bag play`."""
    result = argparse.ArgumentParser(
        prog='bag_player', description=(__doc__ or '').splitlines()[0])
    result.add_argument('bag', type=Path, metavar='BAG', help='a folder or a file')
    result.add_argument('-r', '--rate', type=positive, default=1.0, metavar='R',
                        help='seconds of the bag per second (default 1)')
    result.add_argument('-l', '--loop', action='store_true', help='from the beginning again')
    result.add_argument('--start-offset', type=not_negative, default=0.0, metavar='S',
                        help='seconds to leave out at the beginning')
    result.add_argument('-d', '--delay', type=not_negative, default=0.0, metavar='S',
                        help='seconds between advertising the topics and the first message')
    result.add_argument('--clock', type=positive, nargs='?', const=40.0, default=0.0,
                        metavar='HZ', help='publish /clock (40 times a second)')
    result.add_argument('--topics', nargs='+', default=[], metavar='TOPIC',
                        help='only these; all where not given')
    return result


if __name__ == '__main__':
    sys.exit(main())
