# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stages in a graph, with a CPU and a counter in place of the GPU and its clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.benchmark.graph_stages import GraphStages
from degfuse_ros.engine.benchmark.pictures import make_pairs
from degfuse_ros.engine.benchmark.staged_fusion import STAGES, StagedFusion
from degfuse_ros.engine.staged_forward import StagedForward

SIZE = 67, 45


class Event:
    """An event whose time is the number of events recorded before it."""

    recorded = 0

    def __init__(self, enable_timing: bool, external: bool = False) -> None:
        assert enable_timing
        self.external = external

    def record(self) -> None:
        self.moment = Event.recorded
        Event.recorded += 1

    def elapsed_time(self, end: 'Event') -> float:
        return end.moment - self.moment


class Calls:
    """A CPU; a replay runs what was captured, whose events stay those of the capture."""

    device = torch.device('cpu')
    captures = 0

    @contextmanager
    def active(self) -> Iterator[None]:
        with torch.no_grad():
            yield

    def pinned(self, *shape: int, dtype: torch.dtype = torch.uint8) -> Tensor:
        return torch.zeros(shape, dtype=dtype)

    def wait(self) -> None:
        """Nothing is under way."""

    def capture(self, run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        self.captures += 1
        result = run()
        return lambda: result

    def free(self) -> None:
        """Nothing is held."""


def test_every_stage_has_its_time_in_every_replay() -> None:
    engine = FusionEngine.load('lite', 'cpu')
    staged = StagedFusion(engine)
    staged._forward = StagedForward(staged._guidance, staged._network, torch.float32)
    pairs, calls = make_pairs(*SIZE), Calls()
    stages = GraphStages(staged, pairs[:1], calls, Event)
    for pair in pairs[:2]:
        times = stages.times([pair])
        assert list(times) == list(STAGES)
        # Between begin and end lie all the others, each an event after the one before.
        assert {times[stage] for stage in list(STAGES)[1:-1]} == {1}
        assert np.array_equal(stages._images[0][0].numpy(), pair[0])
    assert calls.captures == 1
    assert all(event.external for _, event in stages._marks)


def test_a_batch_runs_through_the_stages_together() -> None:
    engine = FusionEngine.load('lite', 'cpu')
    staged = StagedFusion(engine)
    staged._forward = forward = StagedForward(staged._guidance, staged._network, torch.float32)
    pairs, calls = make_pairs(*SIZE), Calls()
    seen: list[tuple[int, ...]] = []
    staged._network.fused_head.register_forward_pre_hook(
        lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    stages = GraphStages(staged, pairs[:4], calls, Event)
    assert seen and {shape[0] for shape in seen} == {4}
    # What was captured is computed anew in a replay here, too, so that its results can be seen.
    stages._replay = lambda: stages._compute(lambda stage: None)
    batch = pairs[1:5]
    assert list(stages.times(batch)) == list(STAGES)
    for row, (pair, block) in enumerate(zip(batch, stages._results, strict=True)):
        for buffer, image in zip(stages._images, pair, strict=True):
            assert np.array_equal(buffer[row].numpy(), image)
        image = forward.unpack(block, *pair[1].shape).image
        assert np.abs(image.astype(int) - engine.fuse(*pair).image).max() <= 1
