# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Flicker: clips whose changes are known by construction."""

import json

import numpy as np
import pytest
from made_observation import observe
from numpy.typing import NDArray

from degfuse_ros.evaluation.flicker import flicker
from degfuse_ros.evaluation.observation import Observation


def flat(*levels: int, size: tuple[int, int] = (4, 6)) -> list[NDArray[np.uint8]]:
    """Frames of one grey level each."""
    return [np.full(size, level, np.uint8) for level in levels]


def seen(label: str, *experts: tuple[int, int]) -> Observation:
    """A frame's class and the two experts of each layer, of three."""
    rows = np.zeros((len(experts), 3))
    for row, pair in zip(rows, experts):
        row[list(pair)] = 0.6, 0.4
    return observe(label, routing=rows.tolist())


def test_change_is_relative_to_the_mean_of_both_inputs() -> None:
    result = flicker(flat(10, 14, 10), flat(200, 200, 202), {
        'calm': flat(7, 7, 7), 'as the inputs': flat(50, 53, 52), 'wild': flat(0, 255, 0)}, {})
    assert result['frames'] == 3
    assert result['visible'] == 4
    assert result['thermal'] == 1
    methods = result['methods']
    assert methods['calm'] == {'change': 0, 'relative': 0}
    assert methods['as the inputs'] == {'change': 2, 'relative': pytest.approx(2 / 2.5)}
    assert methods['wild'] == {'change': 255, 'relative': pytest.approx(255 / 2.5)}


def test_change_is_the_mean_over_pixels() -> None:
    frames = flat(100, 100)
    frames[1][0, 0] -= 48  # one pixel of 24
    assert flicker(frames, flat(0, 0), {}, {})['visible'] == 2


def test_inputs_that_stand_still_give_no_infinity() -> None:
    result = flicker(flat(9, 9), flat(9, 9), {'folder': flat(1, 2)}, {})
    assert result['methods']['folder'] == {'change': 1, 'relative': 0}


def test_switches_of_class_and_of_experts() -> None:
    frames = flat(1, 2, 3, 4)
    observations = [
        seen('clean', (0, 1), (0, 1)),
        seen('clean', (1, 0), (0, 2)),  # the same two experts weighted otherwise: one switch
        seen('fog', (0, 2), (1, 2)),  # two switches
        seen('clean', (0, 2), (1, 2))]
    result = flicker(frames, frames, {'model': frames, 'folder': frames}, {'model': observations})
    model = result['methods']['model']
    assert model['class_switches'] == 2
    assert model['routing_switches'] == 3
    assert model['routing_share'] == pytest.approx(3 / (2 * 3))
    assert set(result['methods']['folder']) == {'change', 'relative'}
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_clips_that_do_not_fit_are_refused() -> None:
    two = flat(1, 2)
    with pytest.raises(ValueError, match='two frames or more. Got 1'):
        flicker(flat(1), flat(1), {}, {})
    with pytest.raises(ValueError, match='short has 1 for 2'):
        flicker(two, two, {'short': flat(1)}, {})
    with pytest.raises(ValueError, match='model has 1 for 2'):
        flicker(two, two, {'model': two}, {'model': [seen('fog', (0, 1))]})
    with pytest.raises(ValueError, match='wide has .4, 7.'):
        flicker(two, two, {'wide': flat(1, 2, size=(4, 7))}, {})
