# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""An mcap file, also one that was never finished: what is there is found by going through it."""
from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from lz4.frame import LZ4FrameDecompressor
from rosbags.interfaces import Connection
from rosbags.rosbag2 import ReaderError
from rosbags.rosbag2.storage_mcap import (
    ChunkInfo,
    McapReader,
    Statistics,
    decompress,
    read_string,
    zstd,
)

MAGIC = b'\x89MCAP0\r\n'

# What reading damaged bytes may raise, in rosbags or here. lz4 has only RuntimeError.
DAMAGE = (ReaderError, ValueError, struct.error, TypeError, AssertionError, LookupError,
          OverflowError, MemoryError, RuntimeError, zstd.ZstdError)

Message = tuple[Connection, int, bytes]

_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX, _DATA_END = (
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0f)
_PREFIX = 9  # bytes before a record's content: its kind and its length
_MESSAGE_FIELDS = struct.Struct('<HIQQ')  # channel, sequence, log time, publish time


class McapFile:
    """One open mcap file.

    Attributes:
        path: of the file.
        connections: topics with their types, definitions, QoS and numbers of messages.
        start: log time of the first message in nanoseconds; 0 where there is none.
        end: log time of the last one.
        chunks: where the messages lie, in the order of the file.
        whole: bytes from the beginning that are whole records.
        problem: one line about what was lost; '' where the file is whole.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and find its topics; go through all of it where it has no index.

        Raises:
            ReaderError: it is no mcap file with messages of ROS 2.
            OSError: it cannot be read.
        """
        self.problem = ''
        self.path = path
        self._counts: Counter[int] = Counter()
        self._times: list[int] = []
        self._loose = self._recovered = False
        self._remains: list[tuple[int, int, bytes]] = []  # of a chunk that was cut off
        self._definitions: dict[bytes, None] = {}
        self._reader = McapReader(path)
        try:
            self._reader.open()
            indexed = bool(self._reader.chunks) or not self._reader.metadata.message_count
            self.whole = path.stat().st_size
        except DAMAGE:
            indexed = False
        if not indexed:
            self._recover()
        facts = self._reader.statistics
        assert facts is not None
        # Copies: rosbags empties its own when it closes.
        self.connections = list(self._reader.connections)
        self.chunks = list(self._reader.chunks)
        self.start, self.end = (
            (facts.start_time, facts.end_time) if facts.message_count else (0, 0))

    def close(self) -> None:
        """Close the file."""
        if self._reader.bio is not None:
            self._reader.close()

    def messages(self, connections: Collection[Connection], start: int | None,
                 stop: int | None) -> Iterator[Message]:
        """Yield connection, log time and CDR bytes in the order of log times.

        Where a part turns out to be damaged, it is left out, and `problem` says so at the end.

        Args:
            connections: of those to read.
            start: first log time in nanoseconds; None for all.
            stop: the log time before which to stop; None for all.
        """
        time = None
        try:
            for connection, time, data in self._reader.messages(connections, start, stop):
                yield connection, time, data
        except DAMAGE:
            if self._recovered:
                raise
            self._recover()
            # Those of the same nanosecond, if any, go with the damaged part.
            yield from self.messages(connections, start if time is None else time + 1, stop)
            return
        wanted = {connection.id: connection for connection in connections}
        for time, channel, data in sorted(self._remains, key=lambda each: each[0]):
            if channel in wanted and (start is None or time >= start) and (
                    stop is None or time < stop):
                yield wanted[channel], time, data

    def _recover(self) -> None:
        """Make the index that the file lacks, of what is whole."""
        self._recovered = True
        if self._reader.bio is not None:
            self._reader.close()
        self._reader = McapReader(self.path)
        file = self.path.open('rb')
        try:
            chunks = self._scan(file)
            self._describe()
        except BaseException:
            file.close()
            raise
        self._reader.bio = file
        self._reader.data_end = self.whole
        # Messages outside chunks are read by going through the file.
        self._reader.chunks = [] if self._loose else chunks

    def _describe(self) -> None:
        """Fill in topics and counts from the records that were found."""
        reader = self._reader
        records = b''.join(self._definitions)
        reader.bio = BytesIO(records)
        begin, reader.data_start, reader.data_end = reader.data_start, 0, len(records)
        reader.meta_scan()
        reader.data_start = begin
        reader.connections = [
            each._replace(msgcount=self._counts[each.id]) for each in reader.connections]
        reader.statistics = Statistics(
            sum(self._counts.values()), len(reader.schemas), len(reader.channels), 0, 0,
            len(reader.chunks), min(self._times, default=0), max(self._times, default=0),
            dict(self._counts))

    def _scan(self, file: BinaryIO) -> list[ChunkInfo]:
        """Go through the records up to the end or the first that is cut off."""
        if file.read(len(MAGIC)) != MAGIC:
            raise ReaderError('File magic is invalid.')
        chunks: list[ChunkInfo] = []
        damaged = 0
        self.whole = len(MAGIC)
        size = self.path.stat().st_size
        while True:
            begin = file.tell()
            prefix = file.read(_PREFIX)
            if len(prefix) < _PREFIX:
                self._cut_off(size)
                break
            kind, length = prefix[0], int.from_bytes(prefix[1:], 'little')
            if kind in (_DATA_END, _FOOTER):
                break
            if begin + _PREFIX + length > size:
                if kind == _CHUNK:
                    self._keep_remains(file.read())
                self._cut_off(size)
                break
            try:
                self._take(kind, begin, prefix, file.read(length), chunks)
            except DAMAGE:
                if kind == _HEADER:
                    raise
                damaged += 1
            self.whole = file.tell()
        if damaged:
            self.problem = f'{self.problem}; '.lstrip('; ') + (
                f'{damaged} damaged parts were left out')
        return chunks

    def _cut_off(self, size: int) -> None:
        if size > self.whole or not self._reader.chunks:
            self.problem = (f'its end is missing, as after a crash: what is there was recovered, '
                            f'{self.whole} of {size} bytes and {len(self._remains)} messages of '
                            'a part that was cut off')

    def _take(self, kind: int, begin: int, prefix: bytes, content: bytes,
              chunks: list[ChunkInfo]) -> None:
        """Note what one whole record tells."""
        if kind == _HEADER:
            profile = read_string(BytesIO(content))
            if profile != 'ros2':
                raise ReaderError(f'Profile is {profile!r}, not ros2.')
            self._reader.data_start = begin + _PREFIX + len(content)
        elif kind == _CHUNK:
            chunks.append(self._chunk(begin, content))
        elif kind == _MESSAGE_INDEX and chunks:
            channel, = struct.unpack_from('<H', content)
            chunks[-1].message_index_offsets[channel] = begin
            length = chunks[-1].message_index_length + _PREFIX + len(content)
            chunks[-1] = chunks[-1]._replace(message_index_length=length)
        elif kind in (_SCHEMA, _CHANNEL):
            self._definitions[prefix + content] = None
        elif kind == _MESSAGE:
            self._loose = True
            channel, _, time, _ = _MESSAGE_FIELDS.unpack_from(content)
            self._counts[channel] += 1
            self._times = _widened(self._times, time)

    def _chunk(self, begin: int, content: bytes) -> ChunkInfo:
        """Look through a chunk's messages and return where it lies."""
        head, packed = _chunk_parts(content)
        raw = decompress(bytes(packed[:head['packed']]), head['compression'], head['size'],
                         head['crc'])
        counts: Counter[int] = Counter()
        times: list[int] = []
        records = list(_records(raw))
        if sum(len(record) for _, record in records) != len(raw):
            raise ReaderError('The records of a chunk do not fill it.')
        for kind, record in records:
            if kind == _MESSAGE:
                channel, _, time, _ = _MESSAGE_FIELDS.unpack_from(record, _PREFIX)
                counts[channel] += 1
                times = _widened(times, time)
            elif kind in (_SCHEMA, _CHANNEL):
                self._definitions[bytes(record)] = None
        self._counts += counts
        for time in times:
            self._times = _widened(self._times, time)
        return ChunkInfo(min(times, default=0), max(times, default=0), begin,
                         _PREFIX + len(content), {}, 0, head['compression'], head['packed'],
                         head['size'], dict(counts))

    def _keep_remains(self, content: bytes) -> None:
        """Keep the messages of a chunk that ends before its end; it has some megabytes at most."""
        try:
            head, packed = _chunk_parts(content)
            raw = _decompress_begin(packed, head['compression'])
        except DAMAGE:
            return
        for kind, record in _records(raw):
            if kind == _MESSAGE:
                channel, _, time, _ = _MESSAGE_FIELDS.unpack_from(record, _PREFIX)
                data = bytes(record[_PREFIX + _MESSAGE_FIELDS.size:])
                self._remains.append((time, channel, data))
                self._counts[channel] += 1
                self._times = _widened(self._times, time)
            elif kind in (_SCHEMA, _CHANNEL):
                self._definitions[bytes(record)] = None


def _widened(times: list[int], time: int) -> list[int]:
    """Return the first and the last of the times so far and one more."""
    return [min([*times, time]), max([*times, time])]


def _chunk_parts(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Split a chunk's content into its fields and its packed bytes."""
    head = BytesIO(content[:4096])
    _, _, size, crc = struct.unpack('<QQQI', head.read(28))
    compression = read_string(head)
    packed, = struct.unpack('<Q', head.read(8))
    fields = {'size': size, 'crc': crc, 'compression': compression, 'packed': packed}
    return fields, memoryview(content)[head.tell():]


def _decompress_begin(packed: memoryview, compression: str) -> bytes:
    """Decompress as much as there is of bytes that were cut off."""
    if compression == 'zstd':
        return zstd.ZstdDecompressor().decompress(packed)
    if compression == 'lz4':
        return LZ4FrameDecompressor().decompress(packed)
    return bytes(packed)


def _records(raw: bytes) -> Iterator[tuple[int, memoryview]]:
    """Yield kind and bytes, prefix included, of the whole records."""
    view, begin = memoryview(raw), 0
    while begin + _PREFIX <= len(raw):
        end = begin + _PREFIX + int.from_bytes(view[begin + 1:begin + _PREFIX], 'little')
        if end > len(raw):
            return
        yield view[begin], view[begin:end]
        begin = end
