# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The street: its distances are those of its geometry, its truth fits its pictures."""
import numpy as np
import pytest

from degfuse_ros.demo import street
from degfuse_ros.demo.light import SUN
from degfuse_ros.demo.scene import PERSON, VEHICLE, Scene
from degfuse_ros.demo.viewpoint import EYE_HEIGHT


@pytest.fixture(scope='module')
def scene() -> Scene:
    return Scene(320, 240)


def test_the_ground_has_the_depth_of_a_plane(scene: Scene) -> None:
    layers = scene.look(0.0).layers
    row = 235
    below = row - scene.view.centre[1]
    expected = EYE_HEIGHT * scene.view.focal / below
    assert np.isclose(np.median(layers.depth[row]), expected, rtol=0.02)


def test_the_ground_is_told_from_what_stands_on_it(scene: Scene) -> None:
    view = scene.look(0.0)
    rows = slice(int(scene.view.centre[1]) + 12, 240)
    ground = view.layers.is_ground((rows, slice(0, 320)))
    assert ground[-1].mean() > 0.95
    moving = view.layers.objects[rows] > 0
    assert ground[moving].mean() < 0.1


def test_objects_fit_their_boxes_and_stand_on_the_ground(scene: Scene) -> None:
    for time in (0.0, 13.0, 15.0, 31.0):
        view = scene.look(time)
        assert view.objects
        for thing in view.objects:
            left, top, right, bottom = thing.box
            mask = view.layers.objects == thing.number
            assert mask[top:bottom, left:right].sum() == mask.sum() > 0
            assert mask[top].any() and mask[bottom - 1].any()
            foot = scene.view.centre[1] + scene.view.focal * EYE_HEIGHT / thing.distance
            # A vehicle's nearest wheel stands up to half its length before its middle.
            nearest = max(0.5, thing.distance - 2.8)
            lowest = scene.view.centre[1] + scene.view.focal * EYE_HEIGHT / nearest
            assert bottom < (foot if thing.kind == PERSON else lowest) + 4


def test_people_and_running_vehicles_are_warmer_than_the_road(scene: Scene) -> None:
    road = np.median(scene.look(0.0).layers.thermal[200:])
    kinds = set()
    for time in np.arange(0.0, 24.0, 2.0):
        view = scene.look(float(time))
        for thing in view.objects:
            # Far ones are a few pixels, mixed with what is behind them.
            if thing.distance < 40:
                warmth = view.layers.thermal[view.layers.objects == thing.number]
                # A whole person is warm; of a vehicle the wheels, the bonnet, the exhaust.
                share = 40 if thing.kind == PERSON else 90
                assert np.percentile(warmth, share) > road + 0.08
                kinds.add(thing.kind)
    assert kinds == {PERSON, VEHICLE}


def test_things_move(scene: Scene) -> None:
    boxes = [{thing.number: thing.box for thing in scene.look(time).objects}
             for time in (14.0, 15.0)]
    both = boxes[0].keys() & boxes[1].keys()
    assert any(boxes[0][number] != boxes[1][number] for number in both)


def test_a_roof_keeps_the_sun_from_the_ground_behind_it() -> None:
    house = street.HOUSES[0]
    edge = np.array([house.x[1], house.height, 5.0])
    foot = edge - SUN * edge[1] / SUN[1]  # where the shadow of the roof's edge falls
    step = np.array([0.3, 0.0, 0.0])
    lit = street.sunlight(np.stack([foot - step, foot + step]).astype(np.float32))
    assert lit.tolist() == [0.0, 1.0]


def test_the_sky_is_the_coldest(scene: Scene) -> None:
    layers = scene.look(0.0).layers
    sky = layers.depth > 1000
    assert np.percentile(layers.thermal[sky], 97) < np.percentile(layers.thermal[~sky], 1)


def test_too_small_a_picture_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match='at least 32x32 pixels; got 20x40'):
        Scene(20, 40)


def test_a_picture_too_low_to_show_every_surface_is_drawn_all_the_same() -> None:
    assert Scene(1024, 32).look(0.0).layers.depth.shape == (32, 1024)
