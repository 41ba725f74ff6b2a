# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs of files: what is paired, what is left out, what is read."""
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from degfuse_ros.camera.pair_files import PairFiles, PairFilesError, find_pairs


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    visible, thermal = tmp_path / 'visible', tmp_path / 'thermal'
    visible.mkdir()
    thermal.mkdir()
    return visible, thermal


def put(path: Path, image: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def test_files_pair_by_name_whatever_their_suffix(folders: tuple[Path, Path]) -> None:
    visible, thermal = folders
    for name in ('b', 'a', 'lonely'):
        put(visible / f'{name}.png', np.zeros((40, 40, 3), np.uint8))
    for name in ('a', 'b', 'other'):
        put(thermal / f'{name}.jpg', np.zeros((40, 40), np.uint8))
    (visible / 'notes.txt').write_text('not an image')
    pairs, problems = find_pairs(visible, thermal)
    assert [pair.name for pair in pairs] == ['a', 'b']
    assert [pair.thermal.name for pair in pairs] == ['a.jpg', 'b.jpg']
    assert len(problems) == 2
    assert 'lonely.png has no counterpart' in problems[0]
    assert 'other.jpg has no counterpart' in problems[1]


def test_a_name_that_comes_twice_is_reported(folders: tuple[Path, Path]) -> None:
    visible, thermal = folders
    for suffix in ('jpg', 'png'):
        put(visible / f'a.{suffix}', np.zeros((40, 40, 3), np.uint8))
    put(thermal / 'a.png', np.zeros((40, 40), np.uint8))
    pairs, problems = find_pairs(visible, thermal)
    assert pairs[0].visible.name == 'a.jpg'
    assert problems == [f'{visible / "a.png"} has the same name as a.jpg: it is not used']


def test_colours_come_as_rgb_and_counts_keep_their_16_bits(folders: tuple[Path, Path]) -> None:
    visible, thermal = folders
    colour = np.zeros((40, 50, 3), np.uint8)
    colour[..., 2] = 200  # red, in OpenCV's order
    counts = np.full((30, 40), 31_000, np.uint16)
    pair = PairFiles('a', put(visible / 'a.png', colour), put(thermal / 'a.png', counts))
    rgb, grey = pair.read()
    assert rgb.shape == (40, 50, 3) and rgb[0, 0].tolist() == [200, 0, 0]
    assert grey.dtype == np.uint16 and (grey == 31_000).all()


def test_a_thermal_image_in_colour_becomes_grey(folders: tuple[Path, Path]) -> None:
    visible, thermal = folders
    grey = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    pair = PairFiles('a', put(visible / 'a.png', np.zeros((40, 40, 3), np.uint8)),
                     put(thermal / 'a.png', np.dstack([grey] * 3)))
    assert np.abs(pair.read()[1].astype(int) - grey).max() <= 1


@pytest.mark.parametrize('content', [b'', b'not a picture', b'\x89PNG\r\n\x1a\n\0\0'])
def test_a_broken_file_is_named(folders: tuple[Path, Path], content: bytes) -> None:
    visible, thermal = folders
    (visible / 'a.png').write_bytes(content)
    pair = PairFiles('a', visible / 'a.png',
                     put(thermal / 'a.png', np.zeros((40, 40), np.uint8)))
    with pytest.raises(PairFilesError, match=r'a\.png is not an image that can be read \(\d+ b'):
        pair.read()


def test_opencv_adds_nothing_about_a_broken_file(tmp_path: Path,
                                                 capfd: pytest.CaptureFixture[str]) -> None:
    start = b'\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR'
    file = tmp_path / 'a.png'
    file.write_bytes(start)
    cv2.imdecode(np.frombuffer(start, np.uint8), cv2.IMREAD_COLOR)
    loud = capfd.readouterr().err
    with pytest.raises(PairFilesError, match='not an image'):
        PairFiles('a', file, file).read()
    assert not capfd.readouterr().err
    cv2.imdecode(np.frombuffer(start, np.uint8), cv2.IMREAD_COLOR)
    # Only while this file was read: the log is otherwise as the program wants it.
    assert ('WARN' in capfd.readouterr().err) == ('WARN' in loud)


def test_a_picture_beyond_opencvs_limit_is_named(tmp_path: Path) -> None:
    header = b'IHDR' + struct.pack('>IIBBBBB', 100_000, 100_000, 8, 2, 0, 0, 0)
    small = cv2.imencode('.png', np.zeros((40, 40, 3), np.uint8))[1].tobytes()
    file = tmp_path / 'a.png'
    file.write_bytes(small[:12] + header + struct.pack('>I', zlib.crc32(header)) + small[33:])
    with pytest.raises(PairFilesError, match=r'a\.png cannot be decoded: .*PIXELS') as caught:
        PairFiles('a', file, file).read()
    assert '\n' not in str(caught.value)


def test_a_path_that_cannot_be_looked_at_is_named_with_the_reason(
        folders: tuple[Path, Path]) -> None:
    # The system refuses so long a name to everybody; a missing permission it forgives root.
    for name in ('x' * 300, 'x' * 300 + '.png'):
        with pytest.raises(PairFilesError, match='x cannot be read|png cannot be read'):
            find_pairs(folders[0] / name, folders[1])


def test_thermal_values_that_are_no_counts_are_refused(folders: tuple[Path, Path]) -> None:
    visible, thermal = folders
    pair = PairFiles('a', put(visible / 'a.png', np.zeros((40, 40, 3), np.uint8)),
                     put(thermal / 'a.tiff', np.zeros((40, 40), np.float32)))
    with pytest.raises(PairFilesError, match='float32 pixels'):
        pair.read()


def test_missing_mixed_and_empty_paths_are_refused(folders: tuple[Path, Path]) -> None:
    visible, thermal = folders
    with pytest.raises(PairFilesError, match='does not exist'):
        find_pairs(visible / 'none', thermal)
    file = put(visible / 'a.png', np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(PairFilesError, match=f'{file} is a file and {thermal} is a folder'):
        find_pairs(file, thermal)
    with pytest.raises(PairFilesError, match=f'{thermal} is a folder and {file} is a file'):
        find_pairs(thermal, file)
    with pytest.raises(PairFilesError, match='no pair of images'):
        find_pairs(visible, thermal)
