# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which differences count, and how large they are."""
from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from degfuse_ros.bags.golden_check import CheckResult, check_replay
from degfuse_ros.bags.golden_file import TOLERANCES
from degfuse_ros.bags.golden_frame import GoldenFrame


def thumbnail(cells: np.ndarray) -> str:
    return base64.b64encode(cells.astype(np.uint8).tobytes()).decode()


GREY = np.full((8, 8, 3), 128)
FRAMES = [GoldenFrame(10 ** 9 * number, 10 ** 9 * number + 5, (64, 48), 'fog',
                      {'fog': 0.6, 'rain': 0.3, 'clean': 0.1}, [{'0': 0.5, '3': 0.5}],
                      [100.0, 110.0, 120.0], 50.0, 8.0, thumbnail(GREY)) for number in range(1, 4)]


def lab(*colour: int) -> tuple[float, float, float]:
    """Return CIE L*a*b* (D65) of an sRGB colour by the formulas of IEC 61966-2-1 and CIE 15."""
    red, green, blue = (((each / 255 + 0.055) / 1.055) ** 2.4 for each in colour)
    x, y, z = (each ** (1 / 3) for each in (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def checked(got: list[GoldenFrame], expected: list[GoldenFrame] | None = None
            ) -> dict[str, CheckResult]:
    """Return the results by name; with the usual tolerances."""
    return {result.name: result for result in check_replay(
        got, FRAMES if expected is None else expected, TOLERANCES)}


def second(**changes: object) -> list[GoldenFrame]:
    """Return the frames with another second one."""
    return [FRAMES[0], replace(FRAMES[1], **changes), FRAMES[2]]  # type: ignore[arg-type]


def test_equal_replays_have_no_difference() -> None:
    results = checked(FRAMES)
    assert list(results) == list(TOLERANCES)
    assert not any(result.lines or result.largest for result in results.values())


def test_a_class_is_as_far_off_as_the_scores_are_apart() -> None:
    other = checked(second(label='rain', scores={'fog': 0.3, 'rain': 0.6, 'clean': 0.1}))['class']
    assert other.largest == pytest.approx(0.3)
    [line] = other.lines
    assert line.startswith('frame 2 (1.000 s) class: got rain 0.600, expected fog 0.600 (off')
    # As good as equal: another machine may round it the other way.
    near = checked(second(label='rain', scores={'fog': 0.44, 'rain': 0.46, 'clean': 0.1}))['class']
    assert near.largest == pytest.approx(0.02) and not near.lines
    assert checked(second(label='', scores={}))['class'].largest == 1.0
    # Surer or less sure of the same class is no other class.
    assert checked(second(scores={'fog': 0.9, 'rain': 0.1}))['class'].largest == 0.0


def test_routing_counts_experts_that_only_one_side_chose() -> None:
    result = checked(second(routing=[{'0': 0.5, '4': 0.5}]))['routing']
    assert result.largest == 0.5
    assert 'got layer 0 0.500 of expert 0 and 0.500 of expert 4, exp' in result.lines[0]
    assert checked(second(routing=[{'0': 0.52, '3': 0.48}]))['routing'].lines == []
    assert checked(second(routing=[]))['routing'].largest == 1.0


def test_one_cell_of_another_colour_is_found() -> None:
    cells = GREY.copy()
    cells[2, 5] = (128, 128, 160)
    result = checked(second(thumbnail=thumbnail(cells)))['colour']
    assert len(result.lines) == 1 and 'row 3, column 6 of 8' in result.lines[0]
    # OpenCV interpolates in tables.
    assert result.largest == pytest.approx(np.linalg.norm(
        np.subtract(lab(128, 128, 160), lab(128, 128, 128))), abs=0.3)
    cells[2, 5] = (130, 130, 130)
    assert not checked(second(thumbnail=thumbnail(cells)))['colour'].lines


def test_statistics() -> None:
    for name, changes, distance in (('mean', {'mean': [100.0, 113.0, 120.0]}, 3.0),
                                    ('deviation', {'deviation': 48.0}, 2.0),
                                    ('sharpness', {'sharpness': 9.0}, 1.0)):
        results = checked(second(**changes))
        assert results[name].largest == distance
        assert [each for each in results if results[each].lines] == [name]


def test_pairs_missing_too_many_or_of_other_images() -> None:
    missing = checked([FRAMES[0], FRAMES[2]])['pairs']
    assert missing.lines == ['got 2 pairs, expected 3', 'frame 2 (1.000 s): missing']
    surplus = checked([*FRAMES, replace(FRAMES[2], visible=9 * 10 ** 9)])['pairs']
    assert surplus.lines[1:] == ['a pair that is not expected, at 8.000 s']
    other = checked(second(thermal=2 * 10 ** 9 - 5))['pairs']
    assert other.largest == 1 and 'thermal 2.000000' in other.lines[1]
    assert checked([])['pairs'].largest == 3
    assert checked(FRAMES, [])['pairs'].largest == 3


def test_a_looped_bag_is_compared_round_by_round() -> None:
    darker = [replace(frame, deviation=20.0) for frame in FRAMES]
    twice = [*FRAMES, *darker]
    assert not any(result.lines for result in checked(twice, twice).values())
    assert len(checked([*FRAMES, *FRAMES], twice)['deviation'].lines) == 3
