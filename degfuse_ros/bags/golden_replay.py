# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Fuse a bag for a golden replay: as `degfuse bag` does, but nothing is written."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.bag_summary import BagSummary
from degfuse_ros.bags.fuse_stream import FuseStream
from degfuse_ros.bags.golden_frame import GoldenFrame, golden_frame
from degfuse_ros.bags.pair_source import PairSource
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.topics import Cameras

if TYPE_CHECKING:  # the engine loads torch: what is wrong with a bag is told without
    from degfuse_ros.engine import FusionEngine


def replay(reader: BagReader, cameras: Cameras, values: Mapping[str, Any], engine: FusionEngine,
           progress: Callable[[int], object] = lambda pairs: None
           ) -> tuple[list[GoldenFrame], BagSummary]:
    """Fuse all pairs of a bag.

    Args:
        reader: the open bag.
        cameras: its topics.
        values: the node's parameters by name.
        engine: fuses.
        progress: told how many pairs have been dealt with.

    Returns:
        What is kept of each result, in their order, and what was dropped on the way.

    Raises:
        BagError: the bag is damaged, or the device fails.
    """
    engine.reset()
    summary = BagSummary(Path(reader.path), cameras.visible.name, cameras.thermal.name,
                         reader.problems)
    source = PairSource(reader, cameras, values.__getitem__, summary.drops)
    stream = FuseStream(engine, values.__getitem__, 1, 0, summary)
    frames: list[GoldenFrame] = []
    try:
        with closing(stream.pieces(source, reader.start, reader.end + 1)) as pieces:
            for piece in pieces:
                frames += map(golden_frame, piece.frames)
                progress(piece.passed)
    except RuntimeError as error:  # the device's
        raise BagError(f'{" ".join(str(error).split()).rstrip(".")} after {len(frames)} pairs'
                       ) from error
    return frames, summary
