# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Frames aligned by the calibration that is chosen now, and what hostile ones do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_camera_info import camera_info
from made_cameras import random_scene

from degfuse_ros.camera.alignment import SCORED_EVERY, Alignment
from degfuse_ros.camera.calibration import Calibration, Intrinsics, Rig, to_text
from degfuse_ros.camera.homography import similarity
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.registration import Registration
from degfuse_ros.camera.registration_score import SETTLING

SIZE, THERMAL_SIZE = (320, 240), (160, 120)
# The thermal view is turned, and covers the middle three quarters of the visible one's width.
VIEW = similarity(3.0, 1.5, (4.0, -6.0), THERMAL_SIZE, SIZE)
FLAT = Calibration(SIZE, THERMAL_SIZE, 0.5, 1.0, '', '', VIEW)
RANDOM = np.random.default_rng(4)
VISIBLE = RANDOM.integers(0, 256, (240, 320, 3), np.uint8)
THERMAL = np.full((120, 160), 200, np.uint8)


def written(folder: Path, calibration: Calibration, name: str = 'calibration.yaml') -> str:
    (folder / name).write_text(to_text(calibration))
    return str(folder / name)


def refusal(alignment: Alignment, visible: np.ndarray, thermal: np.ndarray, path: str) -> str:
    """Return why a pair is refused: one line, counted as the thermal image's."""
    with pytest.raises(ImageError) as caught:
        alignment.align(visible, thermal, path)
    assert caught.value.topic == 'thermal' and '\n' not in str(caught.value)
    return f'{caught.value.kind}: {caught.value}'


def test_equal_views_are_resized_and_cover_all() -> None:
    aligned = Alignment().align(VISIBLE, THERMAL, '')
    assert aligned.coverage is None and (aligned.thermal == 200).all()
    assert 'stretched' in aligned.notice and 'degfuse calibrate' in aligned.notice


def test_the_coverage_ends_softly_where_the_thermal_view_ends(tmp_path: Path) -> None:
    aligned = Alignment().align(VISIBLE, THERMAL, written(tmp_path, FLAT))
    coverage = aligned.coverage
    assert coverage is not None and coverage.shape == (240, 320)
    assert coverage.dtype == np.float32 and not aligned.notice
    # Independent of our own map: where OpenCV's warp of a white thermal image is white.
    reach = cv2.warpPerspective(np.full((120, 160), 255, np.uint8), VIEW, SIZE)
    assert (coverage[reach == 0] == 0).all() and (reach == 0).mean() > 0.2
    core = cv2.erode(reach, np.ones((21, 21), np.uint8)) == 255
    assert (coverage[core] == 1).all() and core.mean() > 0.3
    assert ((coverage > 0) & (coverage < 1)).mean() > 0.02
    assert (aligned.thermal == 200).all()


def test_a_view_that_covers_all_needs_no_coverage(tmp_path: Path) -> None:
    larger = replace(FLAT, homography=similarity(0.0, 2.4, (0.0, 0.0), THERMAL_SIZE, SIZE))
    aligned = Alignment().align(VISIBLE, THERMAL, written(tmp_path, larger))
    assert aligned.coverage is None and (aligned.thermal == 200).all()


def test_the_map_is_made_once_and_anew_where_a_size_or_the_file_changes(tmp_path: Path) -> None:
    alignment = Alignment()
    path = written(tmp_path, FLAT)
    first = alignment.align(VISIBLE, THERMAL, path).coverage
    assert first is not None
    assert alignment.align(VISIBLE, THERMAL, path).coverage is first
    double = np.repeat(np.repeat(VISIBLE, 2, 0), 2, 1)
    large = alignment.align(double, THERMAL, path).coverage
    assert large is not None and large.shape == (480, 640)
    assert large.mean() == pytest.approx(first.mean(), abs=0.01)
    small = alignment.align(VISIBLE, THERMAL[::2, ::2], path).coverage
    assert small is not None and np.abs(small - first).mean() < 0.02
    other = written(tmp_path, replace(FLAT, homography=VIEW @ np.diag([0.5, 0.5, 1.0])), 'o.yaml')
    moved = alignment.align(VISIBLE, THERMAL, other).coverage
    assert moved is not None and moved.mean() < 0.5 * first.mean()
    assert alignment.align(VISIBLE, THERMAL, '').coverage is None


def test_after_a_pair_that_does_not_fit_the_next_is_aligned_again(tmp_path: Path) -> None:
    alignment = Alignment()
    path = written(tmp_path, FLAT)
    first = alignment.align(VISIBLE, THERMAL, path)
    assert 'another aspect' in refusal(alignment, VISIBLE[:180], THERMAL, path)
    assert 'another aspect' in refusal(alignment, VISIBLE, THERMAL[:100], path)
    again = alignment.align(VISIBLE, THERMAL, path)
    assert (again.thermal == first.thermal).all() and again.coverage is not None


@pytest.mark.parametrize(('homography', 'words'), [
    (np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]]), 'folds the image'),
    (np.diag([-1.0, 1.0, 1.0]), 'mirrors the image'),
    (np.array([[1.0, 0, 5000], [0, 1, 0], [0, 0, 1]]), 'lies nowhere over the visible'),
    (np.full((3, 3), np.nan), 'not finite'),
])
def test_a_homography_of_no_two_cameras_is_refused(tmp_path: Path, homography: np.ndarray,
                                                   words: str) -> None:
    path = written(tmp_path, replace(FLAT, homography=homography))
    assert words in refusal(Alignment(), VISIBLE, THERMAL, path)


def test_a_thumbnail_is_refused_with_a_calibration_as_without(tmp_path: Path) -> None:
    for path in ('', written(tmp_path, FLAT)):
        assert refusal(Alignment(), VISIBLE, THERMAL[::5, ::5], path).startswith('refused: ')


def test_a_file_that_is_gone_is_told_of_and_read_when_it_is_back(tmp_path: Path) -> None:
    alignment = Alignment()
    path = str(tmp_path / 'calibration.yaml')
    assert 'cannot be read' in refusal(alignment, VISIBLE, THERMAL, path)
    written(tmp_path, FLAT)
    assert alignment.align(VISIBLE, THERMAL, path).coverage is not None


def test_a_file_written_anew_is_read_at_the_next_pair(tmp_path: Path) -> None:
    path = written(tmp_path, FLAT)
    alignment = Alignment()
    first = alignment.align(VISIBLE, THERMAL, path).coverage
    moved = replace(FLAT, homography=VIEW @ np.diag([0.5, 0.5, 1.0]))
    expected = Alignment().align(VISIBLE, THERMAL, written(tmp_path, moved, 'o.yaml')).coverage
    written(tmp_path, moved)
    again = alignment.align(VISIBLE, THERMAL, path)
    assert first is not None and again.coverage is not None and expected is not None
    assert (again.coverage == expected).all() and again.coverage.mean() < 0.5 * first.mean()
    assert not again.notice


@pytest.mark.parametrize(('content', 'words'), [
    ('', 'is no calibration'),
    (None, 'cannot be read'),
    (to_text(replace(FLAT, homography=np.array([[1.0, 0, 5000], [0, 1, 0], [0, 0, 1]]))),
     'lies nowhere'),
    (to_text(replace(FLAT, visible_size=(320, 180))), 'another aspect'),
])
def test_a_bad_file_written_anew_leaves_the_map_and_is_told_of(
        tmp_path: Path, content: str | None, words: str) -> None:
    path, alignment = written(tmp_path, FLAT), Alignment()
    thermal = random_scene(THERMAL_SIZE, np.random.default_rng(3))[1]
    first = alignment.align(VISIBLE, thermal, path)
    Path(path).unlink()
    if content is not None:
        Path(path).write_text(content)
    for _ in range(2):
        kept = alignment.align(VISIBLE, thermal, path)
        assert kept.coverage is first.coverage and (kept.thermal == first.thermal).all()
        assert words in kept.notice and path in kept.notice and '\n' not in kept.notice
    # It is no map for other sizes, nor for another file.
    assert words in refusal(alignment, VISIBLE, thermal[::2, ::2], path)
    assert 'cannot be read' in refusal(alignment, VISIBLE, thermal, path + 'x')
    written(tmp_path, replace(FLAT, homography=VIEW @ np.diag([0.5, 0.5, 1.0])))
    good = alignment.align(VISIBLE, thermal, path)
    assert not good.notice and (good.thermal != first.thermal).any()


def test_a_map_that_cannot_be_made_is_tried_once_until_something_changes(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def counted(*arguments: Any) -> Registration:
        tries.append(arguments)
        return Registration(*arguments)

    monkeypatch.setattr('degfuse_ros.camera.alignment.Registration', counted)
    nowhere = replace(FLAT, homography=np.array([[1.0, 0, 5000], [0, 1, 0], [0, 0, 1]]))
    alignment, path = Alignment(), written(tmp_path, nowhere)
    texts = {refusal(alignment, VISIBLE, THERMAL, path) for _ in range(5)}
    assert len(texts) == 1 and len(tries) == 1
    refusal(alignment, VISIBLE, THERMAL[::2, ::2], path)
    assert len(tries) == 2
    # A lens that looks elsewhere, and back.
    path = written(tmp_path, LENSLESS)
    alignment.camera_info('visible', INFO)
    away = camera_info(width=160, height=120, k=[130.0, 0, 5000, 0, 130, 59, 0, 0, 1], d=[])
    alignment.camera_info('thermal', away)
    for _ in range(3):
        assert 'lies nowhere' in refusal(alignment, VISIBLE, THERMAL, path)
    assert len(tries) == 3
    alignment.camera_info('thermal', THERMAL_INFO)
    assert alignment.align(VISIBLE, THERMAL, path).coverage is not None and len(tries) == 4


def test_the_lenses_wanted_are_told_while_another_thread_changes_the_calibration() -> None:
    class Changed(Alignment):
        @property
        def _calibration(self) -> Calibration | None:
            return self.held.pop(0)

        @_calibration.setter
        def _calibration(self, value: Calibration | None) -> None:
            self.held = [value, None]

    alignment = Changed()
    alignment._calibration = LENSLESS
    assert alignment.missing == ('visible', 'thermal')


LENS = Intrinsics(np.array([[300.0, 0, 158], [0, 305, 122], [0, 0, 1]]),
                  np.array([-0.2, 0.05, 0.0, 0.0, 0.0]))
THERMAL_LENS = Intrinsics(np.array([[130.0, 0, 80], [0, 130, 59], [0, 0, 1]]), np.zeros(4))
FULL = Calibration(SIZE, THERMAL_SIZE, 0.3, 0.5, '', '', rig=Rig(
    LENS, THERMAL_LENS, cv2.Rodrigues(np.array([0.02, -0.03, 0.04]))[0],
    np.array([0.1, 0.0, 0.0]), 5.0))
LENSLESS = replace(FULL, rig=Rig(None, None, FULL.rig.rotation, FULL.rig.translation, 5.0)
                   ) if FULL.rig else FULL
INFO = camera_info(width=320, height=240, k=LENS.matrix.ravel().tolist(),
                   d=LENS.distortion.tolist())
THERMAL_INFO = camera_info(width=160, height=120, k=THERMAL_LENS.matrix.ravel().tolist(), d=[])


def test_lenses_left_out_come_from_the_camera_infos(tmp_path: Path) -> None:
    thermal = random_scene(THERMAL_SIZE, np.random.default_rng(3))[1]
    expected = Alignment().align(VISIBLE, thermal, written(tmp_path, FULL))
    alignment, path = Alignment(), written(tmp_path, LENSLESS, 'lensless.yaml')
    assert alignment.missing == ()
    assert 'visible/camera_info, and none has come' in refusal(
        alignment, VISIBLE, thermal, path)
    assert alignment.missing == ('visible', 'thermal')
    alignment.camera_info('visible', INFO)
    assert 'thermal/camera_info, and none has come' in refusal(
        alignment, VISIBLE, thermal, path)
    alignment.camera_info('thermal', THERMAL_INFO)
    aligned = alignment.align(VISIBLE, thermal, path)
    assert (aligned.thermal == expected.thermal).all()
    assert np.array_equal(aligned.coverage, expected.coverage)  # type: ignore[arg-type]
    # A camera that zooms: the next pair is aligned by its new lens.
    alignment.camera_info('thermal', camera_info(
        width=160, height=120, k=[260.0, 0, 80, 0, 260, 59, 0, 0, 1], d=[]))
    zoomed = alignment.align(VISIBLE, thermal, path).coverage
    assert zoomed is not None and aligned.coverage is not None
    assert zoomed.mean() < 0.5 * aligned.coverage.mean()


def test_a_lens_that_focuses_by_itself_does_not_make_the_map_anew(tmp_path: Path) -> None:
    alignment, path = Alignment(), written(tmp_path, LENSLESS)
    alignment.camera_info('visible', INFO)
    coverages = []
    for focal in (130.0, 130.2, 129.8, 130.1, 132.0):
        alignment.camera_info('thermal', camera_info(
            width=160, height=120, k=[focal, 0, 80, 0, focal, 59, 0, 0, 1], d=[]))
        coverages.append(alignment.align(VISIBLE, THERMAL, path).coverage)
    assert coverages[0] is coverages[1] is coverages[2] is coverages[3]
    assert coverages[4] is not coverages[0]


@pytest.mark.parametrize(('changes', 'words'), [
    ({'k': [0.0] * 9}, 'thermal/camera_info has the focal length 0'),
    ({'d': [float('nan')]}, 'not finite'),
    ({'width': 640, 'height': 512}, 'images of 640x512.*image is 160x120'),
])
def test_a_camera_info_of_no_or_another_camera_is_refused(
        tmp_path: Path, changes: dict, words: str) -> None:
    alignment, path = Alignment(), written(tmp_path, LENSLESS)
    alignment.camera_info('visible', INFO)
    alignment.camera_info('thermal', camera_info(**{**vars(THERMAL_INFO), **changes}))
    with pytest.raises(ImageError, match=words) as caught:
        alignment.align(VISIBLE, THERMAL, path)
    assert caught.value.kind == 'unregistered'
    alignment.camera_info('thermal', THERMAL_INFO)
    assert alignment.align(VISIBLE, THERMAL, path).coverage is not None


def test_one_pair_of_so_many_is_scored() -> None:
    alignment = Alignment()
    scores = []
    for seed in range(SCORED_EVERY + 1):
        visible, thermal = random_scene(SIZE, np.random.default_rng(seed))
        before = alignment.score.present
        alignment.align(cv2.cvtColor(visible, cv2.COLOR_GRAY2RGB), thermal, '')
        assert alignment.score.present == before  # the image goes first
        for _ in range(2):  # the second time there is nothing left to score
            alignment.follow()
            scores.append(alignment.score.present)
    assert len(set(scores[:-2])) == 1 and scores[-2] == scores[-1] != scores[0] > 0.0


def test_a_camera_that_slips_is_noticed_and_one_that_stays_is_not(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the thermal camera turns by four degrees."""
    monkeypatch.setattr('degfuse_ros.camera.alignment.SCORED_EVERY', 1)
    path, held, slipped = written(tmp_path, FLAT), Alignment(), Alignment()
    slip = similarity(4.0, 1.0, (5.0, 0.0), THERMAL_SIZE, THERMAL_SIZE)
    pairs = []
    for seed in range(12):
        visible, thermal = random_scene(SIZE, np.random.default_rng(seed))
        seen = cv2.warpPerspective(thermal, np.linalg.inv(VIEW), THERMAL_SIZE)
        pairs.append((cv2.cvtColor(visible, cv2.COLOR_GRAY2RGB), seen,
                      cv2.warpPerspective(seen, slip, THERMAL_SIZE)))
    for count in range(2 * SETTLING):
        visible, thermal, turned = pairs[count % len(pairs)]
        held.align(visible, thermal, path)
        slipped.align(visible, thermal if count < SETTLING else turned, path)
        held.follow()
        slipped.follow()
        if count == SETTLING - 1:
            assert slipped.score.present == pytest.approx(held.score.present)
    assert slipped.score.drifted and not held.score.drifted
    assert slipped.score.present < 0.5 * slipped.score.usual
    # A new calibration begins anew.
    slipped.align(pairs[0][0], pairs[0][1], '')
    slipped.follow()
    assert not slipped.score.drifted


def test_a_strip_in_common_is_not_scored(tmp_path: Path) -> None:
    strip = replace(FLAT, homography=similarity(0.0, 2.0, (300.0, 0.0), THERMAL_SIZE, SIZE))
    alignment = Alignment()
    aligned = alignment.align(VISIBLE, THERMAL, written(tmp_path, strip))
    assert aligned.coverage is not None and 0 < (aligned.coverage > 0).mean() < 0.1
    alignment.follow()
    assert alignment.score.present == 0.0
