# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Memory and threads of a node's process."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Takes and gives back what a received image needs; prints the page faults per image, as Linux
# counts them.
RECEIVE = """
import resource
from array import array
from degfuse_ros.ros.process import keep_freed_memory
if {keep}:
    keep_freed_memory()
sent, faults = bytes(640 * 480 * 3), []
for _ in range(100):
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
    parts = [bytearray(sent), array('B')]
    parts[1].frombytes(bytes(parts[0]))
    del parts
print((faults[-1] - faults[9]) / 90)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='another C library than glibc')
def test_freed_memory_is_kept_for_the_next_image() -> None:
    with_and_without = [float(subprocess.run(
        [sys.executable, '-c', RECEIVE.format(keep=keep)], capture_output=True, text=True,
        check=True).stdout) for keep in (True, False)]
    assert with_and_without[0] < 10 < 400 < with_and_without[1]


def test_a_thread_gets_the_interpreter_sooner() -> None:
    """While another one runs Python and nothing else."""
    waiting = """
import sys, threading, time
from degfuse_ros.ros.process import share_interpreter
if {share}:
    share_interpreter()

def run():
    while True:
        pass

threading.Thread(target=run, daemon=True).start()
waits = []
for _ in range(40):
    begin = time.monotonic()
    time.sleep(0.001)  # lets the interpreter go, as a copy does
    waits.append(time.monotonic() - begin)
print(min(waits))
"""
    shared, usual = (float(subprocess.run(
        [sys.executable, '-c', waiting.format(share=share)], capture_output=True, text=True,
        check=True).stdout) for share in (True, False))
    assert shared < usual / 2
