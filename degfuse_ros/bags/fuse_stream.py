# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A bag as a stream of fused pairs: reading, preparing and inference, each in its thread."""
from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from degfuse_ros.bags.ahead import ahead
from degfuse_ros.bags.bag_summary import BagSummary
from degfuse_ros.bags.pair_source import PairSource, SourcePair, Step
from degfuse_ros.bags.reader import BagMessage
from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.ros.alone import Alone, Preparer

if TYPE_CHECKING:  # the engine loads torch: what is wrong with a bag is told without
    from degfuse_ros.engine import Fusion, FusionEngine

# Pieces that wait between two threads: enough to even out a slow image, few enough for memory.
_AHEAD = 4


@dataclass(frozen=True)
class Frame:
    """What becomes one message of the fused topics.

    Attributes:
        source: the messages that it is made from.
        ready: the pair on one pixel grid, or one image where the other camera is gone.
        fusion: the engine's result; None for a thermal image alone, which is shown as it is, and
            where an earlier run has it.
        is_earlier: whether an earlier run has written it.
    """

    source: SourcePair
    ready: Prepared | Alone
    fusion: Fusion | None = None
    is_earlier: bool = False


@dataclass(frozen=True)
class Piece:
    """A piece of a bag.

    Attributes:
        time: when its last message was recorded, in nanoseconds.
        kept: messages of other topics, to be copied before the results.
        frames: the pairs.
        passed: pairs dealt with, those dropped included.
    """

    time: int
    kept: list[BagMessage]
    frames: list[Frame] = field(default_factory=list)
    passed: int = 0


class FuseStream:
    """Does with the pairs of a bag what the node does, in the same order and with all of them."""

    def __init__(self, engine: FusionEngine, values: Callable[[str], Any], every: int,
                 before: int, summary: BagSummary) -> None:
        """Begin without a past.

        Args:
            engine: fuses; from now on used by one of the stream's threads alone.
            values: returns a parameter of the node by its name.
            every: fuse every n-th pair.
            before: how many pairs an earlier run has fused; they are only prepared, so that what
                depends on earlier images is as it would be.
            summary: told of drops and times.
        """
        self._engine = engine
        self._front_end = FrontEnd(values)
        self._preparer = Preparer(self._front_end, values, summary.drops.add)
        self._told: dict[str, Any] = {}  # camera infos, by camera
        self._every = every
        self._before = before
        self._summary = summary

    def pieces(self, source: PairSource, start: int, stop: int
               ) -> Generator[Piece, None, None]:
        """Yield the bag in pieces, ready to be written.

        Args:
            source: of the pairs.
            start: time of the first message in nanoseconds.
            stop: time before which to stop.

        Raises:
            BagError: the bag is damaged.
            RuntimeError: the device fails, or the weights give no finite answer.
        """
        steps = ahead(self._timed(source.steps(start, stop)), _AHEAD)
        return ahead(self._infer(ahead(self._prepare(steps), _AHEAD)), _AHEAD)

    def _timed(self, steps: Iterator[Step]) -> Generator[Step, None, None]:
        """Measure the reading."""
        begin = time.perf_counter()
        for step in steps:
            self._spent('read', begin)
            yield step
            begin = time.perf_counter()

    def _prepare(self, steps: Iterator[Step]) -> Generator[Piece, None, None]:
        """Decode the images and bring them onto one pixel grid."""
        number = 0
        for step in steps:
            begin = time.perf_counter()
            chosen = []
            for source in step.pairs:
                if source.offset is not None:
                    self._summary.offset.add(source.offset / 1e6)
                if number % self._every == 0:
                    chosen.append(source)
                number += 1
            frames = [frame for frame in map(self._prepared, chosen) if frame is not None]
            self._spent('prepare', begin)
            yield Piece(step.time, step.kept, frames, len(chosen))

    def _prepared(self, source: SourcePair) -> Frame | None:
        for camera, info in source.camera_infos.items():
            if self._told.get(camera) is not info:
                self._told[camera] = info
                self._front_end.camera_info(camera, info)
        ready = self._preparer.prepare(source.pair)
        if ready is None:
            return None
        notice = ready.warning if isinstance(ready, Alone) else ready.notice
        if notice:
            self._summary.notice(notice)
        return Frame(source, ready)

    def _infer(self, pieces: Iterator[Piece]) -> Generator[Piece, None, None]:
        """Fuse what no earlier run has fused."""
        number = 0
        for piece in pieces:
            frames = []
            for frame in piece.frames:
                is_earlier = number < self._before
                fusion = None
                # An engine that remembers earlier frames has to see them again.
                if (self._engine.guidance_period > 1 or not is_earlier) and not (
                        isinstance(frame.ready, Alone) and frame.ready.is_thermal):
                    fusion = self._fuse(frame.ready)
                    if fusion is None:
                        continue
                frame = replace(frame, fusion=fusion, is_earlier=is_earlier)
                frames.append(frame)
                number += 1
            yield replace(piece, frames=frames)

    def _fuse(self, ready: Prepared | Alone) -> Fusion | None:
        begin = time.perf_counter()
        try:
            if isinstance(ready, Alone):
                fusion = self._engine.restore(ready.image)
            else:
                fusion = self._engine.fuse(ready.visible, ready.thermal, ready.coverage)
        except ValueError as error:  # the engine refuses this image, as one below 32x32
            self._summary.drops.add('visible.refused', ' '.join(str(error).split()))
            return None
        self._summary.engine.add((time.perf_counter() - begin) * 1e3)
        self._spent('infer', begin)
        return fusion

    def _spent(self, stage: str, begin: float) -> None:
        self._summary.stages[stage] += time.perf_counter() - begin
