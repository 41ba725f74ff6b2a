# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a process has used so far, as Linux counts it."""
import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf('SC_CLK_TCK')
_PAGE_MIB = os.sysconf('SC_PAGE_SIZE') / 2**20
# Fields of /proc/N/stat behind the command's name, which may hold spaces: proc(5).
_USER, _SYSTEM, _RESIDENT = 11, 12, 21


@dataclass(frozen=True)
class ProcessUsage:
    """One look at a process.

    Attributes:
        moment: of the look, in nanoseconds since 1970, as ROS stamps are.
        cpu: seconds of processor time of all its threads since it began.
        memory: resident memory in MiB, host only.
    """

    moment: int
    cpu: float
    memory: float


def process_usage(number: int) -> ProcessUsage:
    """Look at a process.

    Args:
        number: of the process.

    Raises:
        FileNotFoundError: there is none of this number.
    """
    fields = Path(f'/proc/{number}/stat').read_text().rpartition(')')[2].split()
    cpu = (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICKS
    return ProcessUsage(time.time_ns(), cpu, int(fields[_RESIDENT]) * _PAGE_MIB)
