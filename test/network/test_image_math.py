# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Image arithmetic against OpenCV, SciPy and NumPy."""

import cv2
import numpy as np
import pytest
import scipy.ndimage
import torch

from degfuse_ros.network.image_math import luma, pad_to_multiple, replace_luma, sobel


def batch(pixels: np.ndarray) -> torch.Tensor:
    """H x W x C to 1 x C x H x W."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]


def picture(low: float = 0.0, high: float = 1.0, seed: int = 0) -> np.ndarray:
    """Random RGB, H x W x 3 float32."""
    return np.random.default_rng(seed).uniform(low, high, (14, 18, 3)).astype(np.float32)


def test_luma_equals_opencvs_bt601():
    pixels = picture()
    expected = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    np.testing.assert_allclose(luma(batch(pixels))[0, 0].numpy(), expected, atol=1e-6)


def test_luma_knows_red_from_blue():
    pure = torch.eye(3).view(3, 3, 1, 1)
    np.testing.assert_allclose(luma(pure).flatten().numpy(), [0.299, 0.587, 0.114], atol=1e-7)


def test_replace_luma_changes_y_and_keeps_both_chroma_channels():
    pixels = picture(0.35, 0.65)
    wanted = np.random.default_rng(1).uniform(0.35, 0.65, (14, 18, 1)).astype(np.float32)
    found = replace_luma(batch(pixels), batch(wanted))[0].numpy().transpose(1, 2, 0)
    before, after = (cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2YCrCb)
                     for image in (pixels, found))
    np.testing.assert_allclose(after[..., 0], wanted[..., 0], atol=1e-5)
    np.testing.assert_allclose(after[..., 1:], before[..., 1:], atol=1e-5)


def test_replace_luma_is_clipped():
    found = replace_luma(batch(picture()), torch.full((1, 1, 14, 18), 0.9))
    assert found.min() >= 0 and found.max() == 1


def test_sobel_equals_opencvs():
    image = picture(seed=2)[..., 0]
    horizontal, vertical = sobel(torch.from_numpy(image)[None, None])
    for found, (right, down) in ((horizontal, (1, 0)), (vertical, (0, 1))):
        expected = cv2.Sobel(image, cv2.CV_32F, right, down, borderType=cv2.BORDER_REPLICATE)
        np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-5)


def test_sobel_equals_scipys():
    image = picture(seed=3)[..., 0].astype(np.float64)
    horizontal, vertical = sobel(torch.from_numpy(image)[None, None])
    for found, axis in ((horizontal, 1), (vertical, 0)):
        expected = scipy.ndimage.sobel(image, axis=axis, mode='nearest')
        np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


def test_sobel_of_a_unit_step_is_four_on_both_sides_of_it():
    image = torch.zeros(1, 1, 6, 8)
    image[..., 4:] = 1
    horizontal, vertical = sobel(image)
    expected = torch.zeros(1, 1, 6, 8)
    expected[..., 3:5] = 4
    torch.testing.assert_close(horizontal, expected)
    assert not vertical.any()


@pytest.mark.parametrize('height, width', [(33, 47), (32, 32), (17, 31), (48, 33)])
def test_padding_is_numpys_reflection_on_the_right_and_the_bottom(height: int, width: int):
    pixels = np.random.default_rng(4).random((height, width, 3)).astype(np.float32)
    more = ((0, -height % 16), (0, -width % 16), (0, 0))
    expected = np.pad(pixels, more, mode='reflect')
    found = pad_to_multiple(batch(pixels), 16)
    np.testing.assert_array_equal(found[0].numpy().transpose(1, 2, 0), expected)
    assert found.shape[-2] % 16 == found.shape[-1] % 16 == 0
