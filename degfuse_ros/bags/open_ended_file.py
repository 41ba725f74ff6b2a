# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""An mcap file that is a whole one after every step, so that a process may be killed at any time.

What is written waits in memory until `commit`. That puts it behind what is there already, with
the few bytes after it that end an mcap file without an index, all in one system call; the next
commit begins over those bytes.
"""
from __future__ import annotations

import os
from pathlib import Path

from degfuse_ros.bags.mcap_file import MAGIC

# The records DataEnd (no checksum) and Footer (no summary), and the magic bytes.
TAIL = (b'\x0f' + (4).to_bytes(8, 'little') + bytes(4)
        + b'\x02' + (20).to_bytes(8, 'little') + bytes(20) + MAGIC)


class OpenEndedFile:
    """Stands where rosbags expects the file that it writes to."""

    def __init__(self, path: Path, length: int) -> None:
        """Open a file that exists.

        Args:
            path: of the file.
            length: bytes of it to keep, up to the end of a record.
        """
        self._file = os.open(path, os.O_RDWR)
        os.ftruncate(self._file, length)
        self._length = length
        self._waiting: list[bytes] = []
        self.waiting = 0
        """Bytes written since the last commit."""

    def write(self, data: bytes | memoryview) -> int:
        """Take bytes; they reach the file at the next commit."""
        self._waiting.append(bytes(data))
        self.waiting += len(self._waiting[-1])
        return len(self._waiting[-1])

    def tell(self) -> int:
        """Return where the next byte will lie."""
        return self._length + self.waiting

    def commit(self) -> None:
        """Put what waits into the file, whole records, and end the file there.

        Raises:
            OSError: it does not fit; the file is then as it was after the commit before.
        """
        self._put(TAIL)

    def close(self) -> None:
        """Put what waits into the file, which ends with it, and close."""
        try:
            self._put(b'')
            os.ftruncate(self._file, self._length)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close; what waits is lost."""
        self._waiting.clear()
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _put(self, tail: bytes) -> None:
        content = b''.join([*self._waiting, tail])
        done = 0
        try:
            while done < len(content):
                done += os.pwrite(self._file, memoryview(content)[done:], self._length + done)
        except OSError:
            os.ftruncate(self._file, self._length)
            os.pwrite(self._file, TAIL, self._length)
            raise
        self._length += self.waiting
        self._waiting.clear()
        self.waiting = 0
