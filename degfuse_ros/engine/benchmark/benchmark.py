# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A whole run of `degfuse bench`: everything that its JSON file holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tqdm import tqdm

from degfuse_ros.engine.benchmark.cost import (
    BYTES_COUNTED,
    FLOPS_COUNTED,
    FUSED_COUNTED,
    HOST_COUNTED,
)
from degfuse_ros.engine.benchmark.graph_stages import has_external_events
from degfuse_ros.engine.benchmark.machine import Rates, describe_machine, measure_rates, versions
from degfuse_ros.engine.benchmark.size_benchmark import Case, compare, measure, release, set_beside
from degfuse_ros.engine.benchmark.staged_fusion import STAGES, StagedFusion
from degfuse_ros.engine.fusion_engine import FusionEngine

SCHEMA = 'degfuse-bench-1'

CPU_NOTE = ('on a CPU the figures count only as ratios within one run: they change with what '
            'else the machine does')
EAGER_NOTE = ('stages were run kernel by kernel; an engine that replays CUDA graphs does the '
              'same work without the gaps between kernels, in less than their sum')

HOW = {
    'whole': 'FusionEngine.fuse or fuse_batch, uint8 in host memory in and out; perf_counter',
    'stages': 'of the whole batch: FusionEngine.fuse_batch cut at the calls of '
              'network.inference.infer; on a GPU all pairs at once by CUDA events, from torch 2.9 '
              'inside the captured graph; on a CPU by perf_counter, the sum over the pairs, which '
              'the engine fuses one after another there',
    'stage': STAGES,
    'gflop': FLOPS_COUNTED,
    'traffic_mb': BYTES_COUNTED,
    'fused_traffic_mb': FUSED_COUNTED,
    'host_mb': HOST_COUNTED,
    'floor_ms': 'sum over the stages of the longest of gflop at the matrix rate, traffic_mb at '
                'the copy bandwidth and host_mb at the bandwidth between host and device; '
                'fused_floor_ms: with fused_traffic_mb',
    'rates': 'the best of ten: a copy of 128 MiB within the device, read and written; one from '
             'pinned host memory; a square matrix product in the precision of the convolutions, '
             'whose rate the guidance in float32 cannot reach where that is half',
    'memory_mib': 'peak held by PyTorch on the GPU; on a CPU of the resident process',
    'ratio': "B's time over A's in the same frame: median and the range of nine tenths",
}


@dataclass(frozen=True)
class EngineChoice:
    """What an engine is loaded with, see `FusionEngine.load`."""

    model: str | None
    device: str
    guidance_period: int = 1
    compile: bool = False
    precision: str = 'auto'

    def load(self) -> FusionEngine:
        """Build the engine."""
        return FusionEngine.load(self.model, self.device, self.guidance_period, self.compile,
                                 self.precision)


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes:
        engines: the engine, or A and B.
        names: of A and B; empty without a comparison.
        cases: sizes, small ones first, since memory is a peak.
        frames: per case; None for as many as are useful.
        command: that asked for it.
    """

    engines: tuple[EngineChoice, ...]
    names: tuple[str, ...]
    cases: tuple[Case, ...]
    frames: int | None
    command: str


def run_benchmark(settings: Settings) -> dict[str, Any]:
    """Measure everything and return the content of the JSON file.

    Raises:
        EngineError: weights or a device cannot be used.
    """
    engines = [choice.load() for choice in settings.engines]
    device = torch.device(engines[0].device)
    document: dict[str, Any] = {
        'schema': SCHEMA, 'command': settings.command, 'versions': versions(),
        'machine': describe_machine(device), 'models': [_describe(each) for each in engines],
        'how': HOW, 'notes': _notes(engines, settings), 'left_out': []}
    if settings.names:
        pair = engines[0], engines[1]
        document['compared'] = list(settings.names)
        document['comparisons'] = _each(
            settings.cases, device, document['left_out'],
            lambda case: compare(pair, case, settings.frames))
        return document
    staged = StagedFusion(engines[0])
    document['models'][0]['parameters'] = staged.parameters
    measured = _each(settings.cases, device, document['left_out'],
                     lambda case: measure(engines[0], staged, case, settings.frames))
    # At the end: where the peak of memory cannot be reset, the buffers would count into it.
    rates = measure_rates(device, staged.dtype)
    document['machine'] |= _rates(rates)
    document['results'] = [set_beside(each, rates) for each in measured]
    return document


def _notes(engines: list[FusionEngine], settings: Settings) -> list[str]:
    notes = []
    if any(engine.device == 'cpu' for engine in engines):
        notes.append(CPU_NOTE)
    gpu = any(engine.device != 'cpu' for engine in engines)
    if gpu and not settings.names and not has_external_events():
        notes.append(EAGER_NOTE)
    return notes


def _each(cases: Sequence[Case], device: torch.device, left_out: list[str],
          work: Callable[[Case], Any]) -> list[Any]:
    """Do the cases one by one; what a device cannot do is named and the rest goes on."""
    results = []
    with tqdm(cases, unit='size', disable=None, leave=False) as bar:
        for case in bar:
            bar.set_postfix_str(str(case))
            try:
                results.append(work(case))
            except RuntimeError as error:  # over many lines where its memory runs out
                left_out.append(f"{case}: {' '.join(str(error).split())[:300]}")
            release(device)
    return results


def _describe(engine: FusionEngine) -> dict[str, Any]:
    return {'file': engine.model_path.name, 'sha256': engine.model_hash,
            'precision': engine.precision, 'device': engine.device,
            'device_name': engine.device_name, 'guidance_period': engine.guidance_period}


def _rates(rates: Rates) -> dict[str, float]:
    return {'copy_gb_per_second': rates.bytes_per_second / 1e9,
            'host_gb_per_second': rates.host_bytes_per_second / 1e9,
            'matrix_gflop_per_second': rates.flops_per_second / 1e9}
