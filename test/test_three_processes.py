# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Cameras, node and listener as three processes; the cameras are faster than the node."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from degfuse_ros.engine import CLASSES
from degfuse_ros.ros.lifecycle_manager import bring_up

SUPPORT = Path(__file__).resolve().parent / 'support'

# On a CPU one pair of this size takes several camera periods: the node is the slow consumer.
WIDTH, HEIGHT = 640, 480
IMAGES = 15


@contextmanager
def running(*command: object) -> Iterator[subprocess.Popen]:
    """Run a Python process; interrupt it at the end, as a person would."""
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE,
                               text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture(scope='module')
def received(module_domain: int) -> Any:
    """What the listener got from the running three."""
    with ExitStack() as stack:
        node = stack.enter_context(running(
            '-m', 'degfuse_ros.fuse_node', '--ros-args', '-p', 'device:=cpu'))
        bring_up(timeout=60.0)
        listener = stack.enter_context(running(SUPPORT / 'fused_listener.py', IMAGES))
        stack.enter_context(running(SUPPORT / 'pair_publisher.py', WIDTH, HEIGHT))
        output = listener.communicate(timeout=120)[0]
        assert listener.returncode == 0 and node.poll() is None
    assert node.returncode == 0
    return json.loads(output)


def test_images_carry_the_visible_header_and_size(received: Any) -> None:
    for image in received['images']:
        assert image['frame'] == 'rgb_optical' and image['encoding'] == 'rgb8'
        assert image['size'] == [WIDTH, HEIGHT] and image['bytes'] == WIDTH * HEIGHT * 3
        assert image['values'] > 20  # a picture, not one colour
    stamps = [image['stamp'] for image in received['images']]
    assert stamps == sorted(set(stamps))


def test_results_belong_to_the_images(received: Any) -> None:
    stamps = {str(image['stamp']) for image in received['images']}
    common = stamps & set(received['classes']) & set(received['routing_sums'])
    assert len(common) >= IMAGES - 2  # the first may come before all topics are connected
    for stamp in common:
        assert sorted(received['classes'][stamp]) == sorted(CLASSES)
        assert received['routing_sums'][stamp] == pytest.approx(
            [1.0] * len(received['routing_sums'][stamp]), abs=1e-4)


def test_latency_does_not_grow(received: Any) -> None:
    latencies = [image['latency'] for image in received['images']]
    engine = float(received['report']['engine_max_ms']) / 1e3
    print('latencies, s:', latencies, 'engine, s:', engine, 'report:', received['report'])
    third = len(latencies) // 3
    early, late = median(latencies[:third]), median(latencies[-third:])
    # A pair waits for at most one other to be fused. If the unfused ones queued, the last of
    # these images would be late by nearly the length of the whole test.
    assert late < 2 * early + 0.3
    assert int(received['report']['dropped.mailbox']) > 0
