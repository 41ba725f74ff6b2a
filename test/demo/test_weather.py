# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Degradations against the physics that they claim."""
import numpy as np
import pytest

from degfuse_ros.demo.scene import Scene
from degfuse_ros.demo.timeline import Condition
from degfuse_ros.demo.viewpoint import Viewpoint
from degfuse_ros.demo.visible_camera import VisibleCamera
from degfuse_ros.demo.weather import AIRLIGHT, DENSEST_FOG, Weather, fog, overexpose

encode = VisibleCamera(Viewpoint(160, 120)).expose
LABELS = ('fog', 'low_light', 'overexposed', 'rain')


@pytest.fixture(scope='module')
def scene() -> Scene:
    return Scene(160, 120)


@pytest.fixture(scope='module')
def weather(scene: Scene) -> Weather:
    return Weather(scene.view, seed=3)


def test_fog_follows_koschmieder() -> None:
    # The contrast of a black wall against the airlight falls to 2 % at the visibility.
    visibility = 3.912 / DENSEST_FOG
    distance = np.array([[0.0, visibility / 2, visibility, 4000.0]], np.float32)
    seen = fog(np.zeros((1, 4, 3), np.float32), distance, 1.0)
    contrast = 1 - seen / AIRLIGHT
    np.testing.assert_allclose(contrast[0, :, 1], [1.0, np.sqrt(0.02), 0.02, 0.0], atol=1e-3)


def test_the_scene_can_be_recovered_from_fog_and_distance(scene: Scene, weather: Weather) -> None:
    view = scene.look(0.0)
    distance = weather.distance(view.layers)
    foggy = fog(view.layers.day, distance, 0.8)
    near = distance < 60
    clear = np.exp(-DENSEST_FOG * 0.8 ** 1.5 * distance[near])[..., None]
    recovered = (foggy[near] - AIRLIGHT) / clear + AIRLIGHT
    np.testing.assert_allclose(recovered, view.layers.day[near], atol=1e-3)


@pytest.mark.parametrize('label', LABELS)
def test_severity_zero_is_exactly_the_clear_picture(scene: Scene, weather: Weather,
                                                    label: str) -> None:
    view = scene.look(2.0)
    assert (weather.degrade(view, Condition(label, 0.0), 5) == view.layers.day).all()


@pytest.mark.parametrize('label', LABELS)
def test_a_faint_degradation_is_near_the_clear_picture(scene: Scene, weather: Weather,
                                                       label: str) -> None:
    view = scene.look(2.0)
    clear = encode(view.layers.day).astype(float)
    change = [np.abs(encode(weather.degrade(view, Condition(label, severity), 5)) - clear).mean()
              for severity in (0.02, 0.3, 0.9)]
    assert change[0] < change[1] < change[2]
    assert change[0] < 6


def test_low_light_darkens_the_road_and_keeps_the_lamps(scene: Scene, weather: Weather) -> None:
    view = scene.look(2.0)
    dark = encode(weather.degrade(view, Condition('low_light', 1.0), 0))
    clear = encode(view.layers.day)
    assert dark.mean() < 0.35 * clear.mean()
    assert dark[100:].mean() < 0.35 * clear[100:].mean()
    assert dark.max() > 230  # a street lamp


def test_noise_of_the_night_changes_from_frame_to_frame_and_repeats(
        scene: Scene, weather: Weather) -> None:
    view = scene.look(2.0)
    night = [weather.degrade(view, Condition('low_light', 1.0), index) for index in (1, 2, 1)]
    assert (night[0] == night[2]).all()
    assert (night[0] != night[1]).mean() > 0.9


def test_overexposure_multiplies_and_clips(scene: Scene) -> None:
    grey = np.full((40, 40, 3), 0.05, np.float32)
    # 6.5 times the exposure plus 0.05 of stray light; nothing saturates, so nothing blooms.
    np.testing.assert_allclose(overexpose(grey, 1.0), 0.05 * 6.5 + 0.05, rtol=1e-5)
    day = scene.look(2.0).layers.day
    clipped = (encode(overexpose(day, 0.8)).min(axis=2) == 255).mean()
    assert clipped > 0.1 > (encode(day).min(axis=2) == 255).mean()


def test_a_bright_spot_blooms_onto_its_surroundings() -> None:
    dark = np.full((80, 80, 3), 0.01, np.float32)
    lit = dark.copy()
    lit[36:44, 36:44] = 1.0
    difference = overexpose(lit, 1.0) - overexpose(dark, 1.0)
    assert difference[40, 48, 0] > 0.02 > difference[40, 78, 0]


def test_rain_takes_contrast_and_adds_streaks_of_its_own_to_each_frame(
        scene: Scene, weather: Weather) -> None:
    view = scene.look(2.0)
    first, second = (weather.degrade(view, Condition('rain', 0.9), i) for i in (1, 2))
    assert encode(first).std() < 0.8 * encode(view.layers.day).std()
    # Streaks are brighter than what they cover and taller than wide.
    streaks = first - np.minimum(first, second)
    across = np.abs(np.diff(streaks, axis=1)).mean()
    along = np.abs(np.diff(streaks, axis=0)).mean()
    assert across > 1.3 * along
