# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The stages inside a CUDA graph, without the gaps between kernels that eager running has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from degfuse_ros.engine.benchmark.pictures import Pair
from degfuse_ros.engine.benchmark.staged_fusion import Mark, StagedFusion
from degfuse_ros.engine.fast_path import WARM_RUNS, DeviceCalls, stage_image


def has_external_events() -> bool:
    """Tell whether torch can put events into a graph that time its replays: from 2.9 on."""
    try:
        torch.cuda.Event(enable_timing=True, external=True)
    except TypeError:
        return False
    return True


class GraphStages:
    """Captures a batch's stages and times them in each replay, as the engine runs them.

    Args:
        staged: on a GPU.
        batch: pairs of that size, as many as are fused together.
        calls: of the GPU.
        make_event: torch.cuda.Event, or what stands for it.
    """

    def __init__(self, staged: StagedFusion, batch: list[Pair], calls: DeviceCalls,
                 make_event: Callable[..., Any] = torch.cuda.Event) -> None:
        self._staged, self._calls, self._make_event = staged, calls, make_event
        self._marks: list[tuple[str, Any]] = []
        with calls.active():
            self._staging = [calls.pinned(len(batch), *image.shape) for image in batch[0]]
            self._images = [each.to(calls.device) for each in self._staging]
            for _ in range(WARM_RUNS):
                result = self._compute(lambda stage: None)
            self._results = calls.pinned(*result.shape)
            self._replay = calls.capture(lambda: self._compute(self._mark))

    def _compute(self, mark: Mark) -> Tensor:
        visible, thermal = self._images
        result = self._staged.compute(visible, thermal, mark)
        mark('copy out')
        return result

    def _mark(self, stage: str) -> None:
        event = self._make_event(enable_timing=True, external=True)
        event.record()
        self._marks.append((stage, event))

    def times(self, batch: list[Pair]) -> dict[str, float]:
        """Fuse as many pairs of that size and return the milliseconds of each stage."""
        with self._calls.active():
            begin, end = (self._make_event(enable_timing=True) for _ in range(2))
            begin.record()
            for row, pair in enumerate(batch):
                for staging, image in zip(self._staging, pair):
                    stage_image(staging[row], image)
            for staging, target in zip(self._staging, self._images):
                target.copy_(staging, non_blocking=True)
            self._results.copy_(self._replay(), non_blocking=True)
            end.record()
            self._calls.wait()
        marks = [('copy in', begin), *self._marks, ('', end)]
        return {stage: event.elapsed_time(following)
                for (stage, event), (_, following) in zip(marks, marks[1:])}
