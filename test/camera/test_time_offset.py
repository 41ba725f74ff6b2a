# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The offset of two streams, from motion that is known; and none where there is none to tell."""

from __future__ import annotations

import numpy as np
import pytest
from moving_scene import MovingScene

from degfuse_ros.camera.time_offset import WINDOW, OffsetEstimate, TimeOffset, warm_up

# Stamps of today: their seconds leave float32 no fraction.
NOW = 1_795_000_000.0


def watch(scene: MovingScene, visible_rate: float, thermal_rate: float, offset: float
          ) -> TimeOffset:
    """Feed a scene whose thermal stamps need `offset` seconds added."""
    estimator = TimeOffset()
    for moment, camera, image in scene.images(visible_rate, thermal_rate):
        early = offset if camera == 'thermal' else 0.0
        estimator.add(camera, round((NOW + moment - early) * 1e9), image)
    return estimator


def changes(estimator: TimeOffset, camera: str, rate: float, values: np.ndarray) -> None:
    """Feed one-pixel samples that change by as much as is given from image to image."""
    total = np.cumsum(np.concatenate([[0.0], values])) / rate
    for number, value in enumerate(total):
        estimator.add(camera, round((NOW + number / rate) * 1e9), np.full((1, 1, 1), value))


@pytest.mark.parametrize(('visible_rate', 'thermal_rate'), [(30, 30), (30, 9), (60, 25), (10, 9)])
@pytest.mark.parametrize('offset', [-0.15, 0.0, 0.04, 0.45])
def test_a_known_offset_is_found_within_half_a_frame(
        visible_rate: float, thermal_rate: float, offset: float) -> None:
    for seed in range(2):
        estimator = watch(MovingScene(seed, 20), visible_rate, thermal_rate, offset)
        estimate = estimator.estimate(0.0)
        assert estimate is not None and estimate.correlation > 0.8
        assert abs(estimate.offset - offset) < 0.5 / max(visible_rate, thermal_rate, 30)
        assert estimate.spread < 0.5 / thermal_rate


def test_warming_up_takes_the_whole_way_of_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    real, found = TimeOffset.estimate, []
    monkeypatch.setattr(TimeOffset, 'estimate', lambda *given: found.append(real(*given)))
    warm_up()
    assert len(found) == 1 and found[0] is not None and found[0].correlation > 0.99


def test_it_is_looked_for_around_the_one_that_is_set() -> None:
    estimator = watch(MovingScene(3, 20), 30, 30, 7200.2)
    assert estimator.estimate(0.0) is None
    estimate = estimator.estimate(7200.0)
    assert estimate is not None and estimate.offset == pytest.approx(7200.2, abs=0.016)


def test_a_still_scene_gives_none() -> None:
    for seed in range(10):
        assert watch(MovingScene(seed, 20, still=True), 30, 9, 0.1).estimate(0.0) is None


def test_images_that_never_change_give_none() -> None:
    estimator = TimeOffset()
    for camera in ('visible', 'thermal'):
        changes(estimator, camera, 30, np.zeros(600))
    assert estimator.estimate(0.0) is None


@pytest.mark.parametrize('moves', [6.0, 7.5, 9.0])
def test_a_half_in_which_the_thermal_image_stands_still_confirms_nothing(moves: float) -> None:
    for seed in range(20):
        values = np.random.default_rng(seed).random(20 * 30)
        estimator = TimeOffset()
        changes(estimator, 'visible', 30, values)
        changes(estimator, 'thermal', 30, np.where(np.arange(len(values)) < moves * 30, values, 0))
        assert estimator.estimate(0.0) is None


def test_an_offset_beyond_the_largest_gives_none() -> None:
    for offset in (-0.8, 0.8):
        assert watch(MovingScene(4, 20), 30, 30, offset).estimate(0.0) is None


def test_too_short_a_time_gives_none() -> None:
    assert TimeOffset().estimate(0.0) is None
    assert watch(MovingScene(0, 9), 30, 30, 0.0).estimate(0.0) is None


def test_periodic_motion_gives_none() -> None:
    estimator = TimeOffset()
    for camera in ('visible', 'thermal'):
        changes(estimator, camera, 30, 2 + np.sin(np.arange(600) / 30 * 2 * np.pi / 0.3))
    assert estimator.estimate(0.0) is None


def test_streams_that_have_nothing_in_common_give_none() -> None:
    for seed in range(500):
        random = np.random.default_rng(seed)
        estimator = TimeOffset()
        for camera, rate in (('visible', 30), ('thermal', 9 if seed % 2 else 30)):
            moves = np.convolve(random.normal(size=round(20 * rate)),
                                np.hanning(max(3, rate // (3 if seed % 4 < 2 else 1))), 'same')
            stream = estimator._streams[camera]  # by way of samples it takes a minute
            stream.times.extend(np.arange(len(moves)) / rate)
            stream.changes.extend(1 + abs(moves))
        assert estimator.estimate(0.0) is None


def test_only_the_last_window_counts() -> None:
    estimator = watch(MovingScene(5, 20), 30, 30, 0.3)
    later = MovingScene(6, WINDOW + 2)
    for moment, camera, image in later.images(30, 30):
        early = -0.1 if camera == 'thermal' else 0.0
        estimator.add(camera, round((NOW + 30 + moment - early) * 1e9), image)
    estimate = estimator.estimate(0.0)
    assert estimate is not None and estimate.offset == pytest.approx(-0.1, abs=0.016)


def test_a_bag_that_begins_anew_is_not_laid_over_itself() -> None:
    estimator = watch(MovingScene(7, 20), 30, 30, 0.2)
    assert isinstance(estimator.estimate(0.0), OffsetEstimate)
    for moment, camera, image in MovingScene(8, 5).images(30, 30):
        estimator.add(camera, round((NOW + moment) * 1e9), image)
    assert estimator.estimate(0.0) is None
    assert all(len(stream.times) < 5 * 31 for stream in estimator._streams.values())


def test_odd_samples_are_left_out() -> None:
    estimator = TimeOffset()
    samples: list[np.ndarray] = [
        np.zeros((2, 2, 1), np.float32), np.full((2, 2, 1), np.nan, np.float32),
        np.zeros((2, 2, 1), np.float32), np.zeros((3, 2, 1), np.float32),
        np.zeros((3, 2, 1), np.uint8), np.ones((3, 2, 1), np.uint8)]
    for number, sample in enumerate(samples):
        estimator.add('thermal', number * 10**9, sample)
    assert list(estimator._streams['thermal'].changes) == [1.0]


@pytest.mark.parametrize('step', [0.0, 0.7, 3.0, 4000.0, -4000.0])
def test_odd_stamps_give_none(step: float) -> None:
    estimator = TimeOffset()
    for number in range(300):
        for camera in ('visible', 'thermal'):
            estimator.add(camera, round((NOW + number * step) * 1e9),
                          np.full((2, 2, 1), number ** 2 % 7, np.uint8))
    assert estimator.estimate(0.0) is None


def test_rates_that_swing_do_not_hide_the_offset() -> None:
    random = np.random.default_rng(2)
    estimator = TimeOffset()
    for number, (moment, camera, image) in enumerate(MovingScene(9, 20).images(60, 30)):
        slow = number // 300 % 2
        if random.random() < (0.6 if slow else 0.1):
            continue
        early = 0.12 if camera == 'thermal' else 0.0
        estimator.add(camera, round((NOW + moment - early) * 1e9), image)
    estimate = estimator.estimate(0.0)
    assert estimate is not None and estimate.offset == pytest.approx(0.12, abs=0.016)
