# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs of all rigs through camera, engine and messages; what goes wrong is counted by rig."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from degfuse_ros.ros.alone import Alone
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.rig import Frame, Rig, Timing

if TYPE_CHECKING:  # the engine loads torch, which only the configured node needs
    from degfuse_ros.engine import Fusion, FusionEngine


class Pipeline:
    """Fuses pairs and publishes the results. Called from one thread at a time, never raises."""

    def __init__(self, engine: FusionEngine) -> None:
        """Keep the engine, which forgets what it has fused: a stream begins."""
        self._engine = engine
        self._stamps: dict[Rig, int] = {}
        engine.reset()

    def __call__(self, pairs: Mapping[Rig, Pair]) -> None:
        """Fuse and publish the newest pair of each rig, or count why not.

        Pairs of one size are fused in one call of the engine.
        """
        for rig in pairs:
            rig.statistics.begun()
        self._forget_after_jump(pairs)
        try:
            by_size: dict[tuple[int, ...], list[Frame]] = {}
            # In one order, whoever came first: the same rigs are the same stream to the engine.
            for rig in sorted(pairs, key=lambda each: each.name):
                frame = rig.prepare(pairs[rig])
                if isinstance(frame, Alone):
                    self._send_alone(rig, frame)
                elif frame is not None:
                    by_size.setdefault(frame.prepared.thermal.shape, []).append(frame)
            for frames in by_size.values():
                self._fuse(frames)
            for frame in chain(*by_size.values()):  # once all images are out
                frame.rig.follow_registration()
        finally:
            for rig in pairs:
                rig.statistics.ended()

    def _forget_after_jump(self, pairs: Mapping[Rig, Pair]) -> None:
        """Have the engine forget earlier frames where the stamps of a rig's go back."""
        # A thermal image alone does not come to the engine, and may be of another clock.
        stamps = {rig: pair.stamp for rig, pair in pairs.items() if pair.visible is not None}
        if any(stamp < self._stamps.get(rig, stamp) for rig, stamp in stamps.items()):
            self._engine.reset()
        self._stamps.update(stamps)

    def _send_alone(self, rig: Rig, alone: Alone) -> None:
        """Publish one camera's image: restored where it is the visible one's."""
        if alone.is_thermal:
            rig.publish_thermal(alone)
            return
        start, cpu_start = time.perf_counter(), time.thread_time()
        try:
            fusion = self._engine.restore(alone.image)
        except Exception as error:  # a lost GPU, no memory left: the node must go on and tell
            rig.refuse(error)
            return
        timing = Timing(time.perf_counter() - start, time.thread_time() - cpu_start, 1)
        rig.publish(alone, fusion, self._engine.layer_names, timing)

    def _fuse(self, frames: Sequence[Frame]) -> None:
        """Fuse frames of one size together, and one by one where that fails."""
        start, cpu_start = time.perf_counter(), time.thread_time()
        try:
            fusions = self._together(frames)
        except Exception as error:  # a lost GPU, no memory left: the node must go on and tell
            if len(frames) == 1:
                frames[0].rig.refuse(error)
                return
            # Where memory lacks for all it may do for one, and only those at fault shall fail.
            for frame in frames:
                self._fuse([frame])
            return
        timing = Timing(time.perf_counter() - start, time.thread_time() - cpu_start, len(frames))
        for frame, fusion in zip(frames, fusions, strict=True):
            frame.rig.publish(frame, fusion, self._engine.layer_names, timing)

    def _together(self, frames: Sequence[Frame]) -> list[Fusion]:
        return self._engine.fuse_batch(
            [(frame.prepared.visible, frame.prepared.thermal, frame.prepared.coverage)
             for frame in frames], stream=tuple(frame.rig.name for frame in frames))
