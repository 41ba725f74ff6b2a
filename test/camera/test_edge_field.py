# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The edge field: the same for both polarities, and it turns with the image."""

from __future__ import annotations

import numpy as np
from made_cameras import random_scene

from degfuse_ros.camera.edge_field import edge_field, turned


def test_polarity_and_contrast_do_not_matter() -> None:
    image, _ = random_scene((160, 120), np.random.default_rng(0))
    inverted = (255 - image // 2).astype(np.uint8)
    one, other = edge_field(image), edge_field(inverted)
    assert one.shape == (120, 160, 2)
    similar = (one * other).sum() / np.sqrt((one ** 2).sum() * (other ** 2).sum())
    assert similar > 0.97


def test_a_turned_image_has_the_turned_field() -> None:
    image, _ = random_scene((120, 120), np.random.default_rng(1))
    expected = edge_field(np.ascontiguousarray(np.rot90(image, -1)))  # clockwise
    moved = np.rot90(turned(edge_field(image), np.pi / 2), -1)
    assert np.abs(moved - expected).max() < 1e-4
    assert np.abs(expected).max() > 0.2


def test_a_flat_image_has_no_edges() -> None:
    assert not edge_field(np.full((60, 80), 90, np.uint8)).any()
