# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The fine steps: from two pixels off to a fraction of one, with each kind of freedom."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_cameras import random_scene

from degfuse_ros.camera.edge_refinement import KINDS, Kind, edge_frame, refine
from degfuse_ros.camera.homography import corners, project, similarity

SIZE = (320, 240)


@pytest.mark.parametrize('kind', KINDS)
def test_it_climbs_to_the_truth(kind: Kind) -> None:
    truth = similarity(3.0, 1.05, (6.0, -8.0), SIZE, SIZE)
    if kind != 'similarity':
        truth = truth @ np.diag([1.01, 0.99, 1.0])
    if kind == 'homography':
        truth[2, :2] = 4e-5, -3e-5
    frames = []
    for seed in range(3):
        visible, thermal = random_scene(SIZE, np.random.default_rng(seed))
        frames.append(edge_frame(visible, cv2.warpPerspective(
            thermal, truth, SIZE, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE)))
    start = np.array([[1.0, 0.0, 1.2], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]]) @ truth
    found, score = refine(start, frames, kind)
    apart = np.linalg.norm(project(found, corners(SIZE)) - project(truth, corners(SIZE)), axis=1)
    assert apart.max() < 0.4 and score > 0.5
    # A frame of weight 0 has no say.
    frames[1] = edge_frame(random_scene(SIZE, np.random.default_rng(8))[0],
                           random_scene(SIZE, np.random.default_rng(9))[1])
    again, higher = refine(start, frames, kind, [1.0, 0.0, 1.0])
    apart = np.linalg.norm(project(again, corners(SIZE)) - project(truth, corners(SIZE)), axis=1)
    assert apart.max() < 0.6 and higher > 0.5
