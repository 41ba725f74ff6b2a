# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The calibration file: what is written is read, and what is damaged is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from degfuse_ros.camera.calibration import (
    Calibration,
    CalibrationError,
    Intrinsics,
    Rig,
    load_calibration,
    to_text,
)
from degfuse_ros.camera.homography import project

HOMOGRAPHY = np.array([[2.0, 0.02, -3.0], [-0.01, 2.1, 8.0], [1e-5, -2e-5, 1.0]])
LENS = Intrinsics(np.array([[500.0, 0, 320], [0, 505, 240], [0, 0, 1]]), np.array([-.2, .1, 0, 0]))
RIG = Rig(LENS, LENS, np.eye(3), np.array([0.05, 0.0, 0.0]), 12.0)
FLAT = Calibration((640, 480), (320, 240), 0.8, 1.5, '2026-01-02T03:04:05+00:00', 'a test',
                   HOMOGRAPHY)
FULL = Calibration((640, 480), (640, 480), 0.3, 0.6, '2026-01-02T03:04:05+00:00', 'a test',
                   rig=RIG)


def written(path: Path, calibration: Calibration, **changes: Any) -> Path:
    """Write a calibration file; CAMERA__KEY changes an entry of a camera, None deletes one."""
    content = yaml.safe_load(to_text(calibration))
    for name, value in changes.items():
        where, _, key = name.rpartition('__')
        entry = content[where] if where else content
        if value is None:
            del entry[key]
        else:
            entry[key] = value
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_homography_comes_back(tmp_path: Path) -> None:
    got = load_calibration(written(tmp_path / 'c.yaml', FLAT))
    assert got.homography == pytest.approx(HOMOGRAPHY) and got.rig is None
    assert (got.visible_size, got.thermal_size, got.kind) == ((640, 480), (320, 240), 'homography')
    assert (got.residual, got.sureness, got.date) == (0.8, 1.5, FLAT.date)


def test_a_rig_comes_back(tmp_path: Path) -> None:
    got = load_calibration(written(tmp_path / 'c.yaml', FULL))
    assert got.rig is not None and got.homography is None and got.kind == 'full'
    assert got.rig.lens('thermal').matrix == pytest.approx(LENS.matrix)
    assert got.rig.lens('visible').distortion == pytest.approx(LENS.distortion)
    assert got.rig.translation == pytest.approx(RIG.translation) and got.rig.distance == 12.0


def test_other_sizes_of_the_same_aspect_are_scaled() -> None:
    got = FLAT.resized((1280, 960), (160, 120))
    assert got.homography is not None and got.residual == pytest.approx(1.6)
    # The upper left corner of the picture, not of its first pixel, stays in place.
    point = np.array([[100.0, 50.0]])
    expected = (project(HOMOGRAPHY, (point + 0.5) * 2 - 0.5) + 0.5) * 2 - 0.5
    assert project(got.homography, point) == pytest.approx(expected)


@pytest.mark.parametrize('sizes', [((640, 360), (320, 240)), ((640, 480), (320, 256))])
def test_another_aspect_is_refused(sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    with pytest.raises(CalibrationError, match=r'Got \d+ x \d+, another aspect'):
        FLAT.resized(*sizes)


@pytest.mark.parametrize(('calibration', 'changes', 'words'), [
    (FLAT, {'version': 2}, 'version: 2'),
    (FLAT, {'kind': 'magic'}, "kind is 'magic'"),
    (FLAT, {'homography': None}, 'no homography'),
    (FLAT, {'homography': [[1, 0], [0, 1]]}, 'shape'),
    (FLAT, {'homography': 'none'}, 'damaged'),
    (FLAT, {'homography': [[1, 0, 0], [0, float('nan'), 0], [0, 0, 1]]}, 'not finite'),
    (FLAT, {'homography': [[-1, 0, 0], [0, 1, 0], [0, 0, 1]]}, 'mirrors'),
    (FLAT, {'homography': [[1, 0, 0], [0, 1, 0], [-0.01, 0, 1]]}, 'folds'),
    (FLAT, {'visible': None}, 'no visible'),
    (FLAT, {'visible__width': 0}, 'size is 0 x 480'),
    (FLAT, {'thermal__height': 'tall'}, "'tall'"),
    (FLAT, {'residual': float('inf')}, 'residual'),
    (FULL, {'visible__camera_matrix': [[0, 0, 1], [0, 5, 1], [0, 0, 1]]}, 'focal length is 0 x'),
    (FULL, {'thermal__camera_matrix': [[5, 0, 1], [0, 5, 1], [0, 0, 7]]}, 'camera_matrix'),
    (FULL, {'thermal__distortion': [1.0, 2.0]}, r'distortion has the shape \(2,\)'),
    (FULL, {'thermal__distortion': [float('nan')] * 4}, 'not finite'),
    (FULL, {'rotation': [[1, 0, 0], [0, 1, 0], [0, 0, -1]]}, 'no rotation'),
    (FULL, {'distance': 0.0}, 'distance is 0'),
])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, calibration: Calibration,
                                               changes: dict[str, Any], words: str) -> None:
    file = written(tmp_path / 'c.yaml', calibration, **changes)
    with pytest.raises(CalibrationError, match=words) as error:
        load_calibration(file)
    assert '\n' not in str(error.value) and 'c.yaml' in str(error.value)


@pytest.mark.parametrize(('content', 'words'), [
    (b'', 'version: None'), (b'[1, 2]', 'version: None'), (b'{a: [', 'not YAML'),
    (b'\xff\xfe\x00', 'not YAML'), (b'!!python/object:os.system x', 'not YAML'),
    pytest.param(b'[' * 5000, 'not YAML', id='nested'),
    (b'#' * (1 << 20) + b'##', 'larger than 1 MiB'),
])
def test_another_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / 'c.yaml').write_bytes(content)
    with pytest.raises(CalibrationError, match=words):
        load_calibration(tmp_path / 'c.yaml')


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match='none.yaml cannot be read'):
        load_calibration(tmp_path / 'none.yaml')


def test_a_lens_without_coefficients_has_no_distortion(tmp_path: Path) -> None:
    got = load_calibration(written(tmp_path / 'c.yaml', FULL, thermal__distortion=[]))
    assert got.rig is not None and got.rig.lens('thermal').distortion.tolist() == [0, 0, 0, 0]
