# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Image messages to arrays, against pixels written out by hand."""

from __future__ import annotations

import struct
import sys
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from degfuse_ros.camera import decoding
from degfuse_ros.camera.decoding import RawImage
from degfuse_ros.camera.image_error import ImageError

# Two rows of two pixels.
RGB = np.array([[[255, 0, 10], [0, 128, 20]], [[1, 2, 3], [4, 5, 6]]], np.uint8)
GREY = np.array([[0, 100], [200, 255]], np.uint8)
COUNTS = [0, 256, 30_000, 65_535]


def message(encoding: str, step: int, data: bytes, **changes: Any) -> SimpleNamespace:
    """Build a message of two rows of two pixels, without ROS."""
    return SimpleNamespace(**{'encoding': encoding, 'height': 2, 'width': 2, 'is_bigendian': 0,
                              'step': step, 'data': bytearray(data), **changes})


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
    assert decoding.to_rgb(message(encoding, step, data)).tolist() == RGB.tolist()


@pytest.mark.parametrize(('encoding', 'step', 'data'), [
    ('mono8', 2, GREY.tobytes()),
    ('8UC1', 2, GREY.tobytes()),
    ('mono8', 5, b''.join(row.tobytes() + b'pad' for row in GREY)),
])
def test_grey(encoding: str, step: int, data: bytes) -> None:
    sent = message(encoding, step, data)
    assert decoding.to_grey(sent).tolist() == GREY.tolist()
    assert decoding.to_rgb(sent).tolist() == np.stack([GREY] * 3, axis=2).tolist()


@pytest.mark.parametrize('encoding', ['mono16', '16UC1'])
@pytest.mark.parametrize('big', [0, 1])
@pytest.mark.parametrize('padding', [b'', b'xyz'])
def test_16_bit_thermal(encoding: str, big: int, padding: bytes) -> None:
    order = '>' if big else '<'
    rows = [struct.pack(f'{order}2H', *COUNTS[:2]), struct.pack(f'{order}2H', *COUNTS[2:])]
    sent = message(encoding, 4 + len(padding), b''.join(row + padding for row in rows),
                   is_bigendian=big)
    counts = decoding.to_grey(sent)
    assert counts.dtype == np.uint16 and counts.dtype.isnative
    assert counts.ravel().tolist() == COUNTS
    assert cv2.flip(counts, -1).ravel().tolist() == COUNTS[::-1]  # OpenCV takes no odd step


@pytest.mark.parametrize(('encoding', 'step'), [('mono8', 3), ('rgb8', 7), ('16UC1', 6)])
@pytest.mark.skipif(sys.byteorder == 'big', reason='the bytes of 16UC1 change places here')
def test_pixels_are_not_copied(encoding: str, step: int) -> None:
    sent = message(encoding, step, bytes(2 * step))
    pixels = (decoding.to_rgb if encoding == 'rgb8' else decoding.to_grey)(sent)
    assert np.shares_memory(pixels, np.frombuffer(sent.data, np.uint8))


def test_visible_mono16_shows_its_upper_bits() -> None:
    sent = message('mono16', 4, struct.pack('<4H', *COUNTS))
    assert decoding.to_rgb(sent)[..., 0].ravel().tolist() == [0, 1, 117, 255]


def test_visible_colour_of_16_bits_shows_its_upper_bits() -> None:
    values = np.random.default_rng(2).integers(0, 65_536, (2, 2, 4), dtype=np.uint16)
    three, four = (message(name, 4 * size, values[..., :size].tobytes())
                   for name, size in (('bgr16', 3), ('bgra16', 4)))
    for sent in (three, four):
        assert (decoding.to_rgb(sent) == values[..., 2::-1] // 256).all()


@pytest.mark.parametrize('encoding', ['16UC1', '32FC1'])
def test_visible_values_without_brightness_are_refused_with_a_way_out(encoding: str) -> None:
    with pytest.raises(ImageError, match=f'{encoding} has no .* Publish it as mono16 or rgb8'):
        decoding.to_rgb(message(encoding, 8, bytes(16)))


@pytest.mark.parametrize('big', [0, 1])
@pytest.mark.parametrize('padding', [b'', b'xyz'])
def test_radiometric_thermal(big: int, padding: bytes) -> None:
    order, values = '>' if big else '<', [-40.0, 36.6, float('nan'), float('inf')]
    rows = [struct.pack(f'{order}2f', *values[:2]), struct.pack(f'{order}2f', *values[2:])]
    degrees = decoding.to_grey(message('32FC1', 8 + len(padding), b''.join(
        row + padding for row in rows), is_bigendian=big))
    assert degrees.dtype == np.float32 and degrees.dtype.isnative
    np.testing.assert_array_equal(degrees.ravel(), np.array(values, np.float32))


def limited_range_bt601(luma: np.ndarray, blue: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Return RGB by the formulas of ITU-R BT.601 for 8 bits, black 16, white 235."""
    y, u, v = ((plane.astype(float) - offset) for plane, offset in
               ((luma, 16), (blue, 128), (red, 128)))
    planes = (1.1644 * y + 1.5960 * v, 1.1644 * y - 0.3918 * u - 0.8130 * v,
              1.1644 * y + 2.0172 * u)
    return np.clip(np.stack(planes, axis=-1), 0, 255)


@pytest.mark.parametrize(('encoding', 'order'), [
    ('yuv422', 'UYVY'), ('uyvy', 'UYVY'), ('yuv422_yuy2', 'YUYV'), ('yuyv', 'YUYV')])
@pytest.mark.parametrize('padding', [0, 3])
def test_yuv_of_both_orders(encoding: str, order: str, padding: int) -> None:
    random = np.random.default_rng(3)
    luma = random.integers(16, 236, (6, 8), dtype=np.uint8)
    blue, red = random.integers(16, 241, (2, 6, 4), dtype=np.uint8)
    rows = np.zeros((6, 16 + padding), np.uint8)
    rows[:, order.index('Y'):16:2] = luma
    rows[:, order.index('U'):16:4], rows[:, order.index('V'):16:4] = blue, red
    sent = message(encoding, 16 + padding, rows.tobytes(), height=6, width=8)
    expected = limited_range_bt601(luma, blue.repeat(2, axis=1), red.repeat(2, axis=1))
    assert np.abs(decoding.to_rgb(sent) - expected).max() <= 1
    assert (decoding.to_grey(sent) == luma).all()


def mosaic(picture: np.ndarray, order: str) -> np.ndarray:
    """Keep of each pixel the colour that its place has, as ROS names the first four places."""
    result = np.empty(picture.shape[:2], picture.dtype)
    for place, colour in enumerate(order):
        row, column = divmod(place, 2)
        result[row::2, column::2] = picture[row::2, column::2, 'rgb'.index(colour)]
    return result


@pytest.mark.parametrize('order', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('padding', [0, 2])
def test_bayer(order: str, bits: int, padding: int) -> None:
    # Slopes, which every way to interpolate gives back; each colour has its own.
    rows, columns = np.mgrid[:30, :40]
    picture = np.stack([40 + 3 * columns, 200 - 4 * rows, 20 + columns + 2 * rows], axis=-1)
    picture = (picture * (1 if bits == 8 else 256)).astype(np.uint8 if bits == 8 else np.uint16)
    values = mosaic(picture, order)
    sent = message(f'bayer_{order}{bits}', values.strides[0] + padding, b''.join(
        row.tobytes() + bytes(padding) for row in values), height=30, width=40)
    inner = np.s_[2:-2, 2:-2]  # the border has too few neighbours
    expected = picture / (1 if bits == 8 else 256)
    assert np.abs(decoding.to_rgb(sent) - expected)[inner].max() <= 1
    grey = decoding.to_grey(sent) / (1 if bits == 8 else 256)
    assert np.abs(grey - expected @ np.array([0.299, 0.587, 0.114]))[inner].max() <= 1.5


@pytest.mark.parametrize('encoding', decoding.LAYOUTS)
@pytest.mark.parametrize(('kind', 'changes'), [
    ('empty', {'data': b''}),
    ('truncated', {'data': b'0'}),
    ('small_step', {'step': 1}),
    ('zero_size', {'width': 0}),
])
def test_every_encoding_has_its_bad_messages(encoding: str, kind: str, changes: dict) -> None:
    step = 2 * decoding.LAYOUTS[encoding].pixel
    good = message(encoding, step, bytes(2 * step))
    decoding.to_grey(good)
    for convert in (decoding.check, decoding.to_grey, decoding.to_rgb):
        with pytest.raises(ImageError) as caught:
            convert(SimpleNamespace(**{**vars(good), **changes}))
        assert caught.value.kind == kind and '\n' not in str(caught.value)


@pytest.mark.parametrize('encoding', ['yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'])
def test_yuv_of_odd_width_is_refused(encoding: str) -> None:
    with pytest.raises(ImageError, match='3 columns of .* two pixels share') as caught:
        decoding.check(message(encoding, 6, bytes(12), width=3))
    assert caught.value.kind == 'odd_width'


def test_colour_thermal_becomes_grey() -> None:
    grey = decoding.to_grey(message('bgr8', 6, RGB[..., ::-1].tobytes()))
    expected = RGB @ np.array([0.299, 0.587, 0.114])  # Rec. 601 luma
    assert np.abs(grey - expected).max() <= 1


@pytest.mark.parametrize(('sent', 'kind', 'reason'), [
    (message('rgb8', 6, b''), 'empty', '2x2 rgb8 image has no data'),
    (message('rgb8', 6, bytes(11)), 'truncated', '11 bytes of data, 2 rows of 6 bytes need 12'),
    (message('rgb8', 5, bytes(12)), 'small_step', 'step is 5 bytes, a row of 2 rgb8 pixels '
     'needs 6'),
    (message('rgb8', 6, bytes(12), width=0), 'zero_size', 'size is 0x2'),
])
def test_bad_messages(sent: RawImage, kind: str, reason: str) -> None:
    for convert in (decoding.check, decoding.to_rgb, decoding.to_grey):
        with pytest.raises(ImageError) as caught:
            convert(sent)
        assert caught.value.kind == kind and reason in str(caught.value)
        assert '\n' not in str(caught.value)


@pytest.mark.parametrize('encoding', ['nv12', '', 'RGB8'])
def test_other_encodings_are_refused_with_a_list_of_the_known_ones(encoding: str) -> None:
    for convert in (decoding.check, decoding.to_rgb, decoding.to_grey):
        with pytest.raises(ImageError) as caught:
            convert(message(encoding, 6, bytes(12)))
        assert f"encoding '{encoding}' is not supported" in str(caught.value)
        assert caught.value.kind == 'encoding' and '\n' not in str(caught.value)
        for known in ('mono8', 'mono16', '16UC1', 'rgb8', 'bgr8', 'rgba8', 'bgra8'):
            assert known in str(caught.value)


def test_input_is_a_view_where_it_can_be() -> None:
    sent = message('rgb8', 6, RGB.tobytes())
    pixels = decoding.to_rgb(sent)
    sent.data[0] = 42
    assert pixels[0, 0, 0] == 42
