# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Videos side by side."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.video import Video


def frames(path: Path) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(read[1])
    return found


def plain(height: int, width: int, *colour: int) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def test_three_pictures_side_by_side(tmp_path: Path) -> None:
    video = Video(tmp_path / 'a.mp4', 12.5)
    video.add(plain(48, 64, 250, 20, 20), np.full((48, 64), 128, np.uint8),
              plain(48, 64, 20, 20, 250))
    assert not (tmp_path / 'a.mp4').exists()
    # Another size is scaled to the first one's.
    video.add(plain(96, 128, 250, 20, 20), np.full((96, 128), 128, np.uint8),
              plain(96, 128, 20, 20, 250))
    video.finish()
    assert [path.name for path in tmp_path.iterdir()] == ['a.mp4']
    found = frames(tmp_path / 'a.mp4')
    assert len(found) == 2
    for frame in found:
        assert frame.shape == (48, 192, 3)
        for column, bgr in ((32, (20, 20, 250)), (96, (128, 128, 128)), (160, (250, 20, 20))):
            assert np.abs(frame[24, column].astype(int) - bgr).max() < 25


def test_odd_sides(tmp_path: Path) -> None:
    video = Video(tmp_path / 'a.mp4', 10.0)
    video.add(plain(47, 61, 9, 9, 9), np.full((47, 61), 128, np.uint8), plain(47, 61, 9, 9, 9))
    video.finish()
    assert frames(tmp_path / 'a.mp4')[0].shape == (46, 182, 3)


def test_without_a_frame_there_is_no_file_and_abandoned_ones_go(tmp_path: Path) -> None:
    Video(tmp_path / 'a.mp4', 10.0).finish()
    video = Video(tmp_path / 'b.mp4', 10.0)
    video.add(plain(48, 64, 9, 9, 9), np.full((48, 64), 128, np.uint8), plain(48, 64, 9, 9, 9))
    video.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    video = Video(tmp_path / 'gone' / 'a.mp4', 10.0)
    with pytest.raises(BagError, match='cannot be written'):
        video.add(plain(48, 64, 9, 9, 9), np.full((48, 64), 9, np.uint8), plain(48, 64, 9, 9, 9))
