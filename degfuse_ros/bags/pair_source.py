# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pairs of a bag, in the order in which the node would find them."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Any

from rosbags.serde import SerdeError

from degfuse_ros.bags.drops import Drops
from degfuse_ros.bags.message_types import CAMERA_INFO, decode
from degfuse_ros.bags.reader import BagMessage, BagReader
from degfuse_ros.bags.topics import Cameras
from degfuse_ros.camera import decoding
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros.matcher import Match, Matcher, MatcherSettings
from degfuse_ros.ros.stamps import check_stamp, stamp_of

# Bytes of kept messages that are handed on without a pair where none comes: a few images.
_KEPT_BYTES = 4 * 2 ** 20


@dataclass(frozen=True)
class SourcePair:
    """Two images that belong together.

    Attributes:
        visible: message with the visible image.
        thermal: message with the thermal image.
        camera_info: the visible camera's newest at that moment; None before the first.
        offset: visible minus thermal stamp in nanoseconds.
    """

    visible: Any
    thermal: Any
    camera_info: Any
    offset: int


@dataclass(frozen=True)
class Step:
    """A piece of a bag.

    Attributes:
        time: when its last message was recorded, in nanoseconds.
        kept: messages of other topics, to be copied before the pairs.
        pairs: found when the last message came.
    """

    time: int
    kept: list[BagMessage] = field(default_factory=list)
    pairs: list[SourcePair] = field(default_factory=list)


class PairSource:
    """Reads a bag and pairs its images by the node's own code.

    Attributes:
        arrived: images by 'visible' and 'thermal'.
        pairs: how many were found.
        jumps: of the stamps back in time, by 'visible' and 'thermal'.
        unmatched: good images in no pair so far, by 'visible' and 'thermal'.
    """

    def __init__(self, reader: BagReader, cameras: Cameras, values: Callable[[str], Any],
                 drops: Drops, kept: Collection[str] = ()) -> None:
        """Prepare to read.

        Args:
            reader: the open bag.
            cameras: its topics.
            values: returns a parameter of the node by its name.
            drops: told of images that are no use.
            kept: names of topics to copy.
        """
        self.arrived: Counter[str] = Counter()
        self.jumps: Counter[str] = Counter()
        self.unmatched: Counter[str] = Counter()
        self.pairs = 0
        self._reader = reader
        self._drops = drops
        self._kept = set(kept)
        self._roles = {cameras.visible.name: 'visible', cameras.thermal.name: 'thermal'}
        self._kinds = {cameras.visible.name: cameras.visible.kind,
                       cameras.thermal.name: cameras.thermal.kind}
        self._info_topic = cameras.visible_info
        self._camera_info: Any = None
        self._matcher = Matcher(MatcherSettings.read(values), drops.add, self._jumped)

    def steps(self, start: int | None = None, stop: int | None = None
              ) -> Generator[Step, None, None]:
        """Yield the bag in pieces; each has a pair, or many kept messages.

        Args:
            start: time of the first message in nanoseconds; None from the beginning.
            stop: time before which to stop; None at the end.

        Raises:
            BagError: the bag is damaged.
        """
        topics = {*self._roles, *self._kept, *([self._info_topic] if self._info_topic else [])}
        kept: list[BagMessage] = []
        size, time = 0, self._reader.start
        for message in self._reader.messages(topics, start, stop):
            time = message.time
            if message.topic in self._kept:
                kept.append(message)
                size += len(message.data)
            pairs = self._take(message)
            if pairs or size > _KEPT_BYTES:
                yield Step(time, kept, pairs)
                kept, size = [], 0
        yield Step(time, kept, [self._pair(match) for match in self._matcher.flush()])

    def _take(self, message: BagMessage) -> list[SourcePair]:
        """Return the pairs that a message completes."""
        role = self._roles.get(message.topic)
        if role is not None:
            return self._take_image(role, message)
        if message.topic == self._info_topic:
            try:
                self._camera_info = decode(message.data, CAMERA_INFO)
            except SerdeError as error:
                self._drops.add('visible.camera_info', _one_line(error))
        return []

    def _take_image(self, role: str, message: BagMessage) -> list[SourcePair]:
        self.arrived[role] += 1
        try:
            image = decode(message.data, self._kinds[message.topic])
            check_stamp(image)
            decoding.check(image)
        except SerdeError as error:
            self._drops.add(f'{role}.not_readable', _one_line(error))
            return []
        except ImageError as error:
            self._drops.add(f'{role}.{error.kind}', str(error))
            return []
        self.unmatched[role] += 1
        return [self._pair(match) for match in self._matcher.add(role, stamp_of(image), image)]

    def _pair(self, match: Match) -> SourcePair:
        self.pairs += 1
        self.unmatched['visible'] -= 1
        self.unmatched['thermal'] -= not match.reused
        return SourcePair(match.visible, match.thermal, self._camera_info, match.offset)

    def _jumped(self, role: str) -> None:
        self.jumps[role] += 1


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
