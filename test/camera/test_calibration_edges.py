# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Calibration from edges: known homographies come back, weak evidence is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_cameras import moving_object, random_scene
from registration_trials import Trial, make_trial

from degfuse_ros.camera.calibration import CalibrationError
from degfuse_ros.camera.calibration_edges import calibrate_from_edges
from degfuse_ros.camera.homography import corners, project, similarity

SIZE = (320, 240)
Pairs = list[tuple[np.ndarray, np.ndarray]]


def scenes(count: int, first: int = 0) -> Pairs:
    return [random_scene(SIZE, np.random.default_rng(first + seed)) for seed in range(count)]


def worst(found: np.ndarray, trial: Trial) -> float:
    apart = project(found, trial.places) - project(trial.truth, trial.places)
    return float(np.linalg.norm(apart, axis=1).max())


@pytest.mark.parametrize('seed', [0, 1, 2])
def test_a_random_homography_comes_back(seed: int) -> None:
    trial = make_trial(scenes(4), 4, np.random.default_rng(seed))
    found = calibrate_from_edges(trial.visible, trial.thermal)
    assert worst(found.homography, trial) < 1.0
    assert found.residual < 0.7 and found.sureness < 2.0 and found.score > 2 * found.chance


def test_objects_that_moved_between_the_exposures_have_no_say() -> None:
    random = np.random.default_rng(5)
    moved = [moving_object(pair, random, 12) for pair in scenes(6)]
    trial = make_trial(moved, 6, random)
    assert worst(calibrate_from_edges(trial.visible, trial.thermal).homography, trial) < 1.5


def test_a_thermal_camera_of_fewer_pixels_and_a_narrower_view() -> None:
    # 160 x 128 thermal pixels over about 0.7 of the visible view.
    truth = similarity(-2.0, 1.4, (10.0, -6.0), (160, 128), SIZE)
    pairs = scenes(5)
    thermal = [cv2.warpPerspective(cv2.GaussianBlur(image, (0, 0), 0.6), truth, (160, 128),
                                   flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                                   borderMode=cv2.BORDER_REPLICATE) for _, image in pairs]
    found = calibrate_from_edges([image for image, _ in pairs], thermal, zoom=0.7)
    places = corners((160, 128))
    apart = project(found.homography, places) - project(truth, places)
    assert np.linalg.norm(apart, axis=1).max() < 2.0


def test_pairs_of_different_scenes_are_refused() -> None:
    with pytest.raises(CalibrationError, match='do not agree|disagree|border of the search'):
        calibrate_from_edges([visible for visible, _ in scenes(4)],
                             [thermal for _, thermal in scenes(4, first=50)])


def test_images_without_edges_are_refused() -> None:
    flat = [np.random.default_rng(0).normal(90, 0.3, SIZE[::-1]).astype(np.uint8)] * 4
    with pytest.raises(CalibrationError, match='thermal images have too weak edges'):
        calibrate_from_edges([visible for visible, _ in scenes(4)], flat)


def test_a_view_outside_the_search_is_refused() -> None:
    truth = similarity(0.0, 1.0, (60.0, 0.0), SIZE, SIZE)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    pairs = scenes(4)
    with pytest.raises(CalibrationError, match='border of the search'):
        calibrate_from_edges(
            [visible for visible, _ in pairs],
            [cv2.warpPerspective(thermal, truth, SIZE, flags=flags) for _, thermal in pairs])


def test_two_pairs_are_too_few() -> None:
    with pytest.raises(CalibrationError, match='2 pairs are too few'):
        calibrate_from_edges([visible for visible, _ in scenes(2)],
                             [thermal for _, thermal in scenes(2)])


@pytest.mark.parametrize(('height', 'zoom', 'words'), [
    (240, 0.2, r'thermal images as 32 x 24 pixels, and needs 32 x 32: .* --zoom'),
    (50, 1.0, 'visible images as 160 x 25 pixels')])
def test_too_small_a_working_size_is_refused(height: int, zoom: float, words: str) -> None:
    cut = [(visible[:height], thermal[:height]) for visible, thermal in scenes(4)]
    with pytest.raises(CalibrationError, match=words):
        calibrate_from_edges([visible for visible, _ in cut], [thermal for _, thermal in cut],
                             zoom)
