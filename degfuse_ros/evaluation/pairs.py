# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pairs that an evaluation runs on: found, grouped, read, and what is unusable named."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from degfuse_ros.camera.pair_files import PairFilesError, read_image
from degfuse_ros.camera.pair_files import find_pairs as find_in_folders
from degfuse_ros.camera.thermal import ThermalLook, ThermalRange
from degfuse_ros.engine import CLASSES

UNKNOWN = 'unknown'
"""Condition of a pair that nobody has named."""

TABLE = 'pairs.csv'
"""The list of pairs, with their splits and conditions."""

COLUMNS = ('source', 'split', 'name', 'visible_path', 'thermal_path')
"""What pairs.csv needs; condition may be there, other columns are ignored."""

# MSRS marks its frames by day and night at the end of the name; their scores differ so much that
# one mean would describe neither.
_TIME_OF_DAY = {'D': 'day', 'N': 'night'}

AS_STORED = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
"""Grey stays grey and 16 bits stay 16. Not IMREAD_UNCHANGED: that alone ignores the orientation
in a JPEG, and a pair would be read turned against itself."""

# Levels by which the channels of a grey picture may differ: JPEG's colour conversion rounds.
_GREY_TOLERANCE = 4


class PairError(ValueError):
    """A pair, a table or a folder that cannot be evaluated; the message is one line."""


@dataclass(frozen=True)
class EvaluationPair:
    """One registered pair of files.

    Attributes:
        name: file name without suffix.
        source: where it comes from: a column of pairs.csv, or the folder's name.
        group: the set that means are taken over, such as 'roadscene_val' or 'msrs_val_night'.
        condition: one of `CLASSES`, or 'unknown'.
        visible: path of the visible image.
        thermal: path of the thermal image.
    """

    name: str
    source: str
    group: str
    condition: str
    visible: Path
    thermal: Path

    @property
    def key(self) -> str:
        """Source and name: unique within an evaluation."""
        return f'{self.source}/{self.name}'

    def read(self, percentiles: tuple[float, float]
             ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read both images.

        Args:
            percentiles: of a 16-bit thermal image, shown as black and as white.

        Returns:
            visible H x W x 3 uint8 RGB and thermal H x W uint8.

        Raises:
            PairError: a file is unreadable, the thermal image is in colour, or sizes differ.
        """
        try:
            visible = np.ascontiguousarray(read_image(self.visible, cv2.IMREAD_COLOR)[..., ::-1])
            counts = _grey(read_image(self.thermal, AS_STORED), self.thermal)
        except PairFilesError as error:
            raise PairError(str(error)) from error
        if counts.dtype not in (np.uint8, np.uint16):
            raise PairError(f'{self.thermal} has {counts.dtype} pixels: save the thermal image '
                            'with 8 or 16 bits per pixel')
        if visible.shape[:2] != counts.shape:
            raise PairError(f'{self.key}: the visible image is {_size(visible)} and the thermal '
                            f'one {_size(counts)}: register the pair first')
        low, high = percentiles
        look = ThermalLook(percentile_low=low, percentile_high=high)
        return visible, ThermalRange().to_8_bit(counts, look)


def find_pairs(root: Path, split: str) -> tuple[list[EvaluationPair], list[str]]:
    """List the pairs of a split.

    Args:
        root: a folder with pairs.csv, or with visible/ and thermal/ that hold files of equal
            names; such plain folders have no splits, and all their pairs are taken.
        split: value of the column split of pairs.csv.

    Returns:
        The pairs in the order of the table, or of their names, and one line for each pair that
        was left out.

    Raises:
        PairError: there is neither, a column is missing, or no pair is left.
    """
    table = root / TABLE
    try:
        has_table = table.is_file()
        has_folders = (root / 'visible').is_dir() and (root / 'thermal').is_dir()
    except OSError as error:  # not what is missing, which is False, but what may not be read
        raise PairError(f'{root} cannot be read: {error.strerror}') from error
    if has_table:
        pairs, problems = _from_table(root, table, split)
    elif has_folders:
        pairs, problems = _from_folders(root)
    else:
        raise PairError(f'no data in {root}: expected pairs.csv, or folders visible/ and thermal/ '
                        'with equal file names')
    if not pairs:
        first = f' First of {len(problems)} left out: {problems[0]}.' if problems else ''
        raise PairError(f'no usable pair of split {split!r} in {root}.{first}')
    return pairs, problems


def has_splits(root: Path) -> bool:
    """Tell a folder with pairs.csv from plain folders, all pairs of which are taken."""
    return (root / TABLE).is_file()


def limit(pairs: Sequence[EvaluationPair], count: int,
          clips: Sequence[str]) -> list[EvaluationPair]:
    """Keep at most `count` pairs of each group.

    Args:
        pairs: in any order.
        count: how many to keep.
        clips: sources whose pairs are frames: the first ones are kept, since gaps would look like
            flicker. Of the others the kept ones are spread evenly.
    """
    kept = []
    for group in dict.fromkeys(pair.group for pair in pairs):
        members = [pair for pair in pairs if pair.group == group]
        step = 1 if members[0].source in clips else max(1.0, len(members) / count)
        kept += [members[int(index * step)] for index in range(min(count, len(members)))]
    return kept


def in_order(pairs: Sequence[EvaluationPair]) -> list[EvaluationPair]:
    """Sort the pairs of each group by name, which is the order of a clip's frames."""
    groups = list(dict.fromkeys(pair.group for pair in pairs))
    return sorted(pairs, key=lambda pair: (groups.index(pair.group), pair.source, pair.name))


def shared_names(pairs: Sequence[EvaluationPair]) -> frozenset[str]:
    """Return the names that pairs of more than one source have."""
    counts = Counter(pair.name for pair in pairs)
    return frozenset(name for name, count in counts.items() if count > 1)


def _from_folders(root: Path) -> tuple[list[EvaluationPair], list[str]]:
    try:
        found, problems = find_in_folders(root / 'visible', root / 'thermal')
    except PairFilesError as error:
        raise PairError(str(error)) from error
    name = root.resolve().name
    return [EvaluationPair(files.name, name, name, UNKNOWN, files.visible, files.thermal)
            for files in found], problems


def _from_table(root: Path, table: Path, split: str) -> tuple[list[EvaluationPair], list[str]]:
    try:
        with table.open(newline='', encoding='utf-8-sig') as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            rows = [] if missing else list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PairError(f'{table} cannot be read: {error}') from error
    if missing:
        raise PairError(f"{table} lacks the columns {', '.join(missing)}")
    chosen = [row for row in rows if row['split'] == split]
    if not chosen:
        splits = ', '.join(sorted({str(row['split']) for row in rows})) or 'none'
        raise PairError(f'no pair of split {split!r} in {table}. It has: {splits}')
    pairs: dict[str, EvaluationPair] = {}
    problems = []
    for row in chosen:
        try:
            pair = _from_row(root, row)
        except PairError as error:
            problems.append(str(error))
            continue
        if pair.key in pairs:
            problems.append(f'{pair.key} comes twice in {table}')
        else:
            pairs[pair.key] = pair
    return list(pairs.values()), problems


def _from_row(root: Path, row: dict[str, str]) -> EvaluationPair:
    """Return a row's pair; PairError says why it is left out."""
    source, name = row['source'], row['name']
    condition = row.get('condition') or UNKNOWN
    if any(not row[column] for column in COLUMNS):  # DictReader fills a short line with None
        raise PairError(f'{source}/{name}: its line of pairs.csv is incomplete')
    place = Path(source, name)  # below folders of degraded and of fused images
    if place.is_absolute() or '..' in place.parts:
        raise PairError(f'{source}/{name}: this source and name lead out of the folders that '
                        'they are looked up in: give plain names in pairs.csv')
    if condition not in (*CLASSES, UNKNOWN):
        raise PairError(f'{source}/{name}: condition {condition!r} is none of '
                        f"{', '.join((*CLASSES, UNKNOWN))}")
    paths = root / row['visible_path'], root / row['thermal_path']
    for path in paths:
        if not os.path.isfile(path):  # Path.is_file raises for a name that is too long
            raise PairError(f'{source}/{name}: {path} is missing')
    return EvaluationPair(name, source, _group(source, row['split'], name), condition, *paths)


def _group(source: str, split: str, name: str) -> str:
    time = re.fullmatch(r'\d+([DN])', name) if source == 'msrs' else None
    return f'{source}_{split}' + (f'_{_TIME_OF_DAY[time[1]]}' if time else '')


def _grey(image: NDArray[np.generic], path: Path) -> NDArray[np.generic]:
    """Take one channel of a thermal image; refuse a colour palette, whose order is not heat."""
    if image.ndim == 2:
        return image
    if np.ptp(image.astype(np.float64), axis=2).max() > _GREY_TOLERANCE:
        raise PairError(f'{path} is in colour: save the thermal image in grey, a palette cannot '
                        'be undone')
    return np.ascontiguousarray(image[..., 0])


def _size(image: NDArray[np.generic]) -> str:
    return f'{image.shape[1]} x {image.shape[0]}'
