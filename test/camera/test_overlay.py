# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The overlay: red where the thermal image has its edges, the visible image elsewhere."""

from __future__ import annotations

import numpy as np

from degfuse_ros.camera.overlay import DIMMED, overlay


def test_the_edge_of_a_hot_square_is_red_and_the_rest_is_the_visible_image() -> None:
    visible = np.full((120, 160, 3), 100, np.uint8)
    thermal = np.full((120, 160), 40, np.uint8)
    thermal[40:80, 60:100] = 220
    drawn = overlay(visible, thermal)
    assert drawn.shape == visible.shape and drawn.dtype == np.uint8
    assert drawn[60, 60, 0] > 200 and drawn[60, 60, 1] < 60
    for row, column in ((5, 5), (60, 80), (110, 150)):
        assert drawn[row, column].tolist() == [int(100 * DIMMED)] * 3


def test_without_edges_nothing_is_drawn() -> None:
    drawn = overlay(np.full((60, 80, 3), 200, np.uint8), np.full((60, 80), 7, np.uint8))
    assert np.unique(drawn).tolist() == [150]


def test_what_the_thermal_camera_does_not_see_has_no_thermal_edges() -> None:
    thermal = np.full((120, 160), 40, np.uint8)
    thermal[50:70, 70:90] = 220
    thermal[::2, :40] = 255  # as a border that goes on
    coverage = np.zeros((120, 160), np.float32)
    coverage[45:75, 65:95] = 1.0
    drawn = overlay(np.full((120, 160, 3), 100, np.uint8), thermal, coverage)
    assert drawn[60, 70, 0] > 200 and drawn[60, 89, 0] > 200
    assert (drawn[coverage == 0.0] == int(100 * DIMMED)).all()
