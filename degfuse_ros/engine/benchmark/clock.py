# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The time between marks, by the device's own clock."""

from __future__ import annotations

import time

import torch


class StageClock:
    """Measures stages that follow each other: a mark ends one and begins the next.

    On a GPU the marks are CUDA events in the current stream, so that no stage waits for the host
    to read the time; on a CPU they are readings of perf_counter.

    Args:
        device: that the stages run on.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._marks: list[tuple[str, torch.cuda.Event | float]] = []

    def mark(self, stage: str) -> None:
        """Begin a stage."""
        if self._device.type == 'cuda':
            event = torch.cuda.Event(enable_timing=True)
            event.record(torch.cuda.current_stream(self._device))
            self._marks.append((stage, event))
        else:
            self._marks.append((stage, time.perf_counter()))

    def read(self) -> dict[str, float]:
        """End the last stage and return the milliseconds of each; the clock is empty again."""
        self.mark('')
        if self._device.type == 'cuda':
            torch.cuda.synchronize(self._device)
        times: dict[str, float] = {}
        for (stage, begin), (_, end) in zip(self._marks, self._marks[1:]):
            times[stage] = times.get(stage, 0.0) + _between(begin, end)
        self._marks.clear()
        return times


def _between(begin: torch.cuda.Event | float, end: torch.cuda.Event | float) -> float:
    """Milliseconds."""
    if isinstance(begin, float) or isinstance(end, float):
        return 1e3 * (float(end) - float(begin))  # type: ignore[arg-type]
    return begin.elapsed_time(end)
