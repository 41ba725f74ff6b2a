# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A few pairs of images, spread evenly over a bag."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.drops import Drops
from degfuse_ros.bags.pair_source import PairSource
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.topics import Cameras, find_cameras
from degfuse_ros.camera import decoding
from degfuse_ros.camera.image_error import ImageError

# Name, visible and thermal image of a pair.
NamedPair = tuple[str, np.ndarray, np.ndarray]


def sample_pairs(path: Path, count: int, values: Mapping[str, Any], visible: str = '',
                 thermal: str = '') -> list[NamedPair]:
    """Read pairs from a bag, the first good one of each of so many equal stretches of time.

    Args:
        path: of the bag.
        count: how many pairs at most.
        values: parameters of the node by name; images are paired by them.
        visible: topic of the visible images; '' to tell it by its name.
        thermal: the same for thermal.

    Returns:
        By time: seconds since the bag's begin as the name, HxWx3 uint8 RGB, and H'xW' uint8,
        uint16 or float32.

    Raises:
        BagError: it is no bag, its topics cannot be told, it is damaged, or it has no pair.
    """
    # A camera that is gone leaves nothing to compare.
    chosen = {**values, 'lost_camera': 'silent'}
    drops, found = Drops(), []
    with BagReader(path) as reader:
        try:
            cameras = find_cameras(reader.topics, visible, thermal)
        except BagError as error:
            raise BagError(f'{path}: {error}') from error
        edges = np.linspace(reader.start, reader.end + 1, count + 1)
        for start, stop in zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True):
            pair = _first(reader, cameras, chosen, drops, (int(start), int(stop)))
            if pair is not None:
                found.append(pair)
    if not found:
        reasons = '; '.join(drops.reasons.values()) or 'stamps are too far apart'
        raise BagError(f'{path} has no pair of {cameras.visible.name} and '
                       f'{cameras.thermal.name}: {reasons}. Give --set sync_slop=SECONDS where '
                       'the cameras run apart')
    return found


def _first(reader: BagReader, cameras: Cameras, values: Mapping[str, Any], drops: Drops,
           when: tuple[int, int]) -> NamedPair | None:
    """Return the first pair between two times (nanoseconds) of which both images decode."""
    source = PairSource(reader, cameras, values.__getitem__, drops)
    for step in source.steps(*when):
        for each in step.pairs:
            try:
                images = decoding.to_rgb(each.pair.visible), decoding.to_grey(each.pair.thermal)
            except ImageError as error:
                drops.add(error.kind, str(error))
                continue
            return f'{(step.time - reader.start) / 1e9:09.3f}', *images
    return None
