# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The files that a bag consists of, whatever their names, formats and compression."""
from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path, PurePath
from typing import Protocol

import yaml
from rosbags.interfaces import Connection
from rosbags.rosbag2.storage_mcap import zstd
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader

from degfuse_ros.bags import mcap_file
from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.mcap_file import DAMAGE, McapFile

SQLITE_MAGIC = b'SQLite format 3\0'
ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_ROS_1_MAGIC = b'#ROSBAG V'
SUFFIXES = ('.mcap', '.db3', '.mcap.zstd', '.db3.zstd')


class Storage(Protocol):
    """One open file of a bag.

    Attributes:
        path: of the file.
        connections: its topics.
        start: log time of its first message in nanoseconds; 0 where there is none.
        end: log time of its last message.
        problem: one line about what was lost; '' where the file is whole.
    """

    path: Path
    connections: list[Connection]
    start: int
    end: int
    problem: str

    def messages(self, connections: Collection[Connection], start: int | None,
                 stop: int | None) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield connection, log time and bytes in the order of log times."""

    def close(self) -> None:
        """Close the file."""


class SqliteFile:
    """One open sqlite3 file of a bag."""

    def __init__(self, path: Path) -> None:
        """Open a file and find its topics."""
        self.path = path
        self._reader = Sqlite3Reader(path)
        self._reader.open()
        self.problem = ''
        # What stands there was committed, and not yet moved into the file itself.
        log = path.with_name(f'{path.name}-wal')
        if log.exists() and log.stat().st_size:
            self.problem = (f'{log.name} beside it is not read: its messages are missing. Run '
                            f'`sqlite3 {path.name} "PRAGMA wal_checkpoint"` on a copy first')
        self.connections = self._reader.connections
        facts = self._reader.metadata
        self.start, self.end = (
            (facts.start_time, facts.end_time - 1) if facts.message_count else (0, 0))
        self.messages = self._reader.messages
        self.close = self._reader.close


def find_files(path: Path) -> tuple[list[Path], str]:
    """Return the files of a bag in their order, and one line about any that is missing or ''.

    Args:
        path: a bag's folder, with or without metadata.yaml, or one of its files.

    Raises:
        BagError: there is no such path, or no bag.
    """
    try:
        if not path.is_dir():
            if not path.exists():
                raise BagError(f'{path} does not exist: give a bag, its folder or one of its '
                               'files')
            return [path], ''
        there = sorted((each for each in path.iterdir()
                        if each.name.endswith(SUFFIXES) and each.is_file()), key=_natural)
        listed = _listed(path / 'metadata.yaml')
    except OSError as error:
        raise BagError(f'{path} cannot be read: {error.strerror}') from error
    if not there:
        raise BagError(f'{path} is not a bag: it holds no .mcap or .db3 file')
    # The files that metadata.yaml names, and in its order; their folders are not followed.
    chosen = [path / name for name in listed if (path / name) in there] or there
    missing = [name for name in listed if (path / name) not in there]
    if missing:
        return chosen, f'metadata.yaml of {path} names {", ".join(missing)}, which is not there'
    return chosen, ''


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort bag_10 after bag_9."""
    return [(int(part), '') if part.isdigit() else (-1, part)
            for part in re.split(r'(\d+)', path.name)]


def _listed(metadata: Path) -> list[str]:
    """Return the file names in metadata.yaml, of whichever version; none where it is of no use."""
    try:
        content = yaml.safe_load(metadata.read_text())
        files = content['rosbag2_bagfile_information']['relative_file_paths']
        return [PurePath(name).name for name in files]
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError):
        return []


def open_storage(path: Path, work: Path) -> Storage:
    """Open one file of a bag.

    Args:
        path: of the file; what it is, its first bytes tell.
        work: a folder for a decompressed copy, where the whole file is compressed.

    Raises:
        BagError: it is not a file of a bag of ROS 2.
    """
    try:
        with path.open('rb') as file:
            begin = file.read(16)
        if begin.startswith(ZSTD_MAGIC):
            unpacked = work / f'{len(list(work.iterdir()))}'
            with path.open('rb') as packed, zstd.open(packed, 'rb') as source, \
                    unpacked.open('wb') as target:
                shutil.copyfileobj(source, target)
            return open_storage(unpacked, work)
        if begin.startswith(mcap_file.MAGIC):
            return McapFile(path)
        if begin.startswith(SQLITE_MAGIC):
            return SqliteFile(path)
    except OSError as error:
        raise BagError(f'{path} cannot be read: {error.strerror or error}') from error
    except (*DAMAGE, EOFError) as error:
        raise BagError(f'{path} cannot be read as a bag of ROS 2: '
                       f'{" ".join(str(error).split()) or type(error).__name__}') from error
    if begin.startswith(_ROS_1_MAGIC):
        raise BagError(f'{path} is a bag of ROS 1: convert it with `rosbags-convert`')
    raise BagError(f'{path} is not a bag: its first bytes are those of neither mcap nor sqlite3')
