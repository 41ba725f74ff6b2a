# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Luma: BT.601, rounded, and refusals in one line."""

import numpy as np
import pytest
from PIL import Image

from degfuse_ros.evaluation.metrics import luma


def test_luma_of_pure_colours() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0]]],
                       np.uint8)
    # 0.299, 0.587 and 0.114 of 255 are 76.245, 149.685 and 29.07.
    assert luma(colours).tolist() == [[76, 150, 29, 255, 0]]


def test_luma_agrees_with_pillow() -> None:
    image = np.random.default_rng(1).integers(0, 256, (50, 60, 3)).astype(np.uint8)
    theirs = np.asarray(Image.fromarray(image).convert('L'), np.int64)
    # Pillow computes in 16-bit fixed point and may fall on the other side of a half.
    assert np.abs(luma(image) - theirs).max() <= 1
    assert np.mean(luma(image) != theirs) < 0.01


def test_grey_image_is_its_own_luma() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(luma(grey), grey)
    np.testing.assert_array_equal(luma(np.repeat(grey[..., None], 3, axis=2)), grey)


@pytest.mark.parametrize('image', [np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8),
                                   np.zeros((4, 4), np.float32)])
def test_other_images_are_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r'must be .* Got shape') as caught:
        luma(image)
    assert '\n' not in str(caught.value)
