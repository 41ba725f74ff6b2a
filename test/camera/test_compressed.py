# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Compressed images, written by Pillow, and the ways in which they arrive broken."""

from __future__ import annotations

import io
import struct
import zlib
from array import array
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from degfuse_ros.camera import compressed, decoding
from degfuse_ros.camera.image_error import ImageError

SMOOTH = cv2.resize(np.random.default_rng(1).random((4, 5, 3)), (64, 48)) * 255
RGB = SMOOTH.astype(np.uint8)
GREY = RGB[..., 0]
COUNTS = np.random.default_rng(2).integers(0, 65_536, (48, 64), dtype=np.uint16)


def file_of(pixels: np.ndarray, codec: str, **options: Any) -> bytes:
    """Return the bytes of an image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, codec, **options)
    return buffer.getvalue()


def message(data: bytes | bytearray, format_: str = 'jpeg') -> SimpleNamespace:
    """Build a message, without ROS."""
    return SimpleNamespace(format=format_, data=bytearray(data))


JPEG, PNG = file_of(RGB, 'JPEG', quality=95), file_of(RGB, 'PNG')


@pytest.mark.parametrize('format_', ['jpeg', 'jpg', '', 'rgb8; jpeg compressed bgr8',
                                     'bgr8; jpeg compressed bgr8', 'png'])
def test_jpeg_whatever_its_format_is_called(format_: str) -> None:
    assert np.abs(decoding.to_rgb(message(JPEG, format_)).astype(int) - RGB).mean() < 2
    decoding.check(message(JPEG, format_))


def test_grey_jpeg() -> None:
    sent = message(file_of(GREY, 'JPEG', quality=95), 'mono8; jpeg compressed ')
    assert np.abs(decoding.to_grey(sent).astype(int) - GREY).max() <= 4
    assert decoding.to_rgb(sent).shape == (48, 64, 3)


@pytest.mark.parametrize('format_', ['png', 'rgb8; png compressed bgr8'])
def test_png(format_: str) -> None:
    assert (decoding.to_rgb(message(PNG, format_)) == RGB).all()
    with_alpha = np.dstack([RGB, GREY])
    assert (decoding.to_rgb(message(file_of(with_alpha, 'PNG'), format_)) == RGB).all()


@pytest.mark.parametrize('format_', ['png', 'mono16; png compressed', '16UC1; png compressed '])
def test_16_bit_png_keeps_its_counts(format_: str) -> None:
    counts = decoding.to_grey(message(file_of(COUNTS, 'PNG'), format_))
    assert counts.dtype == np.uint16 and (counts == COUNTS).all()


@pytest.mark.parametrize('holder', [bytes, bytearray, lambda data: array('B', data),
                                    lambda data: np.frombuffer(data, np.uint8)])
def test_whatever_holds_the_bytes(holder: Callable[[bytes], Any]) -> None:
    sent = SimpleNamespace(format='png', data=holder(PNG))
    decoding.check(sent)
    assert (decoding.to_rgb(sent) == RGB).all()


def test_16uc1_stays_without_brightness_when_compressed() -> None:
    sent = message(file_of(COUNTS, 'PNG'), '16UC1; png compressed ')
    with pytest.raises(ImageError, match='no defined brightness'):
        decoding.to_rgb(sent)
    sent.format = 'mono16; png compressed '
    assert (decoding.to_rgb(sent)[..., 0] == COUNTS >> 8).all()


def test_a_compressed_mosaic_is_still_a_mosaic() -> None:
    raw = SimpleNamespace(height=48, width=64, encoding='bayer_grbg8', is_bigendian=0, step=64,
                          data=GREY.tobytes())
    sent = message(file_of(GREY, 'PNG'), 'bayer_grbg8; png compressed ')
    assert (decoding.to_rgb(sent) == decoding.to_rgb(raw)).all()
    # A mosaic that the publisher has turned into colour already.
    assert (decoding.to_rgb(message(PNG, 'bayer_grbg8; png compressed bgr8')) == RGB).all()


def test_a_camera_held_upright_is_not_turned() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: rotate by 90 degrees to view
    for codec in ('JPEG', 'PNG'):
        sent = message(file_of(RGB, codec, exif=turned))
        assert decoding.to_rgb(sent).shape == (48, 64, 3)


def test_padding_behind_the_end_is_allowed() -> None:
    padded = decoding.to_rgb(message(JPEG + bytes(512)))  # as USB cameras send
    assert np.array_equal(padded, decoding.to_rgb(message(JPEG)))


def png_header(width: int, height: int) -> bytes:
    """Return the small PNG with another size in its header, checksum included."""
    header = b'IHDR' + struct.pack('>II', width, height) + PNG[24:29]
    return PNG[:12] + header + struct.pack('>I', zlib.crc32(header)) + PNG[33:]


def jpeg_header(width: int, height: int) -> bytes:
    """Return the small JPEG with another size in its header."""
    place = JPEG.index(b'\xff\xc0') + 5
    return JPEG[:place] + struct.pack('>HH', height, width) + JPEG[place + 4:]


@pytest.mark.parametrize('data', [
    png_header(10_000, 10_000), jpeg_header(10_000, 10_000),
    png_header(60_000, 60_000), jpeg_header(60_000, 60_000)])
def test_100_megapixels_are_refused_before_decoding(
        data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
    for convert in (decoding.check, decoding.to_rgb, decoding.to_grey):
        with pytest.raises(ImageError, match='000 pixels, above 64 megapixels') as caught:
            convert(message(data))
        assert caught.value.kind == 'too_large'


def test_the_limit_lies_at_64_megapixels() -> None:
    for width, kind in ((8000, 'damaged'), (8001, 'too_large')):
        with pytest.raises(ImageError) as caught:  # the small file cannot fill either size
            decoding.to_rgb(message(png_header(width, 8000)))
        assert caught.value.kind == kind


def cuts(data: bytes) -> list[bytes]:
    """Return a file cut off at forty places; a PNG's last four bytes protect no pixels."""
    return [data[:end] for end in np.linspace(8, len(data) - 5, 40).astype(int)]


@pytest.mark.parametrize('data', [*cuts(JPEG), *cuts(PNG)])
def test_files_cut_off_are_refused(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    for convert in (decoding.check, decoding.to_rgb):
        with pytest.raises(ImageError) as caught:
            convert(message(data))
        assert caught.value.kind == 'damaged' and '\n' not in str(caught.value)
    assert capfd.readouterr() == ('', '')


def test_the_end_of_a_thumbnail_is_not_the_end() -> None:
    thumbnail = b'Exif\x00\x00' + JPEG  # its end marker stands before the picture
    marker = b'\xff\xe1' + struct.pack('>H', len(thumbnail) + 2) + thumbnail
    whole = JPEG[:2] + marker + JPEG[2:]
    decoding.to_rgb(message(whole))
    with pytest.raises(ImageError, match='the end is missing'):
        decoding.to_rgb(message(whole[:-20]))


def test_an_altered_png_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    for place in range(8, len(PNG), 97):
        altered = bytearray(PNG)
        altered[place] ^= 0x10
        with pytest.raises(ImageError):
            decoding.to_rgb(message(altered))
    assert capfd.readouterr() == ('', '')


def test_altered_jpegs_never_raise_anything_else() -> None:
    random = np.random.default_rng(9)
    for _ in range(300):
        altered = bytearray(JPEG)
        for place in random.integers(2, len(JPEG), 3):
            altered[place] = random.integers(256)
        try:
            pixels = decoding.to_rgb(message(altered))
        except ImageError as error:
            assert '\n' not in str(error)
        else:
            assert pixels.dtype == np.uint8 and pixels.ndim == 3


@pytest.mark.parametrize(('data', 'format_', 'kind', 'reason'), [
    (b'', 'jpeg', 'empty', "format 'jpeg' has no data"),
    (b'BM' + bytes(100), 'bmp', 'format', 'neither JPEG nor PNG'),
    (b'II*\x00' + bytes(100), 'mono16; tiff compressed ', 'format', 'neither JPEG nor PNG'),
    (bytes(12) + PNG, '16UC1; compressedDepth png', 'format', 'holds depth'),
    (b'\xff\xd8\xff' + bytes(100), 'jpeg', 'damaged', 'cut off or altered'),
])
def test_other_files_are_refused(data: bytes, format_: str, kind: str, reason: str) -> None:
    for convert in (decoding.check, decoding.to_rgb, decoding.to_grey):
        with pytest.raises(ImageError) as caught:
            convert(message(data, format_))
        assert caught.value.kind == kind and reason in str(caught.value)


def test_what_opencv_refuses_is_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: None)
    with pytest.raises(ImageError, match='OpenCV cannot decode the .* JPEG file') as caught:
        compressed.decompress(message(JPEG))
    assert caught.value.kind == 'damaged'
