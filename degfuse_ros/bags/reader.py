# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Open any rosbag2 bag and stream its messages.

mcap and sqlite3, compressed or not, one file or a folder, with or without metadata.yaml, from
any ROS 2 distribution, finished or not. Types are known by name alone: hashes and definitions in
the bag are passed on, never compared.
"""
from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import apsw
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinition, Qos
from rosbags.rosbag2.storage_mcap import zstd

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.mcap_file import DAMAGE
from degfuse_ros.bags.storage import ZSTD_MAGIC, Storage, find_files, open_storage


@dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name: with its namespace.
        kind: type of its messages, as 'sensor_msgs/msg/Image'; several where they differ.
        count: of its messages.
        definition: of the type, as the bag has it.
        type_hash: the same; '' for none.
        qos: the profiles that its publishers offered, as the bag has them.
    """

    name: str
    kind: str
    count: int
    definition: MessageDefinition
    type_hash: str
    qos: tuple[Qos, ...]


@dataclass(frozen=True)
class BagMessage:
    """One message.

    Attributes:
        topic: its topic's name.
        time: when it was recorded, in nanoseconds.
        data: CDR bytes.
    """

    topic: str
    time: int
    data: bytes


class BagReader:
    """An open bag. Use it in a `with` block, from one thread at a time.

    Attributes:
        path: what was opened.
        files: that it consists of.
        topics: by name, in the order of their names.
        start: time of the first message in nanoseconds.
        end: time of the last message.
        problems: one line for each thing that is missing or was lost; reading may add some.
    """

    def __init__(self, path: Path) -> None:
        """Open a bag.

        Raises:
            BagError: it cannot be read at all.
        """
        self.path = path
        self.problems: list[str] = []
        self._stack = ExitStack()
        self.files, problem = find_files(path)
        self.problems += [problem] if problem else []
        try:
            work = Path(self._stack.enter_context(tempfile.TemporaryDirectory('_degfuse')))
            self._storages = self._open(self.files, work)
        except BaseException:
            self._stack.close()
            raise
        filled = [each for each in self._storages if each.start or each.end]
        self.start = min((each.start for each in filled), default=0)
        self.end = max((each.end for each in filled), default=0)
        self.topics = self._find_topics()

    def _open(self, files: list[Path], work: Path) -> list[Storage]:
        """Open the files that can be opened; one bad file of several is only told of."""
        storages: list[Storage] = []
        failures: list[BagError] = []
        for file in files:
            try:
                storage = open_storage(file, work)
            except BagError as error:
                failures.append(error)
                continue
            self._stack.callback(storage.close)
            storages.append(storage)
            self._tell(storage)
        if not storages:
            raise failures[0]
        self.problems += [f'left out: {error}' for error in failures]
        return storages

    def _tell(self, storage: Storage) -> None:
        """Keep what a file lacks, once."""
        problem = f'{storage.path}: {storage.problem}'
        if storage.problem and problem not in self.problems:
            self.problems.append(problem)

    def _find_topics(self) -> dict[str, Topic]:
        found: dict[str, list[Connection]] = {}
        for storage in self._storages:
            for connection in storage.connections:
                found.setdefault(connection.topic, []).append(connection)
        return {name: _describe(name, found[name]) for name in sorted(found)}

    def messages(self, topics: Collection[str], start: int | None = None,
                 stop: int | None = None) -> Iterator[BagMessage]:
        """Yield the messages of some topics in the order in which they were recorded.

        Args:
            topics: their names.
            start: time of the first, in nanoseconds; None from the beginning.
            stop: time before which to stop; None at the end.

        Raises:
            BagError: the bag is damaged here.
        """
        time = self.start
        for storage in self._storages:
            connections = [each for each in storage.connections if each.topic in topics]
            if not connections:
                continue
            try:
                for connection, time, data in storage.messages(connections, start, stop):
                    yield BagMessage(connection.topic, time, _unpacked(data))
                self._tell(storage)
            except (*DAMAGE, OSError, apsw.Error) as error:
                raise BagError(
                    f'{self.path} is damaged {(time - self.start) / 1e9:.1f} s after its begin: '
                    f'{" ".join(str(error).split()) or type(error).__name__}. Use --duration to '
                    'stop before') from error

    def close(self) -> None:
        """Close all files."""
        self._stack.close()

    def __enter__(self) -> BagReader:
        """Return the bag itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close all files."""
        self.close()


def _unpacked(data: bytes) -> bytes:
    """Decompress a message that was compressed by itself: CDR bytes never begin like that."""
    return zstd.decompress(data) if data[:4] == ZSTD_MAGIC else data


def _describe(name: str, connections: list[Connection]) -> Topic:
    """Put together what all files tell about a topic."""
    kind = ' and '.join(sorted({each.msgtype for each in connections}))
    qos = {repr(profile): profile for each in connections
           if isinstance(each.ext, ConnectionExtRosbag2)
           for profile in each.ext.offered_qos_profiles}
    described = [each for each in connections if each.msgdef.data] or connections
    return Topic(name, kind, sum(each.msgcount for each in connections),
                 described[0].msgdef, described[0].digest, tuple(qos.values()))
