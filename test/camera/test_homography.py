# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Homographies: sizes, similarities, and which are refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from degfuse_ros.camera.homography import (
    HomographyError,
    check,
    corners,
    project,
    resizing,
    similarity,
)

SIZE = (640, 480)


def test_resizing_follows_opencvs_resize() -> None:
    image = np.zeros((60, 80), np.float32)
    image[21, 33] = 1.0
    large = cv2.resize(image, (320, 180), interpolation=cv2.INTER_LINEAR)
    y, x = (np.array(np.nonzero(large)) * large[large > 0]).sum(axis=1) / large.sum()
    assert project(resizing((80, 60), (320, 180)), np.array([[33.0, 21.0]]))[0] == pytest.approx(
        [x, y], abs=0.01)


def test_a_similarity_turns_about_the_middle() -> None:
    matrix = similarity(90.0, 2.0, (5.0, -3.0), SIZE, (100, 50))
    middle = np.array([[319.5, 239.5], [329.5, 239.5]])
    assert project(matrix, middle) == pytest.approx(
        np.array([[54.5, 21.5], [54.5, 41.5]]))  # right becomes down


def test_projecting_is_opencvs() -> None:
    matrix = similarity(3.0, 1.1, (9.0, 4.0), SIZE, SIZE)
    matrix[2, :2] = 1e-5, -2e-5
    expected = cv2.perspectiveTransform(corners(SIZE)[None], matrix)[0]
    assert project(matrix, corners(SIZE)) == pytest.approx(expected)


def test_a_plain_one_passes_and_is_normalised() -> None:
    matrix = similarity(5.0, 0.9, (40.0, 0.0), SIZE, SIZE)
    assert check(-3.0 * matrix, SIZE) == pytest.approx(matrix)


@pytest.mark.parametrize(('matrix', 'words'), [
    (np.diag([-1.0, 1.0, 1.0]), 'mirrors'),
    (np.array([[1.0, 0, 0], [0, 1.0, 0], [-1 / 300, 0, 1.0]]), 'folds'),
    (np.array([[1.0, 0, 0], [0, 1.0, 0], [0.01, 0, 0]]), 'folds'),
    (np.zeros((3, 3)), 'folds'),
    (np.diag([1.0, 0.0, 1.0]), 'mirrors'),
    (np.diag([np.nan, 1.0, 1.0]), 'finite'),
    (np.diag([1e-5, 1e-5, 1.0]), 'scales areas'),
    (np.eye(2), '3 x 3'),
])
def test_what_no_pair_of_cameras_has_is_refused(matrix: np.ndarray, words: str) -> None:
    with pytest.raises(HomographyError, match=words) as error:
        check(matrix, SIZE)
    assert '\n' not in str(error.value)
