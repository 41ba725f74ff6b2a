# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Animated pictures."""
from pathlib import Path

import numpy as np
from PIL import Image

# Colours of each picture's own palette: fewer would band the fog, more would double the file.
COLOURS = 64


def write_gif(path: Path, pictures: list[np.ndarray], milliseconds: int) -> None:
    """Write an endless animation.

    Args:
        path: of the file.
        pictures: each H x W x 3 uint8 RGB, all of one size, at least one.
        milliseconds: how long each is shown.
    """
    frames = [Image.fromarray(picture).quantize(COLOURS, dither=Image.Dither.NONE)
              for picture in pictures]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
