# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pictures for made bags."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.made_frames import demo_frames, folder_frames
from degfuse_ros.demo.stream import DemoStream


def write(path: Path, value: int, kind: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((40, 50), value, kind))


def folders(root: Path) -> Path:
    for number in range(3):
        write(root / 'visible' / f'{number}.png', 10 * number)
        write(root / 'thermal' / f'{number}.png', 1000 * number, np.uint16)
    return root


def test_folders_of_equal_names(tmp_path: Path) -> None:
    frames = folder_frames(folders(tmp_path), 2.0)
    assert frames.seconds == 1.5
    assert [frames.visible(time)[0, 0, 0] for time in (0.0, 0.5, 1.0, 9.0)] == [0, 10, 20, 20]
    assert [frames.thermal(time)[0, 0] for time in (0.0, 0.5, 1.0)] == [0, 1000, 2000]
    assert frames.visible(0.0).shape == (40, 50, 3) and frames.thermal(0.0).dtype == np.uint16


def test_table_in_its_order(tmp_path: Path) -> None:
    folders(tmp_path)
    (tmp_path / 'pairs.csv').write_text('source,visible_path,thermal_path\n'
                                        'a,visible/2.png,thermal/0.png\n'
                                        'a,visible/0.png,thermal/1.png\n')
    frames = folder_frames(tmp_path, 1.0, seconds=10.0)
    assert frames.seconds == 10.0
    assert [(frames.visible(time)[0, 0, 0], frames.thermal(time)[0, 0])
            for time in (0.0, 1.0)] == [(20, 0), (0, 1000)]


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BagError, match='does not exist'):
        folder_frames(tmp_path / 'gone', 1.0)
    for text, words in (('visible_path\nx.png\n', 'columns'), ('visible_path,thermal_path\n',
                                                               'no pair')):
        (tmp_path / 'pairs.csv').write_text(text)
        with pytest.raises(BagError, match=words):
            folder_frames(tmp_path, 1.0)
    (tmp_path / 'pairs.csv').write_text('visible_path,thermal_path\nx.png,y.png\n')
    frames = folder_frames(tmp_path, 1.0)
    for camera in (frames.visible, frames.thermal):
        with pytest.raises(BagError, match='png cannot be read'):
            camera(0.0)


def test_both_cameras_see_the_street_at_any_time() -> None:
    frames = demo_frames((64, 48), 45.0, 2)
    stream = DemoStream((64, 48), seconds=45.0, rate=1000.0, seed=2)
    for time in (0.0, 0.1234, 20.5):
        expected = stream.frame(round(time * 1000))
        np.testing.assert_array_equal(frames.visible(time), expected.visible)
        np.testing.assert_array_equal(frames.thermal(time), expected.thermal)
