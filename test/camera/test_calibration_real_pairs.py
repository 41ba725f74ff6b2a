# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Calibration from edges on real registered pairs whose thermal images are warped.

    DEGFUSE_DATA=FOLDER DEGFUSE_TRIALS=20 python -m pytest -rP \
        test/camera/test_calibration_real_pairs.py

prints the table in docs/calibration.md, with OpenCV's own methods beside. Without DEGFUSE_TRIALS
three trials on RoadScene must pass.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from other_registrations import OTHERS
from registration_trials import Trial, make_trial

from degfuse_ros.camera.calibration_edges import calibrate_from_edges
from degfuse_ros.camera.homography import project
from degfuse_ros.evaluation.pairs import EvaluationPair, find_pairs

# What all pairs of a set are cut to: near the smallest that does not enlarge most of them.
SIZES = {'roadscene': (480, 288), 'msrs': (640, 480)}
PAIRS = 10


def ours(visible: list[np.ndarray], thermal: list[np.ndarray]) -> np.ndarray:
    return calibrate_from_edges(visible, thermal).homography


def cut(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image to cover the size, and cut its middle out."""
    factor = max(size[0] / image.shape[1], size[1] / image.shape[0])
    if factor != 1.0:
        image = cv2.resize(image, (round(image.shape[1] * factor), round(image.shape[0] * factor)),
                           interpolation=cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR)
    top, left = (image.shape[0] - size[1]) // 2, (image.shape[1] - size[0]) // 2
    return image[top:top + size[1], left:left + size[0]]


def read(pair: EvaluationPair) -> tuple[np.ndarray, np.ndarray]:
    visible, thermal = pair.read((1.0, 99.0))
    size = SIZES[pair.source]
    return cut(cv2.cvtColor(visible, cv2.COLOR_RGB2GRAY), size), cut(thermal, size)


@pytest.fixture(scope='module')
def pairs() -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    folder = os.environ.get('DEGFUSE_DATA')
    if not folder:
        pytest.skip('DEGFUSE_DATA names no folder of real pairs')
    found, _ = find_pairs(Path(folder), 'val')
    return {source: [read(pair) for pair in found if pair.source == source] for source in SIZES}


def errors(method: Callable[[list[np.ndarray], list[np.ndarray]], np.ndarray | None],
           trial: Trial) -> np.ndarray:
    """Distances of the four corners from the truth; infinite where nothing was found."""
    found = method(trial.visible, trial.thermal)
    if found is None:
        return np.full(4, np.inf)
    return np.linalg.norm(project(found, trial.places) - project(trial.truth, trial.places),
                          axis=1)


def test_three_trials_recover_the_corners(
        pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> None:
    random = np.random.default_rng(7)
    found = [errors(ours, make_trial(pairs['roadscene'], PAIRS, random)) for _ in range(3)]
    print('corner errors in pixels:', np.round(found, 1).tolist())
    assert np.median(found) <= 2.0 and np.percentile(found, 90) <= 4.0


@pytest.mark.timeout(7200)
def test_table(pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]]) -> None:
    trials = int(os.environ.get('DEGFUSE_TRIALS', '0'))
    if not trials:
        pytest.skip('DEGFUSE_TRIALS is not set: how many random trials per set the table takes')
    print('| Pairs | Method | median px | 90th percentile px | worst px | CPU s |\n'
          '|---|---|---|---|---|---|')
    made = {source: _trials(images, trials) for source, images in pairs.items()}
    for name, method in {'degfuse calibrate': ours, **OTHERS}.items():
        for source in made:
            start = time.process_time()
            found = np.array([errors(method, trial) for trial in made[source]])
            print(_row(source, name, found, (time.process_time() - start) / trials), flush=True)
            if (source, name) == ('roadscene', 'degfuse calibrate'):
                assert np.median(found) <= 2.0 and np.percentile(found, 90) <= 4.0
    # How far edges lie apart in the pairs as they are, found on the same pairs: what is left
    # without the error of the set's own registration.
    for source in made:
        found = np.array([_beside_unwarped(trial) for trial in made[source]])
        print(_row(source, 'degfuse calibrate, against the same pairs unwarped', found, 0.0),
              flush=True)


def _trials(images: list[tuple[np.ndarray, np.ndarray]], count: int) -> list[Trial]:
    random = np.random.default_rng(2026)
    return [make_trial(images, PAIRS, random) for _ in range(count)]


def _row(source: str, name: str, found: np.ndarray, seconds: float) -> str:
    return (f'| {source} | {name} | {np.median(found):.1f} | '
            f'{np.percentile(found, 90, method="higher"):.1f} | {found.max():.1f} | '
            f'{seconds:.0f} |')


def _beside_unwarped(trial: Trial) -> np.ndarray:
    own = ours(trial.visible, trial.unwarped)
    return errors(ours, Trial(trial.visible, trial.thermal, trial.unwarped, own @ trial.truth,
                              trial.places))
