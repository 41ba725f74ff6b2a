# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Calibration by a target before two made cameras whose geometry is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import cv2
import numpy as np
import pytest
from made_target import cameras, poses

from degfuse_ros.camera.calibration import CalibrationError
from degfuse_ros.camera.calibration_target import (
    Target,
    TargetViews,
    find_corners,
    find_views,
    homography_from_views,
    rig_from_views,
)
from degfuse_ros.camera.homography import project

BOARDS = [Target('chessboard', 8, 5, 0.05), Target('circles', 8, 5, 0.05),
          Target('asymmetric-circles', 4, 9, 0.04)]
IDS = [board.kind for board in BOARDS]


def views_of(board: Target, count: int, distance: float, tilt: float
             ) -> tuple[list[np.ndarray], list[np.ndarray]]:
    images = [[camera.see(board, *pose) for pose in poses(count, distance, tilt)]
              for camera in cameras()]
    return images[0], images[1]


@pytest.mark.parametrize('board', BOARDS, ids=IDS)
def test_corners_lie_where_the_camera_puts_them_in_either_polarity(board: Target) -> None:
    turn, place = poses(5, 0.8, 0.1)[4]
    for camera in cameras():
        found = find_corners(camera.see(board, turn, place), board)
        assert found is not None
        points = board.points() @ cv2.Rodrigues(np.array(turn))[0].T + place
        mapped = (points @ camera.rotation.T + camera.translation) @ camera.lens.matrix.T
        expected = mapped[:, :2] / mapped[:, 2:]
        apart = min(np.linalg.norm(each - expected, axis=1).max()
                    for each in (found, found[::-1]))
        assert apart < 0.6


@pytest.mark.parametrize('board', BOARDS, ids=IDS)
def test_the_homography_holds_at_the_targets_distance(board: Target) -> None:
    views = find_views(*views_of(board, 9, 0.8, 0.0), board)
    homography, residual, sureness = homography_from_views(views)
    visible, thermal = cameras()
    points = np.array([[x, y, 0.8] for x in (-0.25, 0.0, 0.3) for y in (-0.15, 0.2)])
    seen = []
    for camera in (thermal, visible):
        mapped = (points @ camera.rotation.T + camera.translation) @ camera.lens.matrix.T
        seen.append(mapped[:, :2] / mapped[:, 2:])
    apart = np.linalg.norm(project(homography, seen[0]) - seen[1], axis=1)
    assert apart.max() < 1.0 and residual < 0.5 and sureness < 2.0


def exact_views(board: Target, count: int, distance: float, tilt: float) -> TargetViews:
    """Corners where the cameras put them, without images."""
    seen: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for turn, place in poses(count, distance, tilt):
        points = board.points() @ cv2.Rodrigues(np.array(turn))[0].T + place
        for camera, kept in zip(cameras(), seen):
            mapped = (points @ camera.rotation.T + camera.translation) @ camera.lens.matrix.T
            kept.append((mapped[:, :2] / mapped[:, 2:]).astype(np.float32))
    return TargetViews(*seen, cameras()[0].size, cameras()[1].size)


def noisy(places: list[np.ndarray], deviation: float) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [(each + random.normal(0, deviation, each.shape)).astype(np.float32)
            for each in places]


def test_corners_that_leave_the_image_unsure_are_refused() -> None:
    views = exact_views(BOARDS[0], 4, 0.8, 0.0)
    assert homography_from_views(views)[2] < 0.1
    poor = replace(views, visible=noisy(views.visible, 2.0))
    with pytest.raises(CalibrationError, match=r"image's corners are known to \d\d pixels only"):
        homography_from_views(poor)


def test_a_drawing_that_fits_nothing_does_not_spoil_the_others(
        monkeypatch: pytest.MonkeyPatch) -> None:
    views = exact_views(BOARDS[0], 9, 0.8, 0.0)
    expected = homography_from_views(views)[0]
    fit, calls = cv2.findHomography, count()
    monkeypatch.setattr(cv2, 'findHomography', lambda *arguments: (
        (None, None) if next(calls) % 5 == 4 else fit(*arguments)))
    homography, _, sureness = homography_from_views(views)
    assert (homography == expected).all() and sureness < 0.1 and next(calls) > 50


def test_where_no_drawing_fits_nothing_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    views = exact_views(BOARDS[0], 9, 0.8, 0.0)
    answers = iter([cv2.findHomography(np.concatenate(views.thermal),
                                       np.concatenate(views.visible))])
    monkeypatch.setattr(cv2, 'findHomography', lambda *_: next(answers, (None, None)))
    with pytest.raises(CalibrationError, match="image's corners are known to inf pixels"):
        homography_from_views(views)


def test_the_residual_of_a_rig_is_in_visible_pixels() -> None:
    views = exact_views(BOARDS[0], 15, 0.75, 0.5)
    rough = replace(views, thermal=noisy(views.thermal, 0.5))
    _, residual, worst = rig_from_views(rough, BOARDS[0], 4.0)
    # Half a thermal pixel along x and along y, and two visible pixels to a thermal one.
    assert residual == pytest.approx(0.5 * np.sqrt(2) * 2, rel=0.05)
    assert residual < worst < 1.3 * residual


def test_both_lenses_and_the_pose_come_back() -> None:
    board = BOARDS[0]
    views = find_views(*views_of(board, 15, 0.75, 0.5), board)
    rig, residual, worst = rig_from_views(views, board, 4.0)
    visible, thermal = cameras()
    assert residual < 0.5 and worst < 1.0 and rig.distance == 4.0
    assert rig.lens('visible').matrix[0, 0] == pytest.approx(600, rel=0.02)
    assert rig.lens('thermal').matrix[1, 1] == pytest.approx(300, rel=0.02)
    assert rig.translation == pytest.approx(thermal.translation, abs=0.01)
    assert np.abs(rig.rotation - thermal.rotation).max() < 0.01
    assert visible.rotation.tolist() == np.eye(3).tolist()


def test_a_target_nobody_sees_is_refused_with_counts() -> None:
    board = BOARDS[0]
    visible, thermal = views_of(board, 5, 0.8, 0.0)
    thermal = [np.full_like(image, 90) for image in thermal]
    with pytest.raises(CalibrationError, match='5 visible and 0 thermal images of 5, in both of '
                                               '0'):
        find_views(visible, thermal, board)


def test_a_target_in_one_place_is_refused() -> None:
    board = BOARDS[0]
    images = [[camera.see(board, [0, 0, 0], [0, 0, 2.0])] * 3 for camera in cameras()]
    with pytest.raises(CalibrationError, match='covered . % of the visible image'):
        homography_from_views(find_views(images[0], images[1], board))


def test_too_few_views_for_lenses_are_refused() -> None:
    board = BOARDS[0]
    with pytest.raises(CalibrationError, match=r'found in . pairs; --kind full needs 8'):
        rig_from_views(find_views(*views_of(board, 4, 0.8, 0.2), board), board, 1.0)


def test_views_at_other_distances_are_no_homography() -> None:
    board = BOARDS[0]
    images: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for number, (turn, place) in enumerate(poses(9, 0.7, 0.0)):
        place = [value * (1 + 0.5 * (number % 3)) for value in place]
        for camera, kept in zip(cameras(), images):
            kept.append(camera.see(board, turn, place))
    with pytest.raises(CalibrationError, match='one homography does not fit'):
        homography_from_views(find_views(*images, board))
