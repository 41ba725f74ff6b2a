# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Arrays to image messages, against bytes written out by hand."""

import io

import numpy as np
import pytest
from PIL import Image
from std_msgs.msg import Header

from degfuse_ros.ros import images

# Two rows of two pixels.
RGB = np.array([[[255, 0, 10], [0, 128, 20]], [[1, 2, 3], [4, 5, 6]]], np.uint8)


@pytest.mark.parametrize(('encoding', 'expected', 'step'), [
    ('rgb8', RGB.tobytes(), 6),
    ('bgr8', RGB[..., ::-1].tobytes(), 6),
    ('mono8', (RGB @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8).tobytes(), 2),
])
def test_from_rgb(encoding: str, expected: bytes, step: int) -> None:
    header = Header(frame_id='camera')
    sent = images.from_rgb(RGB, encoding, header)
    assert sent.header == header and sent.encoding == encoding
    assert (sent.height, sent.width, sent.step) == (2, 2, step)
    assert bytes(sent.data) == expected


@pytest.mark.parametrize(('encoding', 'tail'), [
    ('rgb8', ' bgr8'), ('bgr8', ' bgr8'), ('mono8', ' ')])
@pytest.mark.parametrize(('codec', 'kind'), [('jpeg', 'JPEG'), ('png', 'PNG')])
def test_compressed(encoding: str, tail: str, codec: str, kind: str) -> None:
    image = np.zeros((40, 56, 3), np.uint8)
    image[:, 20:], image[:, 40:] = (250, 120, 30), (10, 90, 200)
    header = Header(frame_id='camera')
    sent = images.compressed(image, encoding, codec, header)
    assert sent.header == header
    assert sent.format.rstrip() == f'{encoding}; {codec} compressed{tail}'.rstrip()
    file = Image.open(io.BytesIO(bytes(sent.data)))
    assert file.format == kind and file.mode == ('L' if encoding == 'mono8' else 'RGB')
    expected = image if encoding != 'mono8' else image @ np.array([0.299, 0.587, 0.114])
    assert np.abs(np.asarray(file) - expected.astype(float)).mean() < (1 if codec == 'png' else 4)
