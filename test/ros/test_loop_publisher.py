# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The loop publisher as a process: every pair arrives whole, in turn, with the stamp noted."""
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import Image
from subscriber import Subscriber, start

from degfuse_ros.demo.stream import DemoStream


@pytest.fixture
def subscriber(ros_domain: int) -> Iterator[Subscriber]:
    """A node on both topics, best effort as the fusion node is."""
    peer = Subscriber(ros_domain, qos_profile_sensor_data, visible__image=Image,
                      thermal__image=Image)
    yield peer
    peer.close()


def test_frames_come_in_turn_under_the_noted_stamps(subscriber: Subscriber,
                                                    tmp_path: Path) -> None:
    file = tmp_path / 'stamps.txt'
    process = start('degfuse_ros.ros.loop_publisher', '--size', '96x64', '--rate', '20',
                    '--pairs', '12', '--stamps', str(file))
    received = subscriber.received
    subscriber.until(lambda: process.poll() is not None)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert '12 of 12 pairs published' in output
    stamps = [int(line) for line in file.read_text().split()]
    assert len(stamps) == 12 and stamps == sorted(set(stamps))
    # Discovery of two topics is not one event: the very first pair may be missed.
    subscriber.until(lambda: min(map(len, received.values())) >= 11)
    stream = DemoStream((96, 64), seconds=5, rate=1.0)
    frames = [stream.frame(index) for index in range(5)]
    assert len({frame.condition.label for frame in frames}) == 5
    for side in ('visible', 'thermal'):
        for message in received[f'{side}/image']:
            index = stamps.index(Time.from_msg(message.header.stamp).nanoseconds)
            assert bytes(message.data) == np.ascontiguousarray(
                getattr(frames[index % 5], side)).tobytes()
