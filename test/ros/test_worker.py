# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The fusion thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import cast

import pytest
from sensor_msgs.msg import Image

from degfuse_ros.ros import worker
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.rig import Rig
from degfuse_ros.ros.worker import Worker

FRONT, REAR = cast(Rig, 'front'), cast(Rig, 'rear')


def pair(seconds: int) -> Pair:
    """Return a pair of a stamp."""
    image = Image()
    image.header.stamp.sec = seconds
    return Pair(image, image)


def test_while_one_is_processed_only_the_newest_waits() -> None:
    started, go_on = threading.Semaphore(0), threading.Semaphore(0)
    processed: list[int] = []

    def process(pairs: Mapping[Rig, Pair]) -> None:
        processed.append(pairs[FRONT].stamp // 1_000_000_000)
        started.release()
        go_on.acquire()

    running = Worker(process)
    assert running.put(FRONT, pair(1)) is False
    started.acquire()
    assert [running.put(FRONT, pair(number)) for number in (2, 3, 4)] == [False, True, True]
    go_on.release()
    started.acquire()
    go_on.release()
    running.stop()
    assert processed == [1, 4]


def test_stop_finishes_the_pair_at_hand_and_drops_the_waiting() -> None:
    started, go_on = threading.Semaphore(0), threading.Semaphore(0)
    processed: list[Pair] = []

    def process(pairs: Mapping[Rig, Pair]) -> None:
        started.release()
        go_on.acquire()
        processed.append(pairs[FRONT])

    running = Worker(process)
    running.put(FRONT, pair(1))
    started.acquire()
    running.put(FRONT, pair(2))
    stopper = threading.Thread(target=running.stop)
    stopper.start()
    go_on.release()
    stopper.join(10)
    assert [item.stamp for item in processed] == [1_000_000_000]


def test_a_hanging_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, 'STOP_TIMEOUT', 0.05)
    started, release = threading.Event(), threading.Event()

    def hang(pairs: Mapping[Rig, Pair]) -> None:
        started.set()
        release.wait(10)

    running = Worker(hang)
    running.put(FRONT, pair(1))
    assert started.wait(10)
    with pytest.raises(RuntimeError, match='did not end within'):
        running.stop()
    release.set()


def test_the_newest_of_each_rig_are_processed_together() -> None:
    started, go_on = threading.Semaphore(0), threading.Semaphore(0)
    processed: list[dict[Rig, int]] = []

    def process(pairs: Mapping[Rig, Pair]) -> None:
        processed.append({rig: each.stamp // 1_000_000_000 for rig, each in pairs.items()})
        started.release()
        go_on.acquire()

    running = Worker(process)
    running.put(FRONT, pair(1))
    started.acquire()
    for rig, seconds in ((REAR, 2), (FRONT, 3), (REAR, 4)):
        running.put(rig, pair(seconds))
    go_on.release(2)
    started.acquire()
    running.stop()
    assert processed == [{FRONT: 1}, {REAR: 4, FRONT: 3}]
