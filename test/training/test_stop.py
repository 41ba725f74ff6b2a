# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Requests to stop: time, and signals, of which the second works as ever."""

import os
import signal
import threading
import time

import pytest

from degfuse_ros.training.stop import StopRequest


def test_without_a_limit_nothing_ends_it():
    with StopRequest(None) as stop:
        assert not stop.wanted()


def test_minutes_are_minutes():
    stop = StopRequest(0.5 / 60)
    assert not stop.wanted()
    time.sleep(0.55)
    assert stop.wanted()
    ended = stop.stopped(3, 9, 'place')
    assert ended.status == 0 and 'step 3 of 9' in str(ended) and 'place' in str(ended)


def test_the_second_signal_is_not_held_back():
    with StopRequest(None) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted() and stop.stopped(1, 2, '').status == 130
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_other_threads_may_train_too():
    wanted: list[bool] = []

    def run() -> None:
        with StopRequest(None) as stop:
            wanted.append(stop.wanted())
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert wanted == [False]
