# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Routes: distances, headings and pauses from their definition."""
import numpy as np

from degfuse_ros.demo.path import Path


def test_a_straight_route_is_followed_at_the_given_speed() -> None:
    path = Path(((0.0, 10.0), (0.0, 50.0)), speed=4.0, start=0.0, period=30.0)
    x, z, heading = path.place(2.5) or (9, 9, 9)
    np.testing.assert_allclose((x, z, heading), (0.0, 20.0, 0.0), atol=1e-6)


def test_the_heading_turns_with_the_route() -> None:
    path = Path(((0.0, 0.0), (0.0, 20.0), (20.0, 20.0)), speed=1.0, start=0.0, period=99.0)
    headings = [(path.place(t) or (0, 0, 9))[2] for t in (5.0, 20.0, 35.0)]
    np.testing.assert_allclose(headings, (0, np.pi / 4, np.pi / 2), atol=1e-6)


def test_nobody_is_there_after_the_end_until_the_next_period() -> None:
    path = Path(((0.0, 0.0), (0.0, 10.0)), speed=1.0, start=3.0, period=20.0)
    assert path.place(13.5) is None
    assert path.place(3.0 + 20.0 + 1.0) == path.place(4.0)


def test_a_pause_holds_and_then_lets_go() -> None:
    path = Path(((0.0, 0.0), (0.0, 30.0)), 2.0, 0.0, 60.0, pause=(10.0, 4.0))
    assert [path.travelled(t) for t in (5.0, 7.0, 9.0, 10.0)] == [10.0, 10.0, 10.0, 12.0]
