# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Colour curves against the definition of sRGB."""
import cv2
import numpy as np
import pytest

from degfuse_ros.demo.light import layered_noise, linear, srgb


@pytest.mark.parametrize('grey', [0, 1, 10, 64, 128, 200, 255])
def test_encoding_inverts_the_decoding_of_a_hex_colour(grey: int) -> None:
    np.testing.assert_allclose(srgb(linear(f'{grey:02x}' * 3)) * 255, grey, atol=1e-3)


def test_half_the_light_has_the_grey_that_the_standard_says() -> None:
    assert srgb(np.array([0.5]))[0] == pytest.approx(0.7354, abs=1e-4)


def test_fine_noise_fades_where_a_pixel_covers_more_than_its_grain() -> None:
    u, v = (a.astype(np.float32) / 100 for a in np.meshgrid(np.arange(200), np.arange(200)))
    near = layered_noise(u, v, 0.001, 5)
    far = layered_noise(u, v, 1.0, 5)
    assert cv2.Laplacian(far, cv2.CV_32F).std() < 0.2 * cv2.Laplacian(near, cv2.CV_32F).std()
