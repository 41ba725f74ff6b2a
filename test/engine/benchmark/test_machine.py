# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Rates from known times, and what is told of the machine."""

import platform
import subprocess
import sys
import time

import pytest
import torch

from degfuse_ros.engine.benchmark.machine import (
    describe_machine,
    measure_rates,
    versions,
)

CPU = torch.device('cpu')


def test_rates_are_work_over_the_shortest_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = iter([3.0, 2.0, *[4.0] * 8, 9.0, *[5.0] * 9])  # ten copies, ten products
    now, begun = 0.0, False

    def perf_counter() -> float:
        nonlocal now, begun
        if begun:
            now += next(lengths)
        begun = not begun
        return now

    monkeypatch.setattr(time, 'perf_counter', perf_counter)
    rates = measure_rates(CPU, torch.float32, copy_bytes=4096, side=16)
    assert rates.bytes_per_second == rates.host_bytes_per_second == 2 * 4096 / 2
    assert rates.flops_per_second == 2 * 16 ** 3 / 5
    assert next(lengths, None) is None


def test_the_machine_is_described() -> None:
    facts = describe_machine(CPU)
    assert facts['device'] == 'cpu' and facts['threads'] == torch.get_num_threads()
    assert facts['processor'] and facts['cores'] >= 1
    assert versions()['torch'] == torch.__version__
    assert versions()['python'] == platform.python_version()


def test_memory_is_the_processs_own_peak() -> None:
    program = """
import torch
from degfuse_ros.engine.benchmark.machine import peak_mib, start_peak
cpu = torch.device('cpu')
start_peak(cpu)
before = peak_mib(cpu)
torch.ones(2 ** 26)  # 256 MiB, given back at once
print(before, peak_mib(cpu))
"""
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            timeout=100, check=True)
    before, after = map(float, result.stdout.split())
    assert before > 50 and after - before == pytest.approx(256, abs=40)
