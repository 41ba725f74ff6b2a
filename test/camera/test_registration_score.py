# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The score falls when the cameras move against each other, not when the scene changes."""

from __future__ import annotations

import numpy as np
from made_cameras import random_scene

from degfuse_ros.camera.registration_score import (
    SETTLING,
    RegistrationScore,
    registration_score,
)

SCENES = [random_scene((320, 240), np.random.default_rng(seed)) for seed in range(12)]


def follow(score: RegistrationScore, frames: int, shift: int = 0) -> list[bool]:
    """Feed scenes, the thermal image shifted; return after each whether drift is told."""
    told = []
    for frame in range(frames):
        visible, thermal = SCENES[frame % len(SCENES)]
        score.update(visible, np.roll(thermal, shift, axis=1))
        told.append(score.drifted)
    return told


def test_registered_scores_high_and_the_further_apart_the_lower() -> None:
    visible, thermal = SCENES[0]
    values = [registration_score(visible, np.roll(thermal, shift, axis=1))
              for shift in (0, 3, 8)]
    assert values[0] > 2 * values[1] > 0 and abs(values[2]) < 0.2 * values[0]


def test_polarity_does_not_matter() -> None:
    visible, thermal = SCENES[1]
    one, other = (registration_score(visible, image) for image in (thermal, 255 - thermal))
    assert abs(one - other) < 0.05 * one


def test_drift_is_told_and_forgotten_when_the_cameras_are_right_again() -> None:
    score = RegistrationScore()
    assert not any(follow(score, SETTLING + 2))  # changing scenes alone are no drift
    usual = score.usual
    drifted = follow(score, 40, shift=8)
    assert not drifted[0] and all(drifted[-10:])
    # The drift does not become usual, however long it lasts.
    assert all(follow(score, 60, shift=8)) and score.usual > 0.7 * usual
    assert not any(follow(score, 30)[-3:])


def test_nothing_is_told_at_the_start() -> None:
    assert not any(follow(RegistrationScore(), SETTLING - 2, shift=8))


def test_blank_frames_have_no_score() -> None:
    blank = np.full((240, 320), 9, np.uint8)
    assert registration_score(blank, blank) == 0.0
    assert RegistrationScore().update(blank, SCENES[0][1]) == 0.0


def test_pictures_that_never_shared_edges_do_not_drift() -> None:
    random, noise, scenes = np.random.default_rng(0), RegistrationScore(), RegistrationScore()
    for frame in range(300):
        noise.update(*random.integers(0, 256, (2, 240, 320), np.uint8))
        scenes.update(SCENES[frame % 12][0], SCENES[(5 * frame + 1) % 12][1])
        assert not noise.drifted and not scenes.drifted
