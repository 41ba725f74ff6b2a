# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The scene publisher as a process: what arrives is the stream, stamped and true."""
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image
from subscriber import Subscriber, start

from degfuse_ros.demo.stream import DemoStream


@pytest.fixture
def subscriber(ros_domain: int) -> Iterator[Subscriber]:
    # Best effort, as the fusion node subscribes.
    peer = Subscriber(ros_domain, qos_profile_sensor_data, visible__image=Image,
                      thermal__image=Image, visible__camera_info=CameraInfo,
                      thermal__camera_info=CameraInfo)
    yield peer
    peer.close()


def test_the_stream_arrives_with_its_truth(subscriber: Subscriber, tmp_path: Path) -> None:
    truth_file = tmp_path / 'truth.jsonl'
    process = start('degfuse_ros.ros.scene_publisher', '--size', '96x64', '--seconds', '3',
                    '--rate', '5', '--truth', str(truth_file), '--wait')
    received = subscriber.received
    subscriber.until(lambda: process.poll() is not None)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert '15 of 15 pairs published' in output
    truth = {line['stamp']: line for line in map(json.loads, truth_file.read_text().splitlines())}
    assert [line['index'] for line in truth.values()] == list(range(15))
    # Discovery of the peer's four topics is not one event: the very first pair may be missed.
    subscriber.until(lambda: len(received['visible/image']) >= 14)
    stream = DemoStream((96, 64), seconds=3.0, rate=5.0)
    for side in ('visible', 'thermal'):
        for message in received[f'{side}/image']:
            line = truth[Time.from_msg(message.header.stamp).nanoseconds]
            frame = stream.frame(line['index'])
            assert line['class'] == frame.condition.label
            pixels = np.frombuffer(message.data, np.uint8).reshape(64, 96, -1).squeeze()
            assert (pixels == getattr(frame, side)).all()
            assert message.header.frame_id == f'{side}_camera_optical_frame'
    assert received['visible/image'][0].encoding == 'rgb8'
    assert received['thermal/image'][0].encoding == 'mono8'
    assert len({line['class'] for line in truth.values()}) == 5


def test_camera_info_is_the_scenes_camera(subscriber: Subscriber) -> None:
    process = start('degfuse_ros.ros.scene_publisher', '--size', '96x64', '--seconds', '2',
                    '--rate', '5', '--wait')
    infos = subscriber.received['visible/camera_info']
    subscriber.until(lambda: infos)
    camera = DemoStream((96, 64)).camera
    assert (infos[0].width, infos[0].height) == (96, 64)
    # A point on the optical axis is seen at the principal point, one to the right further right.
    seen = np.array(infos[0].k).reshape(3, 3) @ (0.5, 0.0, 2.0)
    np.testing.assert_allclose(seen[:2] / seen[2], camera.project(
        np.array([[0.5, 1.75, 2.0]]))[0], rtol=1e-6)
    assert process.wait(30) == 0
    process.communicate()


def test_it_waits_for_subscribers(ros_domain: int, tmp_path: Path) -> None:
    truth = tmp_path / 'truth.jsonl'
    process = start('degfuse_ros.ros.scene_publisher', '--size', '32x32', '--seconds', '1',
                    '--rate', '10', '--truth', str(truth), '--wait')
    thermal_only = Subscriber(ros_domain, qos_profile_sensor_data, thermal__image=Image)
    thermal_only.until(lambda: thermal_only.node.count_publishers('thermal/image'))
    assert not truth.read_text()
    both = Subscriber(ros_domain, qos_profile_sensor_data, visible__image=Image)
    both.until(lambda: process.poll() is not None)
    assert len(truth.read_text().splitlines()) == 10
    process.communicate()
    thermal_only.close()
    both.close()
