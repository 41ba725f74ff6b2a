# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Memory and garbage of a node's process."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys

import pytest

from degfuse_ros.ros.process import spare_collections

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


def test_what_is_there_is_left_out_of_collections_and_garbage_is_not() -> None:
    class Node:
        def __init__(self) -> None:
            self.itself = self

    kept, collected = Node(), []
    Node.__del__ = lambda self: collected.append(self)  # type: ignore[attr-defined]
    Node()
    spare_collections()
    try:
        assert len(collected) == 1
        assert not any(each is kept for each in gc.get_objects())
        later = Node()
        assert any(each is later for each in gc.get_objects())
    finally:
        gc.unfreeze()
    assert any(each is kept for each in gc.get_objects())


def test_a_thread_gets_the_interpreter_within_a_millisecond() -> None:
    """While another one runs Python and nothing else."""
    sharing = """
import sys, threading, time
from degfuse_ros.ros.process import share_interpreter
if {share}:
    share_interpreter()
threading.Thread(target=lambda: [None for _ in iter(time.monotonic, None)], daemon=True).start()
waits = []
for _ in range(40):
    begin = time.monotonic()
    time.sleep(0.001)  # lets the interpreter go, as a copy does
    waits.append(time.monotonic() - begin)
print(sorted(waits)[20])
"""
    shared, usual = (float(subprocess.run(
        [sys.executable, '-c', sharing.format(share=share)], capture_output=True, text=True,
        check=True).stdout) for share in (True, False))
    assert shared < 0.003 < 0.005 < usual
