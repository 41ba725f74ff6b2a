# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Scenes: what is true of them, and that degrading touches nothing but the visible image."""

from dataclasses import replace

import numpy as np
import pytest
from made_scene import make_scene

from degfuse_ros.evaluation.degradations import CASES

CASE = {case.name: case for case in CASES}


@pytest.mark.parametrize(('condition', 'labels', 'degradations'), [
    ('fog', ('fog',), ('fog',)), ('clean', ('clean',), ()), ('unknown', (), ())])
def test_of_a_pair_as_it_is_its_condition_is_known(
        condition: str, labels: tuple[str, ...], degradations: tuple[str, ...]) -> None:
    scene = make_scene(condition=condition)
    assert scene.labels == labels
    # A restoration that is told the truth has nothing to undo in a clean picture.
    assert scene.degradations == degradations


def test_a_degraded_scene_is_labelled_by_what_was_done_to_it() -> None:
    scene = make_scene(condition='clean').degraded(CASE['rain_low_light_2'], 0)
    assert set(scene.labels) == set(scene.degradations) == {'rain', 'low_light'}


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_methods_get_the_degraded_image_and_are_judged_by_the_clean_one(case) -> None:
    original = make_scene()
    scene = original.degraded(case, 0)
    assert scene.visible.shape == original.visible.shape
    assert scene.visible.dtype == np.uint8
    assert not np.array_equal(scene.visible, original.visible)
    assert np.array_equal(scene.clean, make_scene().visible)
    assert np.array_equal(scene.thermal, make_scene().thermal)
    assert (scene.pair, scene.case) == (original.pair, case)


def test_degradations_do_not_add_up() -> None:
    fog, rain = CASE['fog_uniform_3'], CASE['rain_3']
    twice = make_scene().degraded(fog, 0).degraded(rain, 0)
    assert np.array_equal(twice.visible, make_scene().degraded(rain, 0).visible)


def test_the_picture_depends_on_the_seed_and_the_pair() -> None:
    case = CASE['low_light_2']
    first = make_scene().degraded(case, 0).visible
    assert np.array_equal(first, make_scene().degraded(case, 0).visible)
    assert not np.array_equal(first, make_scene().degraded(case, 1).visible)
    moved = make_scene(source='other')  # a plain folder is its own source: it may be renamed
    assert np.array_equal(first, moved.degraded(case, 0).visible)
    other = replace(make_scene(), pair=make_scene('two').pair)  # the same picture, another name
    assert not np.array_equal(first, other.degraded(case, 0).visible)
