# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Animations, read back."""
from pathlib import Path

import numpy as np
from PIL import Image

from degfuse_ros.demo.animation import write_gif


def test_pictures_and_times_come_back(tmp_path: Path) -> None:
    pictures = [np.full((20, 30, 3), colour, np.uint8)
                for colour in ((250, 0, 0), (0, 250, 0), (0, 0, 250))]
    write_gif(tmp_path / 'a.gif', pictures, 200)
    with Image.open(tmp_path / 'a.gif') as animation:
        frames = getattr(animation, 'n_frames', 1)
        assert (frames, animation.size, animation.info['duration']) == (
            3, (30, 20), 200)
        assert animation.info['loop'] == 0
        for number, picture in enumerate(pictures):
            animation.seek(number)
            shown = np.asarray(animation.convert('RGB')).astype(int)
            assert np.abs(shown - picture).max() < 8
