# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Times of repeated work, alone and in alternation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import count

import numpy as np

FrameWork = Callable[[int], object]
"""Does the work of the frame of that number, and waits for its result."""

# The first frames of a size set up memory and kernels.
WARM_UP = 5
# Without a number of frames: enough for percentiles, or as many as fit into the time. Slow sizes
# shall not take minutes, but a percentile of fewer than five means nothing.
FRAMES, SECONDS, FEWEST = 100, 15.0, 5


def enough(frames: int | None) -> Callable[[int, float], bool]:
    """Return what tells, from frames done and seconds gone, whether to stop.

    Args:
        frames: exactly so many; None for up to `FRAMES` within `SECONDS`, but `FEWEST` at least.
    """
    if frames is not None:
        return lambda done, seconds: done >= frames
    return lambda done, seconds: done >= FRAMES or (done >= FEWEST and seconds >= SECONDS)


def alternate(works: Sequence[FrameWork], frames: int | None) -> list[list[float]]:
    """Time works in turn, frame by frame, so that whatever slows the machine slows all.

    Every second frame they run in the opposite order: who comes first may find warmer caches.

    Args:
        works: one or more.
        frames: as for `enough`.

    Returns:
        Per work the milliseconds of each frame; frame i of all works was run side by side.
    """
    for frame in range(WARM_UP):
        for work in works:
            work(frame)
    times: list[list[float]] = [[] for _ in works]
    stop, start = enough(frames), time.perf_counter()
    for frame in count():
        if stop(frame, time.perf_counter() - start):
            return times
        turns = list(zip(works, times))
        for work, own in turns if frame % 2 == 0 else reversed(turns):
            begin = time.perf_counter()
            work(frame)
            own.append(1e3 * (time.perf_counter() - begin))
    raise AssertionError('count() does not end')


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the least of some values."""
    p50, p95, p99 = (float(each) for each in np.percentile(values, (50, 95, 99)))
    return {'p50': p50, 'p95': p95, 'p99': p99, 'min': float(min(values))}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the middle of some ratios and the range that holds nine tenths of them."""
    p5, p50, p95 = (float(each) for each in np.percentile(values, (5, 50, 95)))
    return {'p5': p5, 'p50': p50, 'p95': p95}
