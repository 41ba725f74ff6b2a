# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Routing: means by hand, distances against SciPy, and runs with one expert or without cases."""

import json

import numpy as np
import pytest
from made_observation import observe
from scipy.spatial.distance import jensenshannon

from degfuse_ros.evaluation.observation import Observation
from degfuse_ros.evaluation.routing import distance, summarise

LAYERS = ('first', 'second')
KERNELS = ('1x3', '3x1', '3x3')


def copy(label: str, pair: str, *rows: list[float]) -> Observation:
    """A degraded copy, or the clean original, with its gate weights."""
    case = '' if label == 'clean' else f'{label}_1'
    return observe(label, (label,), case=case, pair=pair, routing=list(rows))


OBSERVATIONS = [
    copy('clean', 'a', [1, 0, 0], [0.5, 0.5, 0]),
    copy('fog', 'a', [0, 1, 0], [0.5, 0.5, 0]),
    copy('fog', 'b', [0, 0.5, 0.5], [0.25, 0.75, 0]),
]


def test_heat_and_load() -> None:
    result = summarise(OBSERVATIONS, LAYERS, KERNELS)
    assert result['layers'] == list(LAYERS)
    assert result['experts'] == ['expert_0', 'expert_1', 'expert_2']
    assert result['kernels'] == list(KERNELS)
    assert result['conditions'] == ['clean', 'fog']
    assert result['images'] == {'clean': 1, 'fog': 2}
    assert result['heat']['clean'] == [[1, 0, 0], [0.5, 0.5, 0]]
    assert result['heat']['fog'] == [[0, 0.75, 0.25], [0.375, 0.625, 0]]
    # Conditions weigh the same, although there are two foggy images.
    assert result['load'] == [[0.5, 0.375, 0.125], [0.4375, 0.5625, 0]]


def test_an_expert_is_unused_only_if_no_image_at_all_used_it() -> None:
    assert summarise(OBSERVATIONS, LAYERS, KERNELS)['unused'] == pytest.approx(1 / 6)
    # A combination is no condition, but what it uses is used.
    both = observe('fog', ('fog', 'rain'), case='fog_rain_1', pair='a',
                   routing=[[1, 0, 0], [0, 0, 1]])
    result = summarise([*OBSERVATIONS, both], LAYERS, KERNELS)
    assert result['unused'] == 0
    assert result['conditions'] == ['clean', 'fog']


def test_distance_is_scipys_squared_and_averaged_over_layers() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.dirichlet(np.full(8, 0.3), size=(2, 11))
    other[:, 2] = 0
    other /= other.sum(axis=1, keepdims=True)
    expected = np.mean([jensenshannon(p, q, base=2) ** 2 for p, q in zip(one, other)])
    assert distance(one, other) == pytest.approx(expected, rel=1e-9)
    assert distance(one, one) == 0
    assert distance(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])) == 1


def test_the_distances_are_those_of_the_heat_maps() -> None:
    result = summarise(OBSERVATIONS, LAYERS, KERNELS)
    apart = distance(*(np.array(result['heat'][name]) for name in ('clean', 'fog')))
    assert apart > 0.5
    assert np.array(result['distance']) == pytest.approx(np.array([[0, apart], [apart, 0]]))


def test_conditions_are_the_degraded_copies_and_their_originals() -> None:
    real_night = observe('low_light', ('low_light',), pair='c', routing=[[0, 0, 1]] * 2)
    result = summarise([*OBSERVATIONS, real_night], LAYERS, KERNELS)
    assert result['conditions'] == ['clean', 'fog']
    # Without any copies there is nothing better than the real images.
    result = summarise([OBSERVATIONS[0], real_night], LAYERS, KERNELS)
    assert result['conditions'] == ['clean', 'low_light']
    assert result['heat']['low_light'] == [[0, 0, 1]] * 2


def test_no_known_class_leaves_the_load() -> None:
    result = summarise([observe('fog', routing=[[0, 1, 0], [0.5, 0, 0.5]])], LAYERS, KERNELS)
    assert result['conditions'] == result['distance'] == result['claims'] == []
    assert result['load'] == [[0, 1, 0], [0.5, 0, 0.5]]
    assert result['unused'] == 0.5


@pytest.mark.parametrize('experts', [1, 8])
def test_models_of_one_expert_and_of_all_active_ones(experts: int) -> None:
    even = [[1 / experts] * experts] * 2
    result = summarise([copy('clean', 'a', *even), copy('fog', 'a', *even),
                        copy('clean', 'b', *even), copy('fog', 'b', *even)],
                       LAYERS, [f'{index}' for index in range(experts)])
    assert result['unused'] == 0
    assert np.array(result['load']) == pytest.approx(np.array(even))
    assert result['distance'] == [[0, 0], [0, 0]]
    assert not any(claim['holds'] for claim in result['claims'] if 'differs' in claim['claim'])
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_same_routing_in_all_conditions_differs_by_scene_at_most() -> None:
    """Scenes that differ more than conditions do: no claim to routing by condition."""
    rows: dict[str, list[list[float]]] = {'a': [[1, 0, 0]] * 2, 'b': [[0, 1, 0]] * 2}
    same = [copy(label, pair, *rows[pair]) for label in ('clean', 'fog') for pair in rows]
    last = summarise(same, LAYERS, KERNELS)['claims'][-1]
    assert not last['holds']
    assert 'at most 1.000 bits' in last['found']


def test_the_halves_hold_the_same_number_of_scenes() -> None:
    """Four scenes of experts 0 0 1 1, taken in turn: both halves use both experts equally."""
    tables: list[list[list[float]]] = [[[1, 0, 0]] * 2, [[0, 1, 0]] * 2]
    scenes = [copy('fog', pair, *tables[index // 2]) for index, pair in enumerate('abcd')]
    # The copies of one scene stay together, in whatever order they come.
    scenes += [copy('fog', 'a', *tables[0]), copy('clean', 'a', *tables[0])]
    weights = np.array([[2 / 3, 1 / 3, 0], [1 / 2, 1 / 2, 0]])
    spread = distance(weights[:1], weights[1:])
    last = summarise(scenes, LAYERS, KERNELS)['claims'][-1]
    assert f'at most {spread:.3f} bits' in last['found']
