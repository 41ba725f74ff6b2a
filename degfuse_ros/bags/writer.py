# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Write a bag that `ros2 bag`, RViz and Foxglove open.

An mcap file that is being written is a whole one at any moment: a process may be killed, and
what it wrote opens, and can be gone on with.
"""
from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, cast

from rosbags.interfaces import Connection, MessageDefinition, Qos
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import (
    ChunkInfo,
    write_string,
    write_uint16,
    write_uint32,
    write_uint64,
)

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.mcap_file import McapFile
from degfuse_ros.bags.open_ended_file import OpenEndedFile
from degfuse_ros.bags.topic_types import RELIABLE, type_facts

# Of the metadata: every distribution from Humble to Lyrical reads it. 9 is for Jazzy and newer.
_VERSION: Literal[8] = 8

# Seconds after which what was written goes to the file, however little it is: what a killed run
# may lose.
_COMMIT_PERIOD = 2.0

COMPRESSIONS = {
    'none': CompressionMode.NONE, 'chunk': CompressionMode.STORAGE,
    'message': CompressionMode.MESSAGE, 'file': CompressionMode.FILE}
"""Ways to compress by zstd; 'chunk' for mcap alone."""


class BagWriter:
    """A bag that is being written. The folder must not exist, unless a run is gone on with.

    Messages come in the order of their times. Those between two calls of `commit` belong
    together: all of them are in the file, or none.

    Attributes:
        written: number of messages by topic, those of the run that is gone on with included.
        safe: the same, of those that are in the file whatever happens.
    """

    def __init__(self, folder: Path, storage: str = 'mcap', compression: str = 'none') -> None:
        """Begin a bag.

        Args:
            folder: of the bag; its last part names the file inside too.
            storage: 'mcap' or 'sqlite3'.
            compression: one of `COMPRESSIONS`.

        Raises:
            BagError: it cannot be written.
        """
        self.folder = folder
        self.written: Counter[str] = Counter()
        self.safe: Counter[str] = Counter()
        self._connections: dict[str, Connection] = {}
        self._writer = Writer(folder, version=_VERSION,
                              storage_plugin=StoragePlugin[storage.upper()])
        self._writer.set_compression(COMPRESSIONS[compression], CompressionFormat.ZSTD)
        self._file: OpenEndedFile | None = None
        self._committed = time.monotonic()
        with self._told():
            self._writer.open()
        self._storage = cast('Any', self._writer.storage)
        if storage == 'mcap':
            length = self._storage.bio.tell()
            self._storage.bio.close()
            self._storage.bio = self._file = OpenEndedFile(self._storage.path, length)

    def add(self, topic: str, kind: str, definition: MessageDefinition | None = None,
            type_hash: str = '', qos: Sequence[Qos] = (RELIABLE,)) -> None:
        """Add a topic, before its first message.

        Args:
            topic: its full name.
            kind: type of its messages.
            definition: of the type; None for one of our own.
            type_hash: of the type; '' where it is not known.
            qos: what its publishers offer.
        """
        text, type_hash = type_facts(kind, definition, type_hash)
        self._connections[topic] = self._writer.add_connection(
            topic, kind, msgdef=text, rihs01=type_hash, offered_qos_profiles=qos)

    def take_over(self, file: Path, together: Sequence[str]) -> None:
        """Go on with an mcap file that was left unfinished; it is moved into this bag.

        Args:
            file: written by this class, with the same topics added in the same order.
            together: topics that have one message in each group; an incomplete last group is
                cut off.

        Raises:
            BagError: the file has other topics, or cannot be read.
        """
        with self._told():
            before = McapFile(file)
            topics = {each.id: (each.topic, each.msgtype) for each in before.connections}
            ours = {each.id: (name, each.msgtype) for name, each in self._connections.items()}
            before.close()
            if topics and topics != ours:
                raise BagError(f'{file} has other topics than this run: start anew with '
                               '--overwrite')
            chunks = _whole(before.chunks, {each: ours[each][0] for each in ours}, together)
            if not chunks:
                file.unlink()
                return
            assert self._file is not None
            self._file.abandon()
            os.replace(file, self._storage.path)
            last = chunks[-1]
            self._storage.bio = self._file = OpenEndedFile(
                self._storage.path,
                last.chunk_start_offset + last.chunk_length + last.message_index_length)
            self._restore(chunks)

    def _restore(self, chunks: list[ChunkInfo]) -> None:
        """Bring rosbags to where it was after it had written these chunks."""
        storage, writer = self._storage, self._writer
        storage.chunks = [_chunk_index(chunk) for chunk in chunks]
        begin = min(chunk.message_start_time for chunk in chunks)
        end = max(chunk.message_end_time for chunk in chunks)
        storage.message_start_time = writer.min_timestamp = begin
        storage.message_end_time = writer.max_timestamp = end
        for topic, connection in self._connections.items():
            count = sum(chunk.channel_count.get(connection.id, 0) for chunk in chunks)
            storage.channel_stats[connection.id] = writer.counts[connection.id] = count
            self.written[topic] = self.safe[topic] = count

    def write(self, topic: str, moment: int, data: bytes | memoryview) -> None:
        """Write a message.

        Args:
            topic: one that was added.
            moment: when it is played, in nanoseconds.
            data: CDR bytes.

        Raises:
            BagError: it cannot be written.
        """
        with self._told():
            self._writer.write(self._connections[topic], moment, data)
        self.written[topic] += 1

    def commit(self, now: bool = False) -> None:
        """End a group of messages, and put what waits into the file where it is much or old.

        Args:
            now: whatever it is.

        Raises:
            BagError: it cannot be written; the file keeps what it had.
        """
        if self._file is None or not (
                now or self._file.waiting or time.monotonic() - self._committed > _COMMIT_PERIOD):
            return
        with self._told():
            if self._storage.chunk.msgs:
                self._storage.close_chunk()
            self._file.commit()
        self.safe = self.written.copy()
        self._committed = time.monotonic()

    def finish(self) -> None:
        """Write the index and metadata.yaml, and close.

        Raises:
            BagError: they cannot be written.
        """
        with self._told():
            self._writer.close()

    def abandon(self) -> None:
        """Close as it is; an mcap file still opens."""
        if self._file is not None:
            self._file.abandon()
        else:
            self._writer.abort()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line why the bag cannot be written."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, 'strerror', None) or str(error)
            room = shutil.disk_usage(self.folder.parent).free / 2 ** 20
            raise BagError(f'{self.folder} cannot be written: {reason} ({room:.0f} MiB are free '
                           'there)') from error


def _whole(chunks: Sequence[ChunkInfo], topics: dict[int, str], together: Sequence[str]
           ) -> list[ChunkInfo]:
    """Return the chunks up to the last that completes a group, each with its whole index."""
    kept: list[ChunkInfo] = []
    good = 0
    counts: Counter[str] = Counter()
    for chunk in chunks:
        if set(chunk.message_index_offsets) != set(chunk.channel_count):
            break
        kept.append(chunk)
        for channel, count in chunk.channel_count.items():
            counts[topics[channel]] += count
        if len({counts[topic] for topic in together}) <= 1:
            good = len(kept)
    return kept[:good]


def _chunk_index(chunk: ChunkInfo) -> BytesIO:
    """Return the content of the index record of a chunk."""
    record = BytesIO()
    for number in (chunk.message_start_time, chunk.message_end_time, chunk.chunk_start_offset,
                   chunk.chunk_length):
        write_uint64(record, number)
    write_uint32(record, len(chunk.message_index_offsets) * 10)
    for channel, offset in chunk.message_index_offsets.items():
        write_uint16(record, channel)
        write_uint64(record, offset)
    write_uint64(record, chunk.message_index_length)
    write_string(record, chunk.compression)
    write_uint64(record, chunk.compressed_size)
    write_uint64(record, chunk.uncompressed_size)
    return record
