# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The paper's claims about its routing, each checked with figures and said in words.

The paper shows that low light uses the first experts, fog the middle ones, that rain drives single
experts strongly, that clean scenes spread evenly, and that routing differs by scene.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Heat = Mapping[str, NDArray[np.float64]]

DIFFERENT = 'Routing differs by scene.'

DRAWS = 10_000
"""Random numberings of the experts; 5 % of them is then known within 0.2 %."""

CHANCE = 0.05
"""The usual level of significance: rarer than this is not called chance."""

STRONGLY = 0.5
"""Of a layer's gate weight: one expert then outweighs all others together."""

EVENLY = 0.75
"""Of the experts: as even as if six of eight shared the work equally and two had none."""


def check_claims(heat: Heat, kernels: Sequence[str], distances: Sequence[Sequence[float]],
                 within: Sequence[float]) -> list[dict[str, Any]]:
    """Check each claim that the conditions at hand allow to check.

    Args:
        heat: L x M mean gate weights of each condition; rows sum to 1.
        kernels: shape of each of the M experts.
        distances: Jensen-Shannon divergence in bits of each two conditions, in the order of heat.
        within: the same between two halves of one condition's scenes, one per condition.

    Returns:
        Per claim what is claimed, what was found in words, and whether it holds. Empty with fewer
        than two conditions, since each claim compares.
    """
    if len(heat) < 2:
        return []
    if len(kernels) == 1:
        return [{'claim': DIFFERENT, 'holds': False,
                 'found': 'A layer has one expert: there is nothing to choose.'}]
    first, middle, _ = np.array_split(np.arange(len(kernels)), 3)
    checks: dict[str, tuple[str, Callable[[], tuple[str, bool]]]] = {
        'low_light': ('Low light uses the first experts.',
                      lambda: _experts(heat, 'low_light', first, kernels)),
        'fog': ('Fog uses the middle experts.', lambda: _experts(heat, 'fog', middle, kernels)),
        'rain': ('Rain drives single experts strongly.', lambda: _strongest(heat)),
        'clean': ('Clean scenes spread evenly over the experts.', lambda: _evenness(heat)),
    }
    answers = [(claim, check()) for name, (claim, check) in checks.items() if name in heat]
    answers.append((DIFFERENT, _differences(list(heat), distances, within)))
    return [{'claim': claim, 'found': found, 'holds': holds} for claim, (found, holds) in answers]


def effective_experts(table: NDArray[np.float64]) -> float:
    """How many equally used experts a routing is worth: 2 ^ entropy in bits, mean over layers.

    Args:
        table: L x M gate weights; rows sum to 1.
    """
    entropy = -(table * np.log2(np.where(table > 0, table, 1))).sum(axis=1)
    return float((2 ** entropy).mean())


def chance_of_share(table: NDArray[np.float64], size: int, share: float) -> float:
    """How often a random group of experts in each layer gets a share of the weight or more.

    Args:
        table: L x M gate weights; rows sum to 1.
        size: experts in the group.
        share: of the gate weight, mean over the layers.

    Returns:
        The fraction of `DRAWS` seeded draws, 0 to 1.
    """
    generator = np.random.default_rng(0)
    layers, experts = table.shape
    total = np.zeros(DRAWS)
    for row in table:
        order = generator.random((DRAWS, experts)).argsort(axis=1)[:, :size]
        total += row[order].sum(axis=1)
    # Rounding must not tell equal sums apart.
    return float((total / layers >= share - 1e-9).mean())


def _experts(heat: Heat, condition: str, group: NDArray[np.intp],
             kernels: Sequence[str]) -> tuple[str, bool]:
    """Whether a condition prefers a group of experts, as against other conditions and chance."""
    shares = {name: float(table[:, group].sum(axis=1).mean()) for name, table in heat.items()}
    share = shares.pop(condition)
    others, even = float(np.mean(list(shares.values()))), len(group) / len(kernels)
    chance = chance_of_share(heat[condition], len(group), share)
    found = (f'{_prose(condition).capitalize()} gives {_listed(group, kernels)} {share:.0%} of '
             f'the gate weight; the other conditions give {others:.0%} on average, and an even '
             f'spread would be {even:.0%}. The order of experts is arbitrary: numbered at random '
             f'in each layer, they reach this share with a chance of {chance:.1%}.')
    return found, share > others and chance <= CHANCE


def _strongest(heat: Heat) -> tuple[str, bool]:
    """Whether in rain one expert of a layer takes most of the weight, more than elsewhere."""
    peaks = {name: float(table.max(axis=1).mean()) for name, table in heat.items()}
    rain = peaks.pop('rain')
    found = (f"A layer's strongest expert gets {rain:.0%} of the gate weight in rain, mean over "
             f'the layers (other conditions: {_ranked(peaks, ".0%")}).')
    return found, rain >= STRONGLY and rain > max(peaks.values())


def _evenness(heat: Heat) -> tuple[str, bool]:
    """Whether clean scenes use most experts, and more of them than other conditions do."""
    numbers = {name: effective_experts(table) for name, table in heat.items()}
    clean = numbers.pop('clean')
    total = next(iter(heat.values())).shape[1]
    found = (f'Clean scenes spread as if over {clean:.1f} equally used experts of {total}: 2 to '
             'the power of the entropy, mean over the layers (other conditions: '
             f'{_ranked(numbers, ".1f")}).')
    return found, clean >= EVENLY * total and clean > max(numbers.values())


def _differences(names: Sequence[str], distances: Sequence[Sequence[float]],
                 within: Sequence[float]) -> tuple[str, bool]:
    """Whether any two conditions lie further apart than two halves of one condition."""
    pairs = {(names[one], names[other]): distances[one][other]
             for one, other in combinations(range(len(names)), 2)}
    nearest, furthest = min(pairs, key=pairs.__getitem__), max(pairs, key=pairs.__getitem__)
    found = (f'The routings of {_both(nearest)} are nearest, {pairs[nearest]:.3f} bits apart, '
             f'those of {_both(furthest)} furthest, {pairs[furthest]:.3f} bits (0: the same, 1: '
             'no expert in common).')
    if not within:
        return f'{found} There are too few scenes to tell this from chance.', False
    found += (' Two halves of the scenes of one condition lie at most '
              f'{max(within):.3f} bits apart.')
    return found, pairs[nearest] > max(within)


def _listed(group: NDArray[np.intp], kernels: Sequence[str]) -> str:
    """Name neighbouring experts with their kernels."""
    shapes = ', '.join(kernels[index] for index in group)
    numbers = f's {group[0]} to {group[-1]}' if len(group) > 1 else f' {group[0]}'
    return f'expert{numbers} ({shapes})'


def _ranked(figures: Mapping[str, float], pattern: str) -> str:
    """List conditions with their figures, the highest first."""
    order = sorted(figures, key=figures.__getitem__, reverse=True)
    return ', '.join(f'{_prose(name)} {format(figures[name], pattern)}' for name in order)


def _both(names: tuple[str, str]) -> str:
    return ' and '.join(map(_prose, names))


def _prose(condition: str) -> str:
    return condition.replace('_', ' ')
