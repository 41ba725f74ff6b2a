# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The visible camera: its tone curve and its lens."""
import numpy as np

from degfuse_ros.demo.viewpoint import Viewpoint
from degfuse_ros.demo.visible_camera import VisibleCamera

CAMERA = VisibleCamera(Viewpoint(640, 480))


def expose(*radiance: float) -> list[int]:
    flat = [np.full((8, 8, 3), value, np.float32) for value in radiance]
    return [int(CAMERA.expose(picture)[4, 4, 0]) for picture in flat]


def test_black_stays_black_and_everything_too_bright_is_white() -> None:
    assert expose(-0.5, 0.0, 1.0, 9.0) == [0, 0, 255, 255]


def test_more_light_is_never_darker() -> None:
    greys = expose(*np.linspace(0, 1, 60))
    assert greys == sorted(greys) and len(set(greys)) > 50


def test_the_lens_softens_an_edge_and_leaves_flat_areas() -> None:
    picture = np.zeros((20, 20, 3), np.float32)
    picture[:, 10:] = 0.5
    seen = CAMERA.expose(picture)[10, :, 1]
    assert seen[2] == 0 and seen[17] == expose(0.5)[0]
    assert 0 < seen[9] < seen[10] < seen[17]


def test_colours_keep_their_order() -> None:
    picture = np.broadcast_to(np.array([0.6, 0.2, 0.05], np.float32), (8, 8, 3)).copy()
    red, green, blue = CAMERA.expose(picture)[4, 4].tolist()
    assert red > green > blue
