# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The hidden folder in which a bag is written until it is finished."""
from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from degfuse_ros.bags.bag_error import BagError

_RECORD, _LOCK = 'run.json', 'lock'
_UNFINISHED = 'unfinished.mcap'


class PartialFolder:
    """The place of one bag before it gets its name, and of what a killed run left there.

    Attributes:
        bag: the folder that the bag is written into.
        unfinished: an mcap file of an earlier run to go on with, where `begin` found one.
    """

    def __init__(self, out: Path) -> None:
        """Name the places of a bag; nothing is made or changed.

        Args:
            out: the finished bag's folder.

        Raises:
            BagError: it has no name of its own.
        """
        self._out = Path(os.path.abspath(out))
        if not self._out.name:
            raise BagError(f'{out} cannot be a bag: give the name of a new folder')
        self._folder = self._out.with_name(f'.{self._out.name}.partial')
        self.bag = self._folder / self._out.name
        self.unfinished = self._folder / _UNFINISHED
        self._lock: IO[str] | None = None

    def check(self, overwrite: bool, resume: bool) -> None:
        """Refuse what must not be overwritten, and what cannot be gone on with.

        Args:
            overwrite: an existing bag may go, and so may an unfinished run.
            resume: an unfinished run is gone on with.

        Raises:
            BagError: says which option to take.
        """
        with self._told():
            if os.path.lexists(self._out):
                if not overwrite:
                    raise BagError(f'{self._out} exists already: give another --out, or '
                                   '--overwrite')
                if not _is_bag(self._out):
                    raise BagError(f'{self._out} is not a bag, so that it is not overwritten: '
                                   'give another --out')
            if self._folder.exists() and not (overwrite or resume):
                raise BagError(f'{self._folder} is there from an unfinished run: go on with '
                               '--resume, or start anew with --overwrite')

    def begin(self, record: Mapping[str, Any], resume: bool) -> bool:
        """Make the folder, empty but for what an earlier run left to go on with.

        Args:
            record: all that decides what the bag will hold; kept beside the bag.
            resume: go on, where there is something of an earlier run.

        Returns:
            Whether there is.

        Raises:
            BagError: the earlier run had another record or is still running, or the folder
                cannot be made.
        """
        content = json.loads(json.dumps(record))
        with self._told():
            self._take()
            found = resume and self._keep_unfinished(content)
            if not found:
                self._clear()
            (self._folder / _RECORD).write_text(json.dumps(content, indent=1))
        return found

    def _take(self) -> None:
        """Make the folder, and keep other runs out of it for as long as this process lives."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self._folder / _LOCK).open('w')
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BagError(f'{self._out} is being written by another run: wait for its end, or '
                           'give another --out') from error

    def _clear(self) -> None:
        """Remove what an earlier run left."""
        for path in self._folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()

    def _keep_unfinished(self, record: Mapping[str, Any]) -> bool:
        """Move the bag's file out of its folder, so that a new one can be begun there."""
        file = self.bag / f'{self.bag.name}.mcap'
        try:
            before = json.loads((self._folder / _RECORD).read_text())
        except (FileNotFoundError, ValueError):
            return False
        changed = sorted(name for name in {*record, *before}
                         if record.get(name) != before.get(name))
        if changed:
            self.leave()
            raise BagError(f'--resume: {", ".join(changed)} differ from those of the unfinished '
                           'run. Give the same, or start anew with --overwrite')
        if not self.unfinished.exists():
            if not file.exists():
                return False
            os.replace(file, self.unfinished)
        shutil.rmtree(self.bag, ignore_errors=True)
        return True

    def leave(self) -> None:
        """Let others go on with what is there."""
        if self._lock is not None:
            self._lock.close()

    def discard(self) -> None:
        """Remove what there is."""
        self.leave()
        shutil.rmtree(self._folder, ignore_errors=True)

    def finish(self) -> None:
        """Give the finished bag its name; an older one of that name goes.

        Raises:
            BagError: it cannot be moved.
        """
        with self._told():
            if os.path.lexists(self._out):
                os.replace(self._out, self._folder / 'replaced')
            os.replace(self.bag, self._out)
            shutil.rmtree(self._folder, ignore_errors=True)
        self.leave()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BagError(f'{self._out} cannot be written: {error.strerror or error}. Give '
                           'another --out') from error


def _is_bag(path: Path) -> bool:
    """Tell a bag's folder from one that holds other things, or nothing."""
    return path.is_dir() and not path.is_symlink() and (
        (path / 'metadata.yaml').is_file() or not any(path.iterdir()))
