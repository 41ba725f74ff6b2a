# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a fleet has done so far, in a file that a killed run can be gone on with."""
from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from degfuse_ros.bags.bag_error import BagError

NAME = 'manifest.jsonl'


class Manifest:
    """JSON lines: first the settings, then one line for each thing that happened to a bag.

    Attributes:
        path: of the file.
        last: the last line about each bag, by its name.
        overwrite: results that were there before this manifest may go.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], overwrite: bool) -> None:
        """Open the manifest of a folder, or begin one; the folder is made.

        Args:
            folder: of the results.
            settings: all that decides what the results hold.
            overwrite: forget an earlier manifest.

        Raises:
            BagError: it is of other settings, damaged, or in use; or it cannot be written.
        """
        self.path = folder / NAME
        self.last: dict[str, dict[str, Any]] = {}
        self.overwrite = overwrite
        content = json.loads(json.dumps(settings))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open('a+b')
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._lock()
            if overwrite:
                self._file.truncate(0)
            if not self._read(content):
                self._append({'settings': content, 'overwrite': overwrite})
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Manifest:
        """Return this."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the file, and with that unlock it."""
        self._file.close()

    def add(self, bag: str, status: str, **facts: Any) -> None:
        """Write a line, which is on the disk when this returns.

        Args:
            bag: name of the result.
            status: 'started', 'done' or 'failed'.
            facts: anything that JSON has.

        Raises:
            BagError: it cannot be written.
        """
        row = {'bag': bag, 'status': status, **facts}
        self._append(row)
        self.last[bag] = row

    def _append(self, row: Mapping[str, Any]) -> None:
        now = datetime.now(timezone.utc).isoformat(timespec='seconds')
        try:
            self._file.write(json.dumps({'time': now, **row}).encode() + b'\n')
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error

    def _read(self, settings: Mapping[str, Any]) -> bool:
        """Read what is there, and cut off a last line that was not finished.

        Returns:
            Whether there are settings, which then are the same.
        """
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        rows = [_parsed(line) for line in lines]
        if rows and rows[-1] is None:
            self._file.truncate(sum(map(len, lines[:-1])))
            rows.pop()
        for number, row in enumerate(rows, 1):
            if row is None or ('bag' if number > 1 else 'settings') not in row:
                raise BagError(f'line {number} of {self.path} is not of a manifest: give another '
                               '--out, or begin anew with --overwrite')
        if not rows:
            return False
        first, *others = [row for row in rows if row is not None]
        before = first['settings']
        changed = sorted(name for name in {*before, *settings}
                         if before.get(name) != settings.get(name))
        if changed:
            raise BagError(f'{self.path} is of a run with other settings: {", ".join(changed)}. '
                           'Give the same, another --out, or begin anew with --overwrite')
        self.overwrite = first.get('overwrite', False)
        self.last = {row['bag']: row for row in others}
        return True

    def _lock(self) -> None:
        """Keep a second run out, on file systems that know locks."""
        with suppress(OSError):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BagError(f'{self.path} is in use: another run writes there. Wait for it, or '
                               'give another --out') from error

    def _unwritable(self, error: OSError) -> BagError:
        return BagError(f'{self.path} cannot be written: {error.strerror or error}. Give another '
                        '--out')


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Return what a whole line says, None for any other."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and line.endswith(b'\n') else None
