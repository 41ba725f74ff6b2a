# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the machine is, and what it can do: measured in the same run as the engine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from degfuse_ros.engine.device import describe_device
from degfuse_ros.engine.version import package_version

# Far more than any cache holds, little enough for a small machine.
_COPY_BYTES = 2 ** 27
# Side of the square matrices: a GPU needs large ones to come near its rate; on a CPU they take
# about 0.1 s.
_MATRIX_SIDE = {'cpu': 1024, 'cuda': 8192}
# The best of so many: what else the machine does can only slow a measurement down.
_REPEATS = 10


@dataclass(frozen=True)
class Rates:
    """What the machine was measured to do.

    Attributes:
        bytes_per_second: read and written by a copy within the device's memory.
        flops_per_second: of a square matrix product in the engine's precision, two per
            multiply-add.
        host_bytes_per_second: of a copy from pinned host memory to the device; on a CPU, where
            both are one, `bytes_per_second`.
    """

    bytes_per_second: float
    flops_per_second: float
    host_bytes_per_second: float


def measure_rates(device: torch.device, dtype: torch.dtype,
                  copy_bytes: int = _COPY_BYTES, side: int | None = None) -> Rates:
    """Measure copy bandwidth and matrix rate; takes about a second.

    Args:
        device: of the engine.
        dtype: precision of the engine's convolutions.
        copy_bytes: length of the copied buffer.
        side: of the matrices; None for one that suits the device.
    """
    source, target = (torch.ones(copy_bytes, dtype=torch.uint8, device=device) for _ in range(2))
    copy = 2 * copy_bytes / _shortest(lambda: target.copy_(source), device)
    cross = copy
    if device.type == 'cuda':
        pinned = torch.ones(copy_bytes, dtype=torch.uint8, pin_memory=True)
        cross = copy_bytes / _shortest(lambda: target.copy_(pinned, non_blocking=True), device)
    side = side or _MATRIX_SIDE[device.type]
    left, right = (torch.full((side, side), 0.5, dtype=dtype, device=device) for _ in range(2))
    product = torch.empty_like(left)
    multiply = _shortest(lambda: torch.mm(left, right, out=product), device)
    return Rates(copy, 2 * side ** 3 / multiply, cross)


def _shortest(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the quickest of several runs."""
    times = []
    for _ in range(_REPEATS):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was asked to."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return what the figures depend on besides the program."""
    facts: dict[str, Any] = {
        'system': platform.platform(), 'processor': _processor(),
        'cores': len(os.sched_getaffinity(0)), 'threads': torch.get_num_threads(),
        'device': str(device), 'device_name': describe_device(device)}
    if device.type == 'cuda':
        properties = torch.cuda.get_device_properties(device)
        facts |= {'device_memory_mib': properties.total_memory // 2 ** 20,
                  'multiprocessors': properties.multi_processor_count,
                  'compute_capability': f'{properties.major}.{properties.minor}'}
    return facts


def _processor() -> str:
    """Return the processor's name as Linux knows it."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the versions that the figures depend on."""
    found = {'degfuse_ros': package_version(), 'python': platform.python_version(),
             'torch': torch.__version__, 'numpy': np.__version__}
    if torch.version.cuda:
        found |= {'cuda': torch.version.cuda, 'cudnn': str(torch.backends.cudnn.version())}
    return found


def start_peak(device: torch.device) -> None:
    """Begin to watch the memory anew."""
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
    else:
        # Linux resets VmHWM on a 5; where that is forbidden, the peak is that of the whole run.
        with suppress(OSError):
            Path('/proc/self/clear_refs').write_text('5')


def peak_mib(device: torch.device) -> float:
    """Return the peak in MiB: held by PyTorch on the GPU, or the process's resident memory."""
    if device.type == 'cuda':
        return torch.cuda.max_memory_reserved(device) / 2 ** 20
    # Not getrusage, whose peak a process takes over from the one that started it.
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM')) / 2 ** 10
