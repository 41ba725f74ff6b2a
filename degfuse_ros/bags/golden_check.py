# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Compare a replay with the golden one."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from degfuse_ros.bags.golden_file import TOLERANCES
from degfuse_ros.bags.golden_frame import GoldenFrame


@dataclass
class CheckResult:
    """What one check found in all frames.

    Attributes:
        name: of the check, as in `TOLERANCES`.
        tolerance: of it.
        largest: the largest difference, whether it is within the tolerance or not.
        lines: one for each difference beyond the tolerance, that say frame, got and expected.
    """

    name: str
    tolerance: float
    largest: float = 0.0
    lines: list[str] = field(default_factory=list)

    def add(self, distance: float, where: str, got: Any, expected: Any) -> None:
        """Take the difference of one frame."""
        self.largest = max(self.largest, distance)
        if distance > self.tolerance:
            self.lines.append(f'{where}: got {got}, expected {expected} (off by {distance:.4g}, '
                              f'tolerance {self.tolerance:g})')


def check_replay(got: Sequence[GoldenFrame], expected: Sequence[GoldenFrame],
                 tolerances: Mapping[str, float]) -> list[CheckResult]:
    """Compare a replay with what is expected.

    Args:
        got: the results of the replay.
        expected: those of the golden file.
        tolerances: by the names of `TOLERANCES`, all of them.

    Returns:
        One result for each check, in the order of `TOLERANCES`.
    """
    results = {name: CheckResult(name, tolerances[name]) for name in TOLERANCES}
    found, wanted = _keyed(got), _keyed(expected)
    begin = _moment(expected[0]) if expected else 0
    pairs: list[str] = []
    for number, (key, golden) in enumerate(wanted.items(), 1):
        where = f'frame {number} ({(_moment(golden) - begin) / 1e9:.3f} s)'
        frame = found.pop(key, None)
        problem = 'missing' if frame is None else _other(frame, golden)
        if problem:
            pairs.append(f'{where}: {problem}')
        if frame is not None and frame.size == golden.size:
            for name, distance, this, that in _distances(frame, golden):
                results[name].add(distance, f'{where} {name}', this, that)
    pairs += [f'a pair that is not expected, at {(_moment(frame) - begin) / 1e9:.3f} s'
              for frame in found.values()]
    results['pairs'].largest = len(pairs)
    if len(pairs) > tolerances['pairs']:
        results['pairs'].lines = [f'got {len(got)} pairs, expected {len(expected)}', *pairs]
    return list(results.values())


def _moment(frame: GoldenFrame) -> int:
    return frame.visible or frame.thermal


def _keyed(frames: Sequence[GoldenFrame]) -> dict[tuple[int, int], GoldenFrame]:
    """Return the frames by stamp, and how often it was there before: a looped bag repeats it."""
    seen: Counter[int] = Counter()
    keyed = {}
    for frame in frames:
        keyed[_moment(frame), seen[_moment(frame)]] = frame
        seen[_moment(frame)] += 1
    return keyed


def _other(got: GoldenFrame, expected: GoldenFrame) -> str:
    """Say whether a result was made from other images; '' where it was not."""
    if (got.visible, got.thermal) != (expected.visible, expected.thermal):
        return f'got images of {_stamps(got)}, expected {_stamps(expected)}'
    if got.size != expected.size:
        return (f'got {got.size[0]}x{got.size[1]} pixels, expected '
                f'{expected.size[0]}x{expected.size[1]}')
    return ''


def _stamps(frame: GoldenFrame) -> str:
    return ' and '.join(f'{camera} {stamp / 1e9:.6f}' for camera, stamp in
                        (('visible', frame.visible), ('thermal', frame.thermal)) if stamp)


def _distances(got: GoldenFrame, expected: GoldenFrame
               ) -> Iterator[tuple[str, float, str, str]]:
    """Yield check, distance, and what is said of either, of one frame."""
    yield 'class', _classes_apart(got, expected.label), _class(got), _class(expected)
    if len(got.routing) == len(expected.routing):
        for layer, (these, those) in enumerate(zip(got.routing, expected.routing, strict=True)):
            off = max(abs(these.get(expert, 0.0) - those.get(expert, 0.0))
                      for expert in {*these, *those})
            yield 'routing', off, f'layer {layer} {_experts(these)}', _experts(those)
    else:
        yield 'routing', 1.0, f'{len(got.routing)} layers', f'{len(expected.routing)}'
    yield ('mean', float(np.abs(np.subtract(got.mean, expected.mean)).max()),
           f'{got.mean}', f'{expected.mean}')
    for name in ('deviation', 'sharpness'):
        this, that = getattr(got, name), getattr(expected, name)
        yield name, abs(this - that), f'{this:g}', f'{that:g}'
    yield _colour(got, expected)


def _classes_apart(got: GoldenFrame, expected: str) -> float:
    """Return 0 for the same class, or how much the replay is surer of its own; 1 without any."""
    if got.label == expected:
        return 0.0
    if expected not in got.scores:
        return 1.0
    return abs(got.scores[got.label] - got.scores[expected])


def _class(frame: GoldenFrame) -> str:
    return f'{frame.label} {frame.scores[frame.label]:.3f}' if frame.label else 'none'


def _experts(weights: Mapping[str, float]) -> str:
    return ' and '.join(f'{weight:.3f} of expert {expert}' for expert, weight in weights.items())


def _colour(got: GoldenFrame, expected: GoldenFrame) -> tuple[str, float, str, str]:
    """Compare the thumbnails; the worst cell is told by row and column, from 1."""
    these, those = got.colours(), expected.colours()
    distances = np.linalg.norm(these - those, axis=-1)
    row, column = np.unravel_index(int(distances.argmax()), distances.shape)
    return ('colour', float(distances[row, column]),
            f'L*a*b* {_lab(these[row, column])} in row {row + 1}, column {column + 1} of 8',
            _lab(those[row, column]))


def _lab(colour: np.ndarray) -> str:
    return f'({", ".join(f"{value:.1f}" for value in colour)})'
