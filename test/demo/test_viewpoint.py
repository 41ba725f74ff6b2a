# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pinhole camera: projection and rays are each other's inverse."""
import numpy as np

from degfuse_ros.demo.viewpoint import EYE_HEIGHT, Viewpoint


def test_projected_points_lie_on_the_pixels_own_rays() -> None:
    view = Viewpoint(64, 48)
    across, up = view.rays()
    for row, column, depth in ((3, 60, 4.0), (40, 5, 21.0)):
        point = np.array([[across[row, column] * depth, EYE_HEIGHT + up[row, column] * depth,
                           depth]])
        np.testing.assert_allclose(view.project(point)[0], (column, row), atol=1e-3)


def test_range_is_the_length_of_the_ray() -> None:
    view = Viewpoint(64, 48)
    across, up = view.rays()
    ray = np.array([across[7, 9], up[7, 9], 1.0])
    assert np.isclose(view.range_factor()[7, 9], np.linalg.norm(ray))
