# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Image messages to arrays and back, against pixels written out by hand."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from degfuse_ros.ros import images
from degfuse_ros.ros.image_error import ImageError

# Two rows of two pixels.
RGB = np.array([[[255, 0, 10], [0, 128, 20]], [[1, 2, 3], [4, 5, 6]]], np.uint8)
GREY = np.array([[0, 100], [200, 255]], np.uint8)
COUNTS = [0, 256, 30_000, 65_535]


def message(encoding: str, step: int, data: bytes, **changes: Any) -> Image:
    """Build a message of two rows of two pixels."""
    result = Image(encoding=encoding, height=2, width=2, step=step, data=data)
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def with_alpha(pixels: np.ndarray) -> bytes:
    """Append an opaque channel."""
    return np.concatenate([pixels, np.full((2, 2, 1), 255, np.uint8)], axis=2).tobytes()


@pytest.mark.parametrize(('encoding', 'step', 'data'), [
    ('rgb8', 6, RGB.tobytes()),
    ('bgr8', 6, RGB[..., ::-1].tobytes()),
    ('8UC3', 6, RGB[..., ::-1].tobytes()),
    ('rgba8', 8, with_alpha(RGB)),
    ('bgra8', 8, with_alpha(RGB[..., ::-1])),
    ('rgb8', 9, b''.join(row.tobytes() + b'pad' for row in RGB)),
    ('bgr8', 7, b''.join(row.tobytes() + b'p' for row in RGB[..., ::-1])),
])
def test_colour_to_rgb(encoding: str, step: int, data: bytes) -> None:
    assert images.to_rgb(message(encoding, step, data)).tolist() == RGB.tolist()


@pytest.mark.parametrize(('encoding', 'step', 'data'), [
    ('mono8', 2, GREY.tobytes()),
    ('8UC1', 2, GREY.tobytes()),
    ('mono8', 5, b''.join(row.tobytes() + b'pad' for row in GREY)),
])
def test_grey(encoding: str, step: int, data: bytes) -> None:
    sent = message(encoding, step, data)
    assert images.to_grey(sent).tolist() == GREY.tolist()
    assert images.to_rgb(sent).tolist() == np.stack([GREY] * 3, axis=2).tolist()


@pytest.mark.parametrize('encoding', ['mono16', '16UC1'])
@pytest.mark.parametrize('big', [0, 1])
@pytest.mark.parametrize('padding', [b'', b'xyz'])
def test_16_bit_thermal(encoding: str, big: int, padding: bytes) -> None:
    order = '>' if big else '<'
    rows = [struct.pack(f'{order}2H', *COUNTS[:2]), struct.pack(f'{order}2H', *COUNTS[2:])]
    sent = message(encoding, 4 + len(padding), b''.join(row + padding for row in rows),
                   is_bigendian=big)
    counts = images.to_grey(sent)
    assert counts.dtype == np.uint16 and counts.dtype.isnative
    assert counts.ravel().tolist() == COUNTS
    assert cv2.flip(counts, -1).ravel().tolist() == COUNTS[::-1]  # OpenCV takes no odd step


@pytest.mark.parametrize(('encoding', 'step'), [('mono8', 3), ('rgb8', 7), ('16UC1', 6)])
@pytest.mark.skipif(sys.byteorder == 'big', reason='the bytes of 16UC1 change places here')
def test_pixels_are_not_copied(encoding: str, step: int) -> None:
    sent = message(encoding, step, bytes(2 * step))
    pixels = (images.to_rgb if encoding == 'rgb8' else images.to_grey)(sent)
    assert np.shares_memory(pixels, np.frombuffer(sent.data, np.uint8))


def test_visible_mono16_shows_its_upper_bits() -> None:
    sent = message('mono16', 4, struct.pack('<4H', *COUNTS))
    assert images.to_rgb(sent)[..., 0].ravel().tolist() == [0, 1, 117, 255]


def test_visible_16uc1_is_refused_with_a_way_out() -> None:
    with pytest.raises(ImageError, match='Publish it as mono16 or rgb8'):
        images.to_rgb(message('16UC1', 4, bytes(8)))


def test_colour_thermal_becomes_grey() -> None:
    grey = images.to_grey(message('bgr8', 6, RGB[..., ::-1].tobytes()))
    expected = RGB @ np.array([0.299, 0.587, 0.114])  # Rec. 601 luma
    assert np.abs(grey - expected).max() <= 1


@pytest.mark.parametrize(('sent', 'kind', 'reason'), [
    (message('rgb8', 6, b''), 'empty', '2x2 rgb8 image has no data'),
    (message('rgb8', 6, bytes(11)), 'truncated', '11 bytes of data, 2 rows of 6 bytes need 12'),
    (message('rgb8', 5, bytes(12)), 'small_step', 'step is 5 bytes, a row of 2 rgb8 pixels '
     'needs 6'),
    (message('rgb8', 6, bytes(12), width=0), 'zero_size', 'size is 0x2'),
])
def test_bad_messages(sent: Image, kind: str, reason: str) -> None:
    for convert in (images.check, images.to_rgb, images.to_grey):
        with pytest.raises(ImageError) as caught:
            convert(sent)
        assert caught.value.kind == kind and reason in str(caught.value)
        assert '\n' not in str(caught.value)


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """A function that puts something in the place of the module cv_bridge."""
    yield lambda module: monkeypatch.setitem(sys.modules, 'cv_bridge', module)
    images._find_bridge.cache_clear()


@pytest.mark.parametrize('encoding', ['nv12', '', 'RGB8'])
def test_without_cv_bridge_the_known_encodings_are_listed(
        bridge: Callable[[Any], None], encoding: str) -> None:
    images._find_bridge.cache_clear()
    bridge(None)  # importing it then raises ImportError
    for convert in (images.check, images.to_rgb, images.to_grey):
        with pytest.raises(ImageError) as caught:
            convert(message(encoding, 6, bytes(12)))
        assert f"encoding '{encoding}' needs cv_bridge" in str(caught.value)
        assert caught.value.kind == 'encoding' and '\n' not in str(caught.value)
        for known in ('mono8', 'mono16', '16UC1', 'rgb8', 'bgr8', 'rgba8', 'bgra8'):
            assert known in str(caught.value)


def test_rare_encodings_go_to_cv_bridge(bridge: Callable[[Any], None]) -> None:
    class CvBridge:
        """Answers as the real one does, for one encoding."""

        def imgmsg_to_cv2(self, sent: Image, desired_encoding: str) -> np.ndarray:
            """Convert, or raise in two lines as OpenCV does."""
            if sent.encoding != 'yuv422':
                raise RuntimeError('[yuv]\nis not a color format')
            return {'rgb8': RGB, 'mono8': GREY}[desired_encoding]

    images._find_bridge.cache_clear()
    bridge(SimpleNamespace(CvBridge=CvBridge))
    assert images.to_rgb(message('yuv422', 4, bytes(8))) is RGB
    assert images.to_grey(message('yuv422', 4, bytes(8))) is GREY
    with pytest.raises(ImageError) as caught:
        images.to_rgb(message('nonsense', 4, bytes(8)))
    assert str(caught.value).startswith(
        "cv_bridge cannot convert 'nonsense' to rgb8: [yuv] is not a color format. Publish one of")


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


def test_input_is_a_view_where_it_can_be() -> None:
    sent = message('rgb8', 6, RGB.tobytes())
    pixels = images.to_rgb(sent)
    sent.data[0] = 42
    assert pixels[0, 0, 0] == 42
