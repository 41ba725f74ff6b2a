# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Samples of raw messages: a regular grid of their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from image_messages import image

from degfuse_ros.camera.decoding import LAYOUTS
from degfuse_ros.camera.motion_sample import SAMPLE_PIXELS, motion_sample


def test_every_8th_row_and_column_of_640x480() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    sample = motion_sample(image(1, 'rgb8', height=480, width=640, step=1920,
                                 data=pixels.tobytes()))
    assert sample.shape == (60, 80, 3) and (sample == pixels[::8, ::8]).all()


def test_padding_is_stepped_over_and_high_bytes_may_come_first() -> None:
    pixels = np.random.default_rng(0).integers(0, 60000, (50, 100), np.uint16)
    padded = np.pad(pixels, ((0, 0), (0, 3)))
    for order, big in (('<u2', 0), ('>u2', 1)):
        sample = motion_sample(image(
            1, '16UC1', height=50, width=100, step=206, is_bigendian=big,
            data=padded.astype(order).tobytes()))
        assert sample.dtype == np.uint16 and sample.dtype.isnative
        assert (sample[..., 0] == pixels[::2, ::2]).all()


@pytest.mark.parametrize('encoding', LAYOUTS)
@pytest.mark.parametrize(('height', 'width'), [(1, 2), (2, 2), (77, 62), (1024, 1280)])
def test_every_encoding_and_size(encoding: str, height: int, width: int) -> None:
    step = width * LAYOUTS[encoding].pixel
    message = image(1, encoding, height=height, width=width, step=step,
                    data=bytes(step * height))
    sample = motion_sample(message)
    assert sample.shape[2] == LAYOUTS[encoding].channels and sample.size > 0
    assert sample.shape[0] * sample.shape[1] < 2 * SAMPLE_PIXELS
    assert sample.flags.owndata  # the message's memory goes back to the middleware
