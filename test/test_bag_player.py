# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The bag player over real DDS; and the live node against the bag tool on the same bag."""
from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rclpy
from bag_files import SIZE, at, decoded, header, image, pair_messages, street, write_bag
from fuse_graph import FuseGraph
from image_messages import stamp_of
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from subscriber import Subscriber, start

from degfuse_ros.bag_player import BagPlayer, recorded_profile
from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
from degfuse_ros.bags.message_types import encode, message
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.topic_types import BEST_EFFORT, RELIABLE
from degfuse_ros.bags.writer import BagWriter
from degfuse_ros.engine import FusionEngine
from degfuse_ros.ros.parameter_file import read_parameters

PLAYER = 'degfuse_ros.bag_player'
MANY = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
ANY = QoSProfile(depth=100, reliability=ReliabilityPolicy.BEST_EFFORT)


@contextmanager
def node(domain: int) -> Iterator[Node]:
    """A node with a context of its own."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    made = rclpy.create_node('player', context=context)
    try:
        yield made
    finally:
        made.destroy_node()
        rclpy.shutdown(context=context)


@pytest.mark.parametrize('pairing', ['exact_once', 'nearest'])
def test_live_and_offline_give_the_same_pairs_and_images(
        ros_domain: int, tmp_path: Path, pairing: str) -> None:
    # 16 bits: the grey levels of an image depend on all images before it. Offsets of the stamps:
    # which images pair is up to the node.
    bag = street(tmp_path / 'bag', 3.0, rate=4.0, jitter=0.004, sixteen_bits=True,
                 thermal_rate=4.0 if pairing == 'exact_once' else 2.0)
    values, _ = read_parameters(None, ['model=lite', 'device=cpu', f'pairing={pairing}'])
    with BagFusion(BagJob(bag, tmp_path / 'fused', values)) as fusion:
        fusion.run(FusionEngine.load('lite', 'cpu'))
    offline = decoded(tmp_path / 'fused', '/fused/image')
    assert len(offline) == (12 if pairing == 'exact_once' else 6)
    with FuseGraph(ros_domain, model='lite', pairing=pairing, frozen_after=10,
                   use_sim_time=True, lost_after=2.0) as graph, \
            node(ros_domain) as publisher, BagReader(bag) as reader:
        assert graph.configure()
        assert graph.activate(matched=())
        player = BagPlayer(publisher, reader, clock=40.0)
        graph.until(lambda: all(player.publishers[f'/{camera}/image'].get_subscription_count()
                                for camera in ('visible', 'thermal')))
        # Slower than recorded: the node keeps up on any machine, and drops nothing.
        thread = threading.Thread(target=player.play, kwargs={'rate': 0.5})
        thread.start()
        graph.until(lambda: len(graph.fused) >= len(offline), timeout=60)
        thread.join()
        graph.until(lambda: stamp_of(graph.routings[-1]) == stamp_of(offline[-1]))
    assert [stamp_of(live) for live in graph.fused] == [stamp_of(each) for each in offline]
    for live, recorded in zip(graph.fused, offline, strict=True):
        assert (live.width, live.height, live.encoding) == (*SIZE, 'rgb8')
        np.testing.assert_array_equal(np.frombuffer(bytes(live.data), np.uint8), recorded.data)


def test_bytes_arrive_as_recorded_in_time(ros_domain: int, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(10))
    subscriber = Subscriber(ros_domain, MANY, visible__image=Image, thermal__image=Image)
    arrivals = []
    subscriber.node.create_subscription(
        Image, 'visible/image', lambda _: arrivals.append(time.monotonic()), MANY)
    player = start(PLAYER, str(bag), '--delay', '2', '--rate', '0.5')
    subscriber.until(lambda: len(subscriber.received['thermal/image']) == 10)
    output, errors = player.communicate(timeout=30)
    assert player.returncode == 0 and output.startswith('20 messages published') and not errors
    for topic in ('visible/image', 'thermal/image'):
        expected = decoded(bag, f'/{topic}')
        assert [stamp_of(each) for each in subscriber.received[topic]] == [
            stamp_of(each) for each in expected]
        assert bytes(subscriber.received[topic][3].data) == expected[3].data.tobytes()
    # Nine periods of 0.1 s at half the rate. A machine under load may be late, never early.
    assert 1.7 < arrivals[-1] - arrivals[0] < 10
    subscriber.close()


def test_clock_follows_the_bag_and_its_own_clock_is_left_out(
        ros_domain: int, tmp_path: Path) -> None:
    wrong = message('rosgraph_msgs/msg/Clock', clock=message(
        'builtin_interfaces/msg/Time', sec=1, nanosec=0))
    bag = write_bag(tmp_path / 'bag', [*pair_messages(10), ('/clock', 0.95, wrong)])
    subscriber = Subscriber(ros_domain, MANY, clock=Clock)
    player = start(PLAYER, str(bag), '--delay', '2', '--start-offset', '0.5', '--clock')
    output, errors = player.communicate(timeout=30)
    subscriber.until(lambda: len(subscriber.received['clock']) > 5)
    assert player.returncode == 0 and output.startswith('10 messages published'), errors
    moments = [each.clock.sec * 10 ** 9 + each.clock.nanosec
               for each in subscriber.received['clock']]
    assert moments == sorted(moments) and moments[0] >= at(0.5)
    assert at(0.5) <= moments[0] < moments[-1] <= at(2)
    subscriber.close()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_loop_goes_on_until_told_to_stop(
        ros_domain: int, tmp_path: Path, number: signal.Signals) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(3))
    subscriber = Subscriber(ros_domain, MANY, visible__image=Image)
    player = start(PLAYER, str(bag), '--loop', '--topics', '/visible/image')
    subscriber.until(lambda: len(subscriber.received['visible/image']) > 7)
    player.send_signal(number)
    output, errors = player.communicate(timeout=20)
    assert player.returncode == 0 and 'messages published' in output
    assert 'Traceback' not in errors
    stamps = [stamp_of(each) for each in subscriber.received['visible/image']]
    assert stamps != sorted(stamps) and len(set(stamps)) == 3
    subscriber.close()


def test_quality_of_service_is_the_recorded_one(tmp_path: Path) -> None:
    latched = RELIABLE._replace(durability=type(RELIABLE.durability).TRANSIENT_LOCAL, depth=3)
    writer = BagWriter(tmp_path / 'bag')
    for topic, profiles in (('/best', [BEST_EFFORT]), ('/mixed', [BEST_EFFORT, RELIABLE]),
                            ('/latched', [latched]), ('/unknown', [])):
        writer.add(topic, 'sensor_msgs/msg/Image', qos=profiles)
        writer.write(topic, at(0), encode(image(at(0))))
    writer.finish()
    with BagReader(tmp_path / 'bag') as bag:
        found = {name: recorded_profile(topic) for name, topic in bag.topics.items()}
    told = {name: (each.reliability.name, each.durability.name, each.depth)
            for name, each in found.items()}
    assert told == {
        '/best': ('BEST_EFFORT', 'VOLATILE', 5), '/mixed': ('RELIABLE', 'VOLATILE', 5),
        '/latched': ('RELIABLE', 'TRANSIENT_LOCAL', 3), '/unknown': ('RELIABLE', 'VOLATILE', 10)}


def test_best_effort_images_arrive_too(ros_domain: int, tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 0.5)
    subscriber = Subscriber(ros_domain, ANY, thermal__image=Image)
    player = start(PLAYER, str(bag), '--delay', '2')
    subscriber.until(lambda: len(subscriber.received['thermal/image']) == 5)
    assert player.wait(timeout=20) == 0
    subscriber.close()


def test_a_type_that_is_not_installed_is_left_out(ros_domain: int, tmp_path: Path) -> None:
    assert ros_domain
    strange = message('std_msgs/msg/Header', frame_id='', stamp=header(1).stamp)
    writer = BagWriter(tmp_path / 'bag')
    writer.add('/strange', 'nobody_msgs/msg/Thing')
    writer.add('/image', 'sensor_msgs/msg/Image')
    writer.write('/strange', at(0), encode(strange))
    writer.write('/image', at(0), encode(image(at(0))))
    writer.finish()
    done = run(tmp_path / 'bag')
    assert done.returncode == 0 and done.stdout.startswith('1 messages published')
    assert done.stderr == ('bag_player: /strange: messages of type nobody_msgs/msg/Thing are not '
                           'installed\n')


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the player to its end."""
    process = start(PLAYER, *map(str, arguments))
    output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, output, errors)


def test_bad_input_is_one_line(ros_domain: int, tmp_path: Path) -> None:
    assert ros_domain
    bag = write_bag(tmp_path / 'bag', pair_messages(2))
    (tmp_path / 'text.mcap').write_text('no bag')
    for arguments, words in (
            ([tmp_path / 'text.mcap'], 'text.mcap'),
            ([tmp_path / 'nowhere'], 'nowhere'),
            ([bag, '--topics', '/other'], "no topic '/other' in the bag, but /thermal/image"),
            ([bag, '--start-offset', '9'], 'lies behind the end of the bag, which is 0.1 s long'),
    ):
        done = run(*arguments)
        [line] = done.stderr.splitlines()
        assert done.returncode == 1 and line.startswith('bag_player: ') and words in line
    for option, value in (('--rate', '0'), ('--clock', '-1'), ('--delay', 'long')):
        done = run(bag, option, value)
        assert done.returncode == 2 and f'{option}: give a number' in done.stderr
