# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Order and number of runs, and what is told of their times."""

import pytest

from degfuse_ros.engine.benchmark.timing import (
    FEWEST,
    FRAMES,
    SECONDS,
    WARM_UP,
    alternate,
    enough,
    percentiles,
    spread,
)


def test_two_works_alternate_frame_by_frame_and_change_their_order() -> None:
    runs: list[tuple[str, int]] = []
    times = alternate([lambda frame: runs.append(('a', frame)),
                       lambda frame: runs.append(('b', frame))], 4)
    assert runs[:2 * WARM_UP] == [(name, frame) for frame in range(WARM_UP) for name in 'ab']
    assert runs[2 * WARM_UP:] == [('a', 0), ('b', 0), ('b', 1), ('a', 1),
                                  ('a', 2), ('b', 2), ('b', 3), ('a', 3)]
    assert [len(each) for each in times] == [4, 4]


def test_times_stay_with_their_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def spend(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr('time.perf_counter', lambda: now)
    slow, quick = alternate([lambda frame: spend(2 + frame), lambda frame: spend(1)], 3)
    assert slow == [2000, 3000, 4000] and quick == [1000, 1000, 1000]


def test_a_number_of_frames_is_kept_whatever_the_time() -> None:
    stop = enough(3)
    assert not stop(2, 1e9) and stop(3, 0.0)


def test_without_a_number_time_ends_it_but_not_before_the_fewest() -> None:
    stop = enough(None)
    assert stop(FRAMES, 0.0) and not stop(FRAMES - 1, SECONDS / 2)
    assert stop(FEWEST, SECONDS) and not stop(FEWEST - 1, 1e9)


def test_percentiles_lie_where_a_sorted_list_has_them() -> None:
    values = [float(number) for number in range(100, -1, -1)]
    assert percentiles(values) == {'p50': 50, 'p95': 95, 'p99': 99, 'min': 0}
    assert spread(values) == {'p5': 5, 'p50': 50, 'p95': 95}
