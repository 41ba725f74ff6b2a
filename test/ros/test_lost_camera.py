# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""When a camera counts as gone."""

from __future__ import annotations

from degfuse_ros.ros.lost_camera import LostCamera


def gone(lost: LostCamera, topic: str, *times: float) -> list[bool]:
    """Feed images and return for each whether the other camera is gone; lost_after is 2 s."""
    return [lost.other_gone(topic, now, 2.0) for now in times]


def test_gone_after_the_time_since_its_last_image() -> None:
    lost = LostCamera()
    assert gone(lost, 'thermal', 10.0) == gone(lost, 'visible', 10.0) == [False]
    assert gone(lost, 'visible', 11.0, 12.0, 12.5, 13.0) == [False, False, True, True]
    assert gone(lost, 'thermal', 13.1) == [False]
    assert gone(lost, 'visible', 13.2, 15.0, 15.2) == [False, False, True]


def test_one_that_never_came_is_gone_after_the_same_time() -> None:
    assert gone(LostCamera(), 'thermal', 0.0, 1.0, 2.0, 2.1) == [False, False, False, True]


def test_after_a_pause_of_both_the_time_counts_anew() -> None:
    lost = LostCamera()
    for topic in ('visible', 'thermal'):
        gone(lost, topic, 1.0)
    assert gone(lost, 'visible', 9.0, 10.0, 11.0, 11.5) == [False, False, False, True]


def test_a_camera_slower_than_the_time_never_makes_the_other_gone() -> None:
    assert not any(gone(LostCamera(), 'visible', *range(0, 60, 3)))


def test_silent() -> None:
    lost = LostCamera()
    assert lost.silent('visible', 0.0, 2.0)
    gone(lost, 'visible', 1.0)
    assert not lost.silent('visible', 3.0, 2.0) and lost.silent('visible', 3.1, 2.0)
    assert lost.silent('thermal', 3.0, 2.0)
