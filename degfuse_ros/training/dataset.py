# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Registered training pairs, held decoded on the training device."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.network.config import CLASSES

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.webp')

# Conditions whose pictures can stand as the clean original of a synthetic degradation. 'unknown'
# in pairs.csv is a usable picture that its rules could not name.
CLEAN_CONDITIONS = ('clean', 'unknown')
CONDITIONS = (*CLASSES, 'unknown')

COLUMNS = ('source', 'split', 'name', 'condition', 'visible_path', 'thermal_path')
"""What pairs.csv needs; it may have more."""


class DataError(RuntimeError):
    """Training data that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Pair:
    """One registered pair on the device.

    Attributes:
        name: source and file name.
        condition: clean, unknown, fog, low_light, overexposed or rain.
        visible: 3 x H x W uint8, RGB.
        thermal: 1 x H x W uint8.
    """

    name: str
    condition: str
    visible: Tensor
    thermal: Tensor


def _rows(root: Path) -> list[dict[str, str]]:
    """List all pairs from pairs.csv, or from folders visible/ and thermal/ with equal names.

    Plain folders name no split: every tenth pair by name is val, the others are train.
    """
    table = root / 'pairs.csv'
    if table.is_file():
        with table.open(newline='', encoding='utf-8-sig') as file:  # spreadsheets write a mark
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(f"{table} lacks the columns {', '.join(missing)}.")
            return list(reader)
    visible, thermal = root / 'visible', root / 'thermal'
    if not visible.is_dir() or not thermal.is_dir():
        raise DataError(f'no training data in {root}: expected pairs.csv, or folders visible/ and '
                        'thermal/ with equal file names.')
    twins = {path.stem: path for path in thermal.iterdir()
             if path.suffix.lower() in IMAGE_SUFFIXES}
    paths = [path for path in sorted(visible.iterdir())
             if path.suffix.lower() in IMAGE_SUFFIXES and path.stem in twins]
    if not paths:
        raise DataError(f'no picture in {visible} has one of the same name in {thermal}.')
    return [{'source': root.resolve().name, 'name': path.stem, 'condition': 'unknown',
             'split': 'val' if index % 10 == 9 else 'train',
             'visible_path': str(path.relative_to(root)),
             'thermal_path': str(twins[path.stem].relative_to(root))}
            for index, path in enumerate(paths)]


def _absence(root: Path, split: str, rows: Sequence[dict[str, str]],
             exclude_sources: Sequence[str]) -> str:
    """Say in one line why a split has no pairs, given all rows of the data."""
    excluded = sorted({row['source'] for row in rows if row['split'] == split})
    if excluded:
        return (f'no pairs of split {split!r} in {root} but those that exclude_sources='
                f"[{','.join(exclude_sources)}] leaves out: {', '.join(excluded)}.")
    counts = Counter(str(row['split']) for row in rows)
    there = ', '.join(f'{count} of {name!r}' for name, count in sorted(counts.items())) or 'none'
    tenth = '' if (root / 'pairs.csv').is_file() else \
        " Of pairs in plain folders every tenth is 'val', the others 'train': give ten or more."
    return f'no pairs of split {split!r} in {root}; there are {there}.{tenth}'


def _read(path: Path, mode: int) -> np.ndarray:
    image = cv2.imread(str(path), mode)
    if image is None:
        raise DataError(f'cannot read image {path}. Remove it from the data or restore it.')
    return image


def _read_thermal(path: Path) -> np.ndarray:
    """Read a thermal file as H x W uint8.

    Temperatures in more than 8 bits fill a small part of their range: they are stretched between
    their 1st and 99th percentile, so that single hot or dead pixels do not set the scale.
    """
    image = _read(path, cv2.IMREAD_ANYDEPTH)
    if image.dtype == np.uint8:
        return image
    low, high = np.percentile(image, (1, 99))
    if not np.isfinite(low + high):
        raise DataError(f'thermal image {path} holds values that are no numbers. Remove it from '
                        'the data or write it anew.')
    share = (image - low) / max(high - low, 1e-6)  # a picture of one value becomes black
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def load_pairs(root: Path, split: str, device: torch.device | str = 'cpu',
               exclude_sources: Sequence[str] = ()) -> list[Pair]:
    """Read all pairs of a split.

    Args:
        root: folder with pairs.csv (columns source, split, name, condition, visible_path,
            thermal_path), or with visible/ and thermal/. Thermal files may have 8 or more bits.
        split: value of the column split; plain folders have train and val.
        device: where the decoded images are kept.
        exclude_sources: values of the column source to leave out.

    Raises:
        DataError: no pair found, an unknown condition, or an image that cannot be read.
    """
    rows, pairs = _rows(root), []
    for row in rows:
        if row['split'] != split or row['source'] in exclude_sources:
            continue
        if row['condition'] not in CONDITIONS:
            raise DataError(f"{root / 'pairs.csv'}: {row['source']}/{row['name']} has the unknown "
                            f"condition {row['condition']!r}. Use one of {', '.join(CONDITIONS)}.")
        visible = _read(root / row['visible_path'], cv2.IMREAD_COLOR)[..., ::-1]  # BGR to RGB
        thermal = _read_thermal(root / row['thermal_path'])
        if visible.shape[:2] != thermal.shape:
            raise DataError(f"{row['source']}/{row['name']}: visible {visible.shape[:2]} and "
                            f'thermal {thermal.shape} differ in size. Register the pair first.')
        pairs.append(Pair(
            f"{row['source']}/{row['name']}", row['condition'],
            torch.from_numpy(np.ascontiguousarray(visible)).permute(2, 0, 1).to(device),
            torch.from_numpy(thermal)[None].to(device)))
    if not pairs:
        raise DataError(_absence(root, split, rows, exclude_sources))
    return pairs


def describe(pairs: Sequence[Pair]) -> str:
    """Say in one line what was found: how many of each condition, and from where."""
    conditions = Counter(pair.condition for pair in pairs)
    sources = Counter(pair.name.partition('/')[0] for pair in pairs)
    kinds, places = (', '.join(f'{count} {name}' for name, count in sorted(counts.items()))
                     for counts in (conditions, sources))
    return f'{len(pairs)} pairs: {kinds}; from {places}'


def content(pairs: Sequence[Pair]) -> str:
    """Return a hash of which pairs there are and of what size and brightness."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(f'{pair.name}|{pair.condition}|{tuple(pair.visible.shape)}|'.encode())
        digest.update(f'{int(pair.visible.sum())}|{int(pair.thermal.sum())}|'.encode())
    return digest.hexdigest()[:16]


def crop_batch(pairs: Sequence[Pair], size: tuple[int, int], zoom: tuple[float, float],
               generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut one random, randomly flipped crop from each pair.

    Args:
        pairs: B pairs on one device.
        size: height and width of the crops.
        zoom: range of the scale from source to crop pixels; 1 keeps native resolution. Pictures
            that are too small are enlarged until the crop fits.
        generator: on the CPU.

    Returns:
        Visible B x 3 x H x W and thermal B x 1 x H x W, float in [0, 1].
    """
    crops = []
    for pair in pairs:
        high, wide = pair.thermal.shape[-2:]
        draw = torch.rand(4, generator=generator).tolist()
        scale = max(zoom[0] + (zoom[1] - zoom[0]) * draw[0], size[0] / high, size[1] / wide)
        height = min(high, round(size[0] / scale))
        width = min(wide, round(size[1] / scale))
        top, left = int(draw[1] * (high - height + 1)), int(draw[2] * (wide - width + 1))
        # Bytes until here: cut first, then one copy of four channels.
        crop = torch.cat([image[:, top:top + height, left:left + width]
                          for image in (pair.visible, pair.thermal)])[None]
        if draw[3] < 0.5:
            crop = crop.flip(-1)
        if (height, width) != size:
            crop = functional.interpolate(crop.float(), size, mode='bilinear', antialias=True)
        crops.append(crop)
    # Bytes and floats together become floats; antialiasing may overshoot by a rounding error.
    batch = (torch.cat(crops).float() / 255).clamp(0, 1)
    return batch[:, :3], batch[:, 3:]
