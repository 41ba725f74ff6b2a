# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs of image files: found by name, read into what the engine or an image topic takes."""
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

# What OpenCV reads everywhere.
SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp', '.pgm', '.ppm')


class PairFilesError(ValueError):
    """A file or folder that cannot be used; the message is one line."""


@dataclass(frozen=True)
class PairFiles:
    """One visible and one thermal file of the same moment.

    Args:
        name: their common name, without the suffix.
        visible: path of the visible image.
        thermal: path of the thermal image.
    """

    name: str
    visible: Path
    thermal: Path

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Read both files.

        Returns:
            visible H x W x 3 uint8 RGB, and thermal H' x W' uint8 or uint16 (counts); a thermal
            file in colour is turned into grey.

        Raises:
            PairFilesError: a file is not an image that OpenCV reads.
        """
        visible = read_image(self.visible, cv2.IMREAD_COLOR)
        thermal = read_image(self.thermal, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
        if thermal.dtype not in (np.uint8, np.uint16):
            raise PairFilesError(f'{self.thermal} has {thermal.dtype} pixels: save the thermal '
                                 'image with 8 or 16 bits per pixel')
        return cv2.cvtColor(visible, cv2.COLOR_BGR2RGB), thermal


def find_pairs(visible: Path, thermal: Path) -> tuple[list[PairFiles], list[str]]:
    """Pair two files, or the files of two folders that have the same name before the suffix.

    Args:
        visible: a file or a folder.
        thermal: of the same kind.

    Returns:
        The pairs in the order of their names, and one line for each file left without partner.

    Raises:
        PairFilesError: a path is missing or cannot be read, the kinds differ, or no pair was
            found.
    """
    kinds = [_kind(path) for path in (visible, thermal)]
    if kinds[0] != kinds[1]:
        raise PairFilesError(f'{visible} is a {kinds[0]} and {thermal} is a {kinds[1]}: give two '
                             'files or two folders')
    if kinds[0] == 'file':
        return [PairFiles(visible.stem, visible, thermal)], []
    there, problems = _images(visible)
    partners, more = _images(thermal)
    problems += more
    pairs = [PairFiles(name, there[name], partners[name]) for name in sorted(there)
             if name in partners]
    problems += [f'{there[name]} has no counterpart {name}.* in {thermal}'
                 for name in sorted(there) if name not in partners]
    problems += [f'{partners[name]} has no counterpart {name}.* in {visible}'
                 for name in sorted(partners) if name not in there]
    if not pairs:
        raise PairFilesError(
            f'no pair of images in {visible} ({len(there)} images) and {thermal} '
            f'({len(partners)} images): the files of a pair have the same name before the suffix')
    return pairs, problems


def _kind(path: Path) -> str:
    """Tell a 'file' from a 'folder'."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PairFilesError(f'{path} does not exist: give an image file or a folder') from error
    except OSError as error:
        raise PairFilesError(f'{path} cannot be read: {error.strerror}') from error
    return 'folder' if stat.S_ISDIR(mode) else 'file'


def _images(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Return a folder's image files by name, and a line for each name that comes twice."""
    found: dict[str, Path] = {}
    problems = []
    try:
        paths = sorted(path for path in folder.iterdir()
                       if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise PairFilesError(f'{folder} cannot be read: {error.strerror}') from error
    for path in paths:
        if path.stem in found:
            problems.append(f'{path} has the same name as {found[path.stem].name}: it is not used')
        else:
            found[path.stem] = path
    return found, problems


def read_image(path: Path, flags: int) -> np.ndarray:
    """Read one file by OpenCV.

    Args:
        path: an image file.
        flags: OpenCV's `cv2.IMREAD_*`.

    Raises:
        PairFilesError: it is not an image that OpenCV reads.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise PairFilesError(f'{path} cannot be read: {error.strerror}') from error
    try:
        with _quiet_opencv():
            image = cv2.imdecode(data, flags) if len(data) else None
    except cv2.error as error:  # a size beyond OpenCV's limit
        raise PairFilesError(f'{path} cannot be decoded: {error.err}') from error
    if image is None:
        raise PairFilesError(f'{path} is not an image that can be read ({len(data)} bytes): '
                             'replace or remove it')
    return image


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV's log off stderr for a while: a broken file gets one line, ours.

    A line of libpng itself ('libpng error: ...') still appears: it passes by OpenCV's log.
    """
    # OpenCV 4.5 has no such functions, or has them in cv2 itself; later ones in cv2.utils.
    log = getattr(getattr(cv2, 'utils', None), 'logging', cv2)
    if not hasattr(log, 'setLogLevel'):
        yield
        return
    before = log.getLogLevel()
    log.setLogLevel(0)  # silent
    try:
        yield
    finally:
        log.setLogLevel(before)
