# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pairs of a bag, in the order in which the node would find them."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rosbags.serde import SerdeError

from degfuse_ros.bags.drops import Drops
from degfuse_ros.bags.message_types import CAMERA_INFO, decode
from degfuse_ros.bags.reader import BagMessage, BagReader
from degfuse_ros.bags.topics import Cameras
from degfuse_ros.camera import decoding
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.lens import info_problem
from degfuse_ros.ros.lost_camera import LostCamera
from degfuse_ros.ros.matcher import Match, Matcher, MatcherSettings
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.stamps import check_stamp, stamp_of

# Bytes of kept messages that are handed on without a pair where none comes: a few images.
_KEPT_BYTES = 4 * 2 ** 20


@dataclass(frozen=True)
class SourcePair:
    """Two images that belong together, or one where the other camera is gone.

    Attributes:
        pair: their messages.
        camera_infos: the newest of 'visible' and 'thermal' at that moment; none before the first.
        offset: visible minus thermal stamp in nanoseconds; None for one image.
    """

    pair: Pair
    camera_infos: Mapping[str, Any]
    offset: int | None


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

    The clock by which a camera is lost is that of the recording.

    Attributes:
        arrived: images by 'visible' and 'thermal'.
        alone: images that go on alone, since the other camera is gone, by the same.
        unmatched: good images in no pair so far, by the same.
        jumps: of the stamps back in time, by the same.
        pairs: how many were found.
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
        self.alone: Counter[str] = Counter()
        self.unmatched: Counter[str] = Counter()
        self.jumps: Counter[str] = Counter()
        self.pairs = 0
        self._reader = reader
        self._values = values
        self._drops = drops
        self._kept = set(kept)
        topics = {'visible': cameras.visible, 'thermal': cameras.thermal}
        self._images = {topic.name: (role, topic.kind) for role, topic in topics.items()}
        infos = {'visible': cameras.visible_info, 'thermal': cameras.thermal_info}
        self._infos = {name: role for role, name in infos.items() if name}
        self._camera_infos: Mapping[str, Any] = {}
        self._lost = LostCamera()
        self._matcher = self._new_matcher()

    def steps(self, start: int | None = None, stop: int | None = None
              ) -> Generator[Step, None, None]:
        """Yield the bag in pieces; each has a pair, or many kept messages.

        Args:
            start: time of the first message in nanoseconds; None from the beginning.
            stop: time before which to stop; None at the end.

        Raises:
            BagError: the bag is damaged.
        """
        kept: list[BagMessage] = []
        size, time = 0, self._reader.start
        topics = {*self._images, *self._infos, *self._kept}
        for message in self._reader.messages(topics, start, stop):
            time = message.time
            if message.topic in self._kept:
                kept.append(message)
                size += len(message.data)
            pairs = self._take(message)
            if pairs or size > _KEPT_BYTES:
                yield Step(time, kept, pairs)
                kept, size = [], 0
        yield Step(time, kept, self._found(self._matcher.flush()))

    def _take(self, message: BagMessage) -> list[SourcePair]:
        """Return the pairs that a message completes."""
        if message.topic in self._images:
            return self._take_image(message, *self._images[message.topic])
        if message.topic in self._infos:
            self._take_info(message, self._infos[message.topic])
        return []

    def _take_info(self, message: BagMessage, role: str) -> None:
        try:
            info = decode(message.data, CAMERA_INFO)
        except SerdeError as error:
            self._drops.add(f'{role}.camera_info', _one_line(error))
            return
        problem = info_problem(info)
        if problem:
            self._drops.add(f'{role}.camera_info', problem)
        else:
            self._camera_infos = {**self._camera_infos, role: info}

    def _take_image(self, message: BagMessage, role: str, kind: str) -> list[SourcePair]:
        self.arrived[role] += 1
        try:
            image = decode(message.data, kind)
            check_stamp(image)
            decoding.check(image)
        except SerdeError as error:
            self._drops.add(f'{role}.not_readable', _one_line(error))
            return []
        except ImageError as error:
            self._drops.add(f'{role}.{error.kind}', str(error))
            return []
        now, lost_after = message.time / 1e9, self._values('lost_after')
        waiting = []
        if self._lost.silent('visible', now, lost_after):  # no nearer partner will come
            waiting = self._found(self._matcher.flush())
        if (self._lost.other_gone(role, now, lost_after)
                and self._values('lost_camera') == 'publish_other'):
            # What waits is older and must not come after this one.
            self._matcher = self._new_matcher()
            self.alone[role] += 1
            pair = Pair(image, None) if role == 'visible' else Pair(None, image)
            return [*waiting, SourcePair(pair, self._camera_infos, None)]
        self.unmatched[role] += 1
        return [*waiting, *self._found(self._matcher.add(role, stamp_of(image), image))]

    def _found(self, matches: list[Match]) -> list[SourcePair]:
        self.pairs += len(matches)
        for match in matches:
            self.unmatched['visible'] -= 1
            self.unmatched['thermal'] -= not match.reused
        return [SourcePair(Pair(match.visible, match.thermal), self._camera_infos, match.offset)
                for match in matches]

    def _new_matcher(self) -> Matcher:
        return Matcher(MatcherSettings.read(self._values), self._drops.add, self._jumped)

    def _jumped(self, role: str) -> None:
        self.jumps[role] += 1


def _one_line(error: Exception) -> str:
    return ' '.join(str(error).split())
