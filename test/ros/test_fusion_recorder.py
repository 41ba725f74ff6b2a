# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The recorder as a process, fed by hand-made results over real DDS."""
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from subscriber import Subscriber, start
from vision_msgs.msg import Classification

from degfuse_ros.demo.summary import read_lines
from degfuse_ros.ros.images import from_rgb
from degfuse_ros.ros.messages import degradation_message, routing_message

ROUTING = np.array([[0, 0.25, 0, 0, 0.75, 0, 0, 0]], np.float32)
SCORES = {'fog': 0.75, 'clean': 0.25}


class Source:
    """Publishes results as the fusion node does."""

    def __init__(self, domain: int) -> None:
        self.peer = Subscriber(domain, QoSProfile(depth=20))
        create = self.peer.node.create_publisher
        self.image = create(Image, 'fused/image', 20)
        self.degradation = create(Classification, 'fused/degradation', 20)
        self.routing = create(DiagnosticArray, 'fused/routing', 20)
        self.diagnostics = create(DiagnosticArray, '/diagnostics', 20)

    def wait(self) -> None:
        self.peer.until(lambda: all(p.get_subscription_count() for p in (
            self.image, self.degradation, self.routing, self.diagnostics)))

    def header(self, frame: str = 'camera') -> Any:
        header = Image().header
        header.frame_id = frame
        header.stamp = self.peer.node.get_clock().now().to_msg()
        return header


@pytest.fixture
def source(ros_domain: int) -> Iterator[Source]:
    made = Source(ros_domain)
    yield made
    made.peer.close()


def test_the_parts_of_a_result_are_joined_in_any_order(source: Source, tmp_path: Path) -> None:
    recorder = start('degfuse_ros.ros.fusion_recorder', '--out', str(tmp_path), '--idle', '1')
    source.wait()
    picture = np.random.default_rng(1).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    for number in range(6):
        header = source.header(f'camera_{number}')
        parts = [lambda h=header: source.image.publish(from_rgb(picture, 'rgb8', h)),
                 lambda h=header: source.degradation.publish(degradation_message(SCORES, h)),
                 lambda h=header: source.routing.publish(routing_message(ROUTING, ['one'], h))]
        for part in parts[number % 3:] + parts[:number % 3]:
            part()
    assert recorder.wait(30) == 0
    output, _ = recorder.communicate()
    assert 'matched' in output and '6 fused images received' in output
    lines = read_lines(tmp_path / 'results.jsonl')
    assert sorted(line['frame_id'] for line in lines) == [f'camera_{n}' for n in range(6)]
    for line in lines:
        assert (line['label'], line['scores']) == ('fog', SCORES)
        assert line['routing'] == {'one': ROUTING[0].tolist()}
        assert (line['width'], line['height'], line['encoding']) == (56, 40, 'rgb8')
        assert 0 < line['latency_ms'] < 20_000
        stored = cv2.imread(str(tmp_path / 'frames' / f'{line["stamp"]}.png'))
        assert stored is not None and (stored[..., ::-1] == picture).all()


def test_a_result_without_its_class_is_written_as_it_is(source: Source, tmp_path: Path) -> None:
    recorder = start('degfuse_ros.ros.fusion_recorder', '--out', str(tmp_path), '--idle', '0.5',
                     '--every', '0')
    source.wait()
    source.image.publish(from_rgb(np.zeros((40, 40, 3), np.uint8), 'rgb8', source.header()))
    assert recorder.wait(30) == 0
    recorder.communicate()
    lines = read_lines(tmp_path / 'results.jsonl')
    assert len(lines) == 1 and 'label' not in lines[0] and lines[0]['encoding'] == 'rgb8'
    assert not list((tmp_path / 'frames').iterdir())


def test_the_image_alone_is_subscribed_to_where_that_is_asked_for(source: Source,
                                                                  tmp_path: Path) -> None:
    recorder = start('degfuse_ros.ros.fusion_recorder', '--out', str(tmp_path), '--idle', '0.5',
                     '--every', '0', '--image-only')
    source.peer.until(lambda: source.image.get_subscription_count())
    results = tmp_path / 'results.jsonl'
    source.image.publish(from_rgb(np.zeros((40, 40, 3), np.uint8), 'rgb8', source.header()))
    source.peer.until(lambda: results.read_text().endswith('\n'))  # before it ends
    assert not source.degradation.get_subscription_count()
    assert not source.routing.get_subscription_count()
    assert recorder.wait(30) == 0
    recorder.communicate()
    assert len(read_lines(results)) == 1


def test_reports_are_written_and_an_interrupt_ends_it_politely(source: Source,
                                                               tmp_path: Path) -> None:
    recorder = start('degfuse_ros.ros.fusion_recorder', '--out', str(tmp_path))
    source.wait()
    source.diagnostics.publish(DiagnosticArray(status=[DiagnosticStatus(
        level=DiagnosticStatus.WARN, name='fuse', message='slow',
        values=[KeyValue(key='pair_rate_hz', value='4.5')])]))
    report = tmp_path / 'diagnostics.jsonl'
    source.peer.until(lambda: report.exists() and report.read_text().endswith('\n'))
    recorder.send_signal(signal.SIGINT)
    assert recorder.wait(30) == 0
    recorder.communicate()
    line = json.loads(report.read_text())
    assert (line['name'], line['level'], line['message']) == ('fuse', 1, 'slow')
    assert line['values'] == {'pair_rate_hz': '4.5'}
