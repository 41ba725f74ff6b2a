# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The coarse search: near the truth, and it knows when the truth may lie outside."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_cameras import random_scene

from degfuse_ros.camera.edge_search import search
from degfuse_ros.camera.homography import corners, project, similarity

SIZE = (160, 120)


def pairs(truth: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    scenes = [random_scene(SIZE, np.random.default_rng(seed)) for seed in range(3)]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return ([visible for visible, _ in scenes],
            [cv2.warpPerspective(thermal, truth, SIZE, flags=flags,
                                 borderMode=cv2.BORDER_REPLICATE) for _, thermal in scenes])


def test_it_comes_within_three_pixels() -> None:
    truth = similarity(-4.5, 1.1, (9.0, -12.0), SIZE, SIZE)
    found = search(*pairs(truth))
    apart = project(found[0].homography, corners(SIZE)) - project(truth, corners(SIZE))
    assert np.abs(apart).max() < 3.0 and not found[0].at_border
    assert found[0].score > 1.5 * found[-1].score


@pytest.mark.parametrize('truth', [similarity(0.0, 1.0, (30.0, 0.0), SIZE, SIZE),
                                   similarity(10.0, 1.0, (0.0, 0.0), SIZE, SIZE)])
def test_an_optimum_at_the_border_is_marked(truth: np.ndarray) -> None:
    assert search(*pairs(truth))[0].at_border
