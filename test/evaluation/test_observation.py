# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Observations: which answers are right, and which images show the same scenes in all classes."""

import pytest
from made_observation import observe

from degfuse_ros.evaluation.observation import controlled


@pytest.mark.parametrize(('found', 'labels', 'truth', 'right'), [
    ('fog', ('fog',), 'fog', True),
    ('rain', ('fog',), 'fog', False),
    ('low_light', ('fog', 'low_light'), 'low_light', True),
    ('rain', ('fog', 'low_light'), 'fog', False),
])
def test_among_several_right_answers_the_found_one_counts(
        found: str, labels: tuple[str, ...], truth: str, right: bool) -> None:
    observation = observe(found, labels)
    assert (observation.truth, observation.right) == (truth, right)


def test_controlled_keeps_copies_and_the_clean_originals_of_copies() -> None:
    copies = [observe('fog', ('fog',), case='fog_1', pair='a'),
              observe('fog', ('fog',), case='fog_1', pair='unnamed')]
    original = observe('clean', ('clean',), pair='a')
    others = [
        observe('clean', ('clean',), pair='never degraded'),
        observe('clean', ('clean',), pair='a', group='another set'),
        observe('clean', pair='unnamed'),  # its own class is not known
        observe('low_light', ('low_light',), pair='a'),
        observe('fog', ('fog', 'rain'), case='fog_rain_1', pair='never degraded')]
    kept = controlled([*others, original, *copies])
    assert len(kept) == 3
    assert {id(each) for each in kept} == {id(each) for each in [original, *copies]}


def test_a_combination_alone_controls_nothing() -> None:
    both = observe('fog', ('fog', 'rain'), case='fog_rain_1')
    assert controlled([both, observe('clean', ('clean',))]) == []
