# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The paper's claims, on routings made to fulfil or to break them."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from degfuse_ros.evaluation.routing import distance
from degfuse_ros.evaluation.routing_claims import (
    chance_of_share,
    check_claims,
    effective_experts,
)

KERNELS = ('1x3', '1x5', '1x7', '3x1', '5x1', '7x1', '3x3', '5x5')
LAYERS = 11
EVEN = np.full((LAYERS, 8), 1 / 8)


def focused(*experts: int) -> NDArray[np.float64]:
    """A routing that uses these experts alone, equally, in every layer."""
    table = np.zeros((LAYERS, 8))
    table[:, experts] = 1 / len(experts)
    return table


def answers(heat: dict[str, NDArray[np.float64]],
            within: tuple[float, ...] = (0.01,)) -> dict[str, tuple[bool, str]]:
    """Whether each claim holds and what was found, by the claim's first word."""
    tables = list(heat.values())
    distances = [[distance(one, other) for other in tables] for one in tables]
    claims = check_claims(heat, KERNELS, distances, within)
    return {each['claim'].split()[0]: (each['holds'], each['found']) for each in claims}


def test_a_routing_as_the_paper_shows_it() -> None:
    found = answers({'clean': EVEN, 'fog': focused(3, 4, 5), 'low_light': focused(0, 1),
                     'rain': focused(7)})
    assert {claim: holds for claim, (holds, _) in found.items()} == dict.fromkeys(
        ('Low', 'Fog', 'Rain', 'Clean', 'Routing'), True)
    # The other conditions' shares are 3/8, 0 and 0.
    assert ('Low light gives experts 0 to 2 (1x3, 1x5, 1x7) 100% of the gate weight; the other '
            'conditions give 12% on average, and an even spread would be 38%.') in found['Low'][1]
    assert 'experts 3 to 5 (3x1, 5x1, 7x1) 100%' in found['Fog'][1]
    assert ('gets 100% of the gate weight in rain, mean over the layers (other conditions: low '
            'light 50%, fog 33%, clean 12%)') in found['Rain'][1]
    assert 'as if over 8.0 equally used experts of 8' in found['Clean'][1]
    assert '(other conditions: fog 3.0, low light 2.0, rain 1.0)' in found['Clean'][1]


def test_a_routing_turned_round() -> None:
    found = answers({'clean': focused(2), 'fog': focused(0, 7), 'low_light': focused(6, 7),
                     'rain': EVEN})
    assert {claim: holds for claim, (holds, _) in found.items()} == {
        'Low': False, 'Fog': False, 'Rain': False, 'Clean': False, 'Routing': True}


def test_the_first_experts_must_be_the_first_more_than_elsewhere() -> None:
    assert not answers({'fog': focused(0, 1), 'low_light': focused(0, 1)})['Low'][0]


def test_more_than_the_others_is_not_yet_strongly() -> None:
    assert answers({'fog': focused(0, 1, 2), 'rain': focused(0, 1)})['Rain'][0]
    assert not answers({'fog': focused(0, 1, 2, 3), 'rain': focused(0, 1, 2)})['Rain'][0]
    assert not answers({'fog': focused(0), 'rain': focused(0, 1)})['Rain'][0]


def test_more_than_the_others_is_not_yet_evenly() -> None:
    seven, five = focused(0, 1, 2, 3, 4, 5, 6), focused(0, 1, 2, 3, 4)
    assert answers({'clean': seven, 'fog': five})['Clean'][0]
    assert not answers({'clean': five, 'fog': focused(0)})['Clean'][0]
    assert not answers({'clean': seven, 'fog': EVEN})['Clean'][0]


def test_a_single_layer_may_do_so_by_chance() -> None:
    table = EVEN.copy()
    table[0] = np.eye(8)[1]
    heat = {'fog': EVEN, 'low_light': table}
    holds, found = answers(heat)['Low']
    # One expert lies among three of eight with a chance of 3 / 8.
    assert not holds
    chance = float(found.split()[-1].rstrip('%.'))
    assert chance == pytest.approx(100 * 3 / 8, abs=2)


def test_chance_of_a_share_is_that_of_all_numberings() -> None:
    row = np.random.default_rng(1).dirichlet(np.ones(6))
    sums = np.array([row[list(group)].sum() for group in combinations(range(6), 2)])
    for share in np.quantile(sums, [0.2, 0.7]):
        expected = (sums >= share).mean()
        assert chance_of_share(row[None], 2, share) == pytest.approx(expected, abs=0.02)
    assert chance_of_share(EVEN, 3, 3 / 8) == 1


def test_effective_experts_of_known_routings() -> None:
    assert effective_experts(EVEN) == pytest.approx(8)
    assert effective_experts(focused(1, 5)) == pytest.approx(2)
    assert effective_experts(np.array([[1, 0, 0, 0], [0.25] * 4])) == pytest.approx(2.5)
    # Entropy 0.5 + 0.25 * 2 * 2 = 1.5 bits.
    assert effective_experts(np.array([[0.5, 0.25, 0.25]])) == pytest.approx(2 ** 1.5)


def test_routing_differs_only_beyond_the_spread_of_scenes() -> None:
    heat = {'clean': focused(0, 1), 'fog': focused(0, 2), 'rain': focused(0, 3)}
    # Half of the weight is shared, the other half disjoint: 0.5 bits.
    holds, found = answers(heat, (0.1, 0.49))['Routing']
    assert holds
    assert '0.500 bits' in found
    assert 'at most 0.490 bits' in found
    assert not answers(heat, (0.1, 0.51))['Routing'][0]
    holds, found = answers(heat, ())['Routing']
    assert not holds
    assert 'too few scenes' in found


def test_claims_need_their_condition_and_one_to_compare_with() -> None:
    assert answers({'fog': EVEN}) == {}
    assert set(answers({'clean': EVEN, 'overexposed': EVEN})) == {'Clean', 'Routing'}


def test_one_expert_is_no_choice() -> None:
    alone = np.ones((LAYERS, 1))
    claims = check_claims({'fog': alone, 'rain': alone}, ['3x3'], [[0, 0], [0, 0]], [0.0])
    assert [claim['holds'] for claim in claims] == [False]
    assert 'one expert' in claims[0]['found']
