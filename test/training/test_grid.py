# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Picture sheets: every picture in its place, under words."""

import numpy as np
import torch

from degfuse_ros.training.grid import HEADER, sheet, to_picture


def test_every_picture_is_in_its_place():
    random = np.random.default_rng(1)
    pictures = random.integers(0, 256, (2, 3, 40, 60, 3), dtype=np.uint8)
    image = sheet(('one', 'two', 'three'), [('first', pictures[0]), ('second', pictures[1])])
    assert image.shape == (HEADER + 2 * (HEADER + 40), 180, 3) and image.dtype == np.uint8
    for row in range(2):
        top = 2 * HEADER + row * (40 + HEADER)
        for column in range(3):
            part = image[top:top + 40, 60 * column:60 * column + 60]
            np.testing.assert_array_equal(part, pictures[row, column])
        assert image[top - HEADER:top].max() > 200  # its caption
    assert all(image[:HEADER, 60 * column:60 * column + 60].max() > 200 for column in range(3))


def test_values_become_grey_levels():
    values = torch.tensor([-0.2, 0.0, 0.5, 1.0, 1.7]).view(1, 1, 5)
    assert to_picture(values)[0].tolist() == [[each] * 3 for each in (0, 0, 128, 255, 255)]
    colours = torch.rand(3, 4, 5)
    np.testing.assert_allclose(to_picture(colours), colours.permute(1, 2, 0) * 255, atol=0.51)
