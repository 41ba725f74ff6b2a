# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Where the pictures of a made bag come from: folders of files, or the built-in scenes."""
from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.camera.pair_files import PairFiles, PairFilesError, find_pairs, read_image
from degfuse_ros.demo.stream import DemoStream

# Moments per second at which the built-in scenes can be looked at, so that cameras of any rate
# see the same street.
_MOMENTS = 1000.0


@dataclass(frozen=True)
class MadeFrames:
    """Two cameras that look at the same.

    Attributes:
        visible: returns the picture at a time in seconds, HxWx3 uint8 RGB.
        thermal: the same, HxW uint8 or uint16.
        seconds: how long there is something to be seen.
        focal: focal length of both over the width of the picture.
    """

    visible: Callable[[float], np.ndarray]
    thermal: Callable[[float], np.ndarray]
    seconds: float
    focal: float


def demo_frames(size: tuple[int, int], seconds: float, seed: int) -> MadeFrames:
    """Return the built-in street as it drifts through all degradations.

    Args:
        size: width and height in pixels.
        seconds: of the drift.
        seed: of the street and its noise.
    """
    stream = DemoStream(size, seconds=seconds, rate=_MOMENTS, seed=seed)

    def at(time: float) -> int:
        return round(time * _MOMENTS)

    return MadeFrames(lambda time: stream.frame(at(time)).visible,
                      lambda time: stream.frame(at(time)).thermal, seconds,
                      stream.camera.focal / size[0])


def folder_frames(root: Path, rate: float, seconds: float | None = None) -> MadeFrames:
    """Return the pictures of a folder, one after the other.

    Args:
        root: with pairs.csv (columns visible_path and thermal_path), or with folders visible/
            and thermal/ that hold files of equal names.
        rate: pictures per second.
        seconds: how long to look at them, the last one again where they end; None for once each.

    Raises:
        BagError: it holds no pairs.
    """
    try:
        pairs = (_from_table(root) if (root / 'pairs.csv').is_file()
                 else find_pairs(root / 'visible', root / 'thermal')[0])
    except PairFilesError as error:
        raise BagError(f'--from {root}: {error}') from error

    def at(time: float) -> PairFiles:
        return pairs[min(int(time * rate + 0.5), len(pairs) - 1)]

    # A wide lens, as good a guess as any: it matters to calibration only.
    return MadeFrames(lambda time: _visible(at(time)), lambda time: _thermal(at(time)),
                      seconds or len(pairs) / rate, 1.0)


def _from_table(root: Path) -> list[PairFiles]:
    """Return the pairs that pairs.csv lists, in its order."""
    try:
        with (root / 'pairs.csv').open(newline='') as file:
            rows = list(csv.DictReader(file))
        pairs = [PairFiles(Path(row['visible_path']).stem, root / row['visible_path'],
                           root / row['thermal_path']) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BagError(f'{root}/pairs.csv cannot be read: {error}') from error
    except (KeyError, TypeError) as error:
        raise BagError(f'{root}/pairs.csv needs the columns visible_path and thermal_path'
                       ) from error
    if not pairs:
        raise BagError(f'{root}/pairs.csv lists no pair')
    return pairs


def _visible(pair: PairFiles) -> np.ndarray:
    try:
        return cv2.cvtColor(read_image(pair.visible, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    except PairFilesError as error:
        raise BagError(str(error)) from error


def _thermal(pair: PairFiles) -> np.ndarray:
    try:
        image = read_image(pair.thermal, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    except PairFilesError as error:
        raise BagError(str(error)) from error
    if image.dtype not in (np.uint8, np.uint16):
        raise BagError(f'{pair.thermal} has {image.dtype} pixels: save the thermal image with 8 '
                       'or 16 bits per pixel')
    return image
