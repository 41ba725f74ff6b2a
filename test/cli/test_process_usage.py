# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Processor time and memory of a process, against the work and the memory that it was given."""
import subprocess
import sys
import time

import pytest

from degfuse_ros.cli.process_usage import process_usage

# Fills 64 MiB and works for a second of processor time, then waits to be ended.
PROGRAM = """
import time
filled = b'x' * 2**26
print('filled', flush=True)
input()
begin = time.process_time()
while time.process_time() < begin + 1.0:
    pass
print('done', flush=True)
input()
"""


def test_it_counts_work_and_memory() -> None:
    empty = subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input()'], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with subprocess.Popen([sys.executable, '-c', PROGRAM], text=True, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process, empty:
        assert process.stdout and process.stdin and empty.stdout
        process.stdout.readline(), empty.stdout.readline()
        before, beside = process_usage(process.pid), process_usage(empty.pid)
        process.stdin.write('\n')
        process.stdin.flush()
        process.stdout.readline()
        after = process_usage(process.pid)
        process.communicate('\n')
        empty.communicate('\n')
    assert 63 < before.memory - beside.memory < 80
    assert after.cpu - before.cpu == pytest.approx(1.0, abs=0.1)
    assert after.moment - before.moment >= 1e9 and abs(time.time_ns() - after.moment) < 60e9


def test_a_process_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        process_usage(2**22 + 1)  # above the highest number that Linux gives
