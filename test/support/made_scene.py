# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Scenes whose files are nowhere."""

from pathlib import Path

import numpy as np

from degfuse_ros.evaluation.pairs import EvaluationPair
from degfuse_ros.evaluation.scene import Scene

HEIGHT, WIDTH = 48, 64


def make_scene(name: str = 'one', source: str = 'set', condition: str = 'clean') -> Scene:
    """Make a pair of blocks of 4 x 4 pixels, the same for the same name; its group is SOURCE_val.

    Returns:
        A pair as it is: 48 x 64 x 3 uint8 RGB and 48 x 64 uint8.
    """
    random = np.random.default_rng(list(name.encode()))
    blocks = random.integers(30, 226, (HEIGHT // 4, WIDTH // 4, 4), np.uint8)
    pixels = blocks.repeat(4, axis=0).repeat(4, axis=1)
    visible, thermal = (np.ascontiguousarray(part) for part in (pixels[..., :3], pixels[..., 3]))
    pair = EvaluationPair(name, source, f'{source}_val', condition, Path('nowhere'),
                          Path('nowhere'))
    return Scene(pair, visible, visible, thermal)
