# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What is measured of an engine at one size."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from degfuse_ros.engine.benchmark.clock import StageClock
from degfuse_ros.engine.benchmark.cost import StageCost, count
from degfuse_ros.engine.benchmark.graph_stages import GraphStages, has_external_events
from degfuse_ros.engine.benchmark.machine import Rates, peak_mib, start_peak
from degfuse_ros.engine.benchmark.pictures import Pair, make_pairs
from degfuse_ros.engine.benchmark.staged_fusion import STAGES, StagedFusion
from degfuse_ros.engine.benchmark.timing import FrameWork, alternate, percentiles, spread
from degfuse_ros.engine.cuda_calls import CudaCalls
from degfuse_ros.engine.fusion_engine import FusionEngine

COMPILING = 600.0
"""Seconds to wait for a compilation: several times what any size took."""


@dataclass(frozen=True)
class Case:
    """One line of the scaling table: width and height in pixels, pairs fused together."""

    width: int
    height: int
    batch: int = 1

    def __str__(self) -> str:
        return f'{self.width}x{self.height}' + (f', {self.batch} pairs' if self.batch > 1 else '')


@dataclass(frozen=True)
class Measured:
    """Figures of one case, before they are set beside the machine's rates.

    Attributes:
        case: what was measured.
        execution: how the engine did it.
        times: milliseconds of each call of the engine.
        memory_mib: peak, see `peak_mib`.
        stages: milliseconds of each stage in each frame, of the whole batch.
        costs: of the batch, by stage; the mean over the pictures.
    """

    case: Case
    execution: str
    times: list[float]
    memory_mib: float
    stages: dict[str, list[float]]
    costs: dict[str, StageCost]


def _batch(case: Case, pairs: list[Pair], frame: int) -> list[Pair]:
    """Return what is fused together in a frame; the pictures take turns in each place."""
    return [pairs[(frame + index) % len(pairs)] for index in range(case.batch)]


def _call(engine: FusionEngine, case: Case, pairs: list[Pair]) -> FrameWork:
    """Return what fuses the pairs of a frame, uint8 in host memory in and out."""
    if case.batch == 1:
        return lambda frame: engine.fuse(*pairs[frame % len(pairs)])
    return lambda frame: engine.fuse_batch(_batch(case, pairs, frame))


def _settle(engine: FusionEngine, case: Case) -> None:
    """Fuse until the engine does so in the way that it will keep to."""
    engine.warm_up(case.height, case.width, case.batch)
    end = time.monotonic() + COMPILING
    while engine.compiling and time.monotonic() < end:
        engine.warm_up(case.height, case.width, case.batch)


def measure(engine: FusionEngine, staged: StagedFusion, case: Case,
            frames: int | None) -> Measured:
    """Time an engine and its stages.

    Args:
        engine: what is measured.
        staged: the same model on the same device.
        case: size.
        frames: as for `timing.enough`.

    Raises:
        RuntimeError: the device's, as where its memory runs out.
    """
    pairs = make_pairs(case.width, case.height)
    start_peak(staged.device)
    _settle(engine, case)
    times = alternate([_call(engine, case, pairs)], frames)[0]
    execution = engine.execution
    memory = peak_mib(staged.device)
    # Not one pair's times and costs multiplied: on a GPU a batch shares weights and launches.
    batches = [_batch(case, pairs, frame) for frame in range(len(pairs))]
    stages = _time_stages(staged, batches, frames)
    return Measured(case, execution, times, memory, stages, _mean_cost(staged, batches))


def _time_stages(staged: StagedFusion, batches: list[list[Pair]],
                 frames: int | None) -> dict[str, list[float]]:
    clock, readings = StageClock(staged.device), list[dict[str, float]]()
    graph = (GraphStages(staged, batches[0], CudaCalls(staged.device))
             if staged.device.type == 'cuda' and has_external_events() else None)

    def work(frame: int) -> None:
        batch = batches[frame % len(batches)]
        if graph is not None:
            readings.append(graph.times(batch))
            return
        staged.fuse(batch, clock.mark)
        readings.append(clock.read())

    done = len(alternate([work], frames)[0])
    return {stage: [reading[stage] for reading in readings[-done:]] for stage in STAGES}


def _mean_cost(staged: StagedFusion, batches: list[list[Pair]]) -> dict[str, StageCost]:
    """The pictures differ in the experts that they get."""
    total: dict[str, StageCost] = defaultdict(StageCost)
    for batch in batches:
        for stage, cost in count(partial(staged.fuse, batch)).items():
            total[stage] += cost
    return {stage: cost * (1 / len(batches)) for stage, cost in total.items()}


def set_beside(measured: Measured, rates: Rates) -> dict[str, Any]:
    """Return a case's entry of the results: its figures beside what the machine could do."""
    case, whole = measured.case, percentiles(measured.times)
    costs, sums = measured.costs, [sum(frame) for frame in zip(*measured.stages.values())]
    stages_ms = percentiles(sums)
    return {
        'width': case.width, 'height': case.height, 'batch': case.batch,
        'execution': measured.execution, 'frames': len(measured.times), 'ms': whole,
        'memory_mib': measured.memory_mib,
        **_shares(sum(costs.values(), StageCost()), whole['p50'], rates),
        # Stages follow each other, so that the whole can be no faster than its stages' floors.
        'floor_ms': sum(cost.floor_ms(rates) for cost in costs.values()),
        'fused_floor_ms': sum(cost.floor_ms(rates, True) for cost in costs.values()),
        'stages_ms': stages_ms, 'stages_over_whole': stages_ms['p50'] / whole['p50'],
        'stages': [_stage(stage, times, costs.get(stage, StageCost()), rates, stages_ms['p50'])
                   for stage, times in measured.stages.items()]}


def _stage(name: str, times: list[float], cost: StageCost, rates: Rates,
           total: float) -> dict[str, Any]:
    ms = percentiles(times)
    return {'name': name, 'ms': ms, 'share': ms['p50'] / total, **_shares(cost, ms['p50'], rates),
            'floor_ms': cost.floor_ms(rates), 'fused_floor_ms': cost.floor_ms(rates, True)}


def _shares(cost: StageCost, ms: float, rates: Rates) -> dict[str, float]:
    """Cost, and which part of the machine's rates was achieved."""
    seconds = max(ms, 1e-6) / 1e3
    return {'gflop': cost.flops / 1e9, 'traffic_mb': cost.traffic / 1e6,
            'fused_traffic_mb': cost.fused_traffic / 1e6, 'host_mb': cost.host_traffic / 1e6,
            'matrix_share': cost.flops / seconds / rates.flops_per_second,
            'bandwidth_share': cost.traffic / seconds / rates.bytes_per_second}


def compare(engines: tuple[FusionEngine, FusionEngine], case: Case,
            frames: int | None) -> dict[str, Any]:
    """Time two engines in alternation and return the case's entry of the results.

    Args:
        engines: A and B.
        case: size.
        frames: as for `timing.enough`.

    Raises:
        RuntimeError: a device's, as where its memory runs out.
    """
    pairs = make_pairs(case.width, case.height)
    for engine in engines:
        _settle(engine, case)
    first, second = alternate([_call(engine, case, pairs) for engine in engines], frames)
    return {
        'width': case.width, 'height': case.height, 'batch': case.batch, 'frames': len(first),
        'executions': [engine.execution for engine in engines],
        'a_ms': percentiles(first), 'b_ms': percentiles(second),
        'ratio': spread([b / a for a, b in zip(first, second)]),
        'ratio_of_minima': min(second) / min(first)}


def release(device: torch.device) -> None:
    """Give memory of the last case back, so that the next one's peak is its own."""
    if device.type == 'cuda':
        torch.cuda.empty_cache()
