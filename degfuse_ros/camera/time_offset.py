# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""By how much the stamps of two cameras differ for the same moment, from what moves in both.

Whatever moves in the scene, or moves both cameras, changes both streams at the same moment. How
much each changes from image to image is a signal; the shift at which the two signals agree best
is the offset. Nothing is known of what moves, and the images need not be registered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

# Seconds of both streams that an estimate looks at: long enough for several moves, short enough
# that a changed offset is seen within half a minute.
WINDOW = 20.0
# Seconds that both must cover before the first estimate.
SHORTEST = 10.0
# Largest offset that is looked for, in seconds: beyond it cameras are not out of step, their
# clocks differ.
LARGEST = 0.5
# Seconds between two values of the signals: a third of the period of a 30 Hz camera. Between
# two shifts the best one is found by a parabola.
GRID = 0.01
# Slower changes than this, in seconds, are left out: light and gain, not motion, make them.
SLOW = 2.0
# The signals agree by chance where nothing moves, but hardly ever as well as this, twice, and at
# the same shift: over 500 windows of independent noise none did (test_time_offset).
LEAST_CORRELATION = 0.5
# A second shift that agrees nearly as well makes the best one a guess, as for periodic motion.
RIVAL = 0.9
# Nearer than this to the best shift, in seconds, is the same peak.
PEAK = 0.15
# Less than this share of a signal's energy is the rounding of its sums: nothing moved then.
STILL = 1e-12
# The most images remembered per camera: 20 s at 120 Hz.
IMAGES = 2400


@dataclass(frozen=True)
class OffsetEstimate:
    """What motion says.

    Attributes:
        offset: seconds to add to thermal stamps so that both tell the same moments.
        correlation: of the two signals at that shift, up to 1.
        spread: seconds by which the estimates of the older and the newer half differ.
    """

    offset: float
    correlation: float
    spread: float


class _Stream:
    """How much one camera's images changed, and when."""

    def __init__(self) -> None:
        self.sample: np.ndarray | None = None
        self.stamp = 0
        self.times: deque[float] = deque(maxlen=IMAGES)  # middle between two images, s
        self.changes: deque[float] = deque(maxlen=IMAGES)  # per second

    @property
    def span(self) -> tuple[float, float]:
        return self.times[0], self.times[-1]

    @property
    def period(self) -> float:
        """The usual time between two images, in seconds."""
        return float(np.median(np.diff(self.times)))

    def signal(self, grid: np.ndarray, shift: float, smooth: float) -> np.ndarray:
        """Return the changes on a grid of times, without noise and what is slow.

        Args:
            grid: times in seconds, GRID apart.
            shift: seconds added to the times of the images.
            smooth: seconds over which to average: the slower camera's period for both.
        """
        # The root keeps one violent change from outvoting all others.
        values = np.sqrt(np.interp(grid, np.asarray(self.times) + shift, self.changes))
        return _mean(values, smooth) - _mean(values, SLOW)


class TimeOffset:
    """Takes samples of both streams as they come, estimates their offset. One thread at a time."""

    def __init__(self) -> None:
        """Start without a past."""
        self._streams: Mapping[str, _Stream] = {'visible': _Stream(), 'thermal': _Stream()}

    def add(self, camera: str, stamp: int, sample: np.ndarray) -> None:
        """Take a sample of an image.

        Args:
            camera: 'visible' or 'thermal'.
            stamp: of the image, in nanoseconds.
            sample: some of its pixels, always the same ones, of any one type; kept, not copied.
        """
        stream = self._streams[camera]
        former, before = stream.sample, stream.stamp
        stream.sample, stream.stamp = sample, stamp
        if former is None or former.shape != sample.shape or former.dtype != sample.dtype:
            return
        if stamp == before:
            return
        if stamp < before:  # a bag that begins anew: the signals would lie over each other
            for each in self._streams.values():
                each.times.clear()
                each.changes.clear()
            return
        seconds = (stamp - before) / 1e9
        change = cv2.norm(former, sample, cv2.NORM_L1) / sample.size / seconds
        if np.isfinite(change):
            stream.times.append((stamp + before) / 2e9)
            stream.changes.append(change)

    def estimate(self, present: float) -> OffsetEstimate | None:
        """Return the offset, or None where too little moved to tell or motion is periodic.

        Args:
            present: seconds that are added to thermal stamps now; the offset is looked for
                within half a second of it.
        """
        visible, thermal = self._streams.values()
        if min(len(visible.times), len(thermal.times)) < SHORTEST:
            return None
        begin = max(visible.span[0], thermal.span[0] + present)
        end = min(visible.span[1], thermal.span[1] + present)
        begin = max(begin, end - WINDOW)
        if end - begin < SHORTEST:
            return None
        smooth = max(visible.period, thermal.period)
        if smooth > LARGEST:  # too few images to tell anything finer than what is looked for
            return None
        grid = np.arange(begin, end, GRID)
        signals = visible.signal(grid, 0.0, smooth), thermal.signal(grid, present, smooth)
        whole = _best_shift(*signals)
        middle = len(grid) // 2
        halves = [_best_shift(*(signal[part] for signal in signals))
                  for part in (slice(middle), slice(middle, None))]
        if whole is None or halves[0] is None or halves[1] is None:
            return None
        spread = abs(halves[0][0] - halves[1][0])
        if spread > smooth:
            return None
        return OffsetEstimate(present + whole[0], whole[1], spread)


def warm_up() -> None:
    """Estimate once from made-up images, so that the first real estimate takes its usual time.

    What NumPy and OpenCV load at their first use took 63 ms on one machine, in the thread that
    receives images: four pairs at 60 Hz were replaced by newer ones before it got to them.
    """
    estimator = TimeOffset()
    for number in range(round(30 * SHORTEST) + 30):  # at 30 Hz
        sample = np.full((1, 1), number ** 2 % 251, np.uint8)  # changes as if at random
        for camera in ('visible', 'thermal'):
            estimator.add(camera, round(number / 30 * 1e9), sample)
    estimator.estimate(0.0)


def _mean(values: np.ndarray, seconds: float) -> np.ndarray:
    """Return the running mean over a time, over what there is of it at the ends."""
    count = max(1, round(seconds / GRID))
    return cv2.blur(values[None], (count, 1), borderType=cv2.BORDER_REFLECT)[0]


def _window_sums(values: np.ndarray, count: int) -> np.ndarray:
    """Return the sums of every `count` neighbours."""
    running = np.concatenate([[0.0], np.cumsum(values)])
    return running[count:] - running[:-count]


def _best_shift(visible: np.ndarray, thermal: np.ndarray) -> tuple[float, float] | None:
    """Return the seconds by which the thermal signal is to come later, and the correlation.

    None where no shift stands out.
    """
    most = round(LARGEST / GRID)
    inner = visible[most:-most] - visible[most:-most].mean()
    # Of every shift, thermal earlier by `most` first. By running sums: the products of matrices
    # that give the same took three times as long, in the thread that receives images.
    power = thermal ** 2
    sums, squares = (_window_sums(values, len(inner)) for values in (thermal, power))
    energies = squares - sums ** 2 / len(inner)
    moving = energies > STILL * power.sum()
    products = np.correlate(thermal, inner, 'valid')
    correlations = np.zeros(len(products))
    if inner.any():
        correlations[moving] = products[moving] / np.sqrt(energies[moving] * (inner ** 2).sum())
    best = int(np.argmax(correlations))
    if not 0 < best < 2 * most or not correlations[best] >= LEAST_CORRELATION:
        return None
    far = np.abs(np.arange(2 * most + 1) - best) * GRID > PEAK
    if correlations[far].max() > RIVAL * correlations[best]:
        return None
    before, peak, after = correlations[best - 1:best + 2]
    fraction = 0.5 * (before - after) / min(before - 2 * peak + after, -1e-12)
    return float(most - best - fraction) * GRID, float(peak)
