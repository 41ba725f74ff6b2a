# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which thermal image belongs to which visible one, by their stamps alone. Nothing of ROS here.

The node and the bag tool pair with this class, so that a bag fused offline has the pairs of the
same bag played to the node. The result depends only on the order of the calls: no clock is read.

`exact_once` uses each image at most once. It is greedy: an image takes the closest waiting one of
the other topic as soon as it comes, if their stamps differ by less than the slop. These are the
pairs of message_filters' ApproximateTimeSynchronizer, with three differences, all on purpose:
images out of order never make the visible stamps go back, a jump back of the stamps begins anew
instead of blocking for ever, and one image stamped far ahead costs that image only.

`nearest` gives every visible image the thermal one nearest in time: at most `thermal_max_age`
older, so that a slow thermal camera's images serve several visible ones, or less than the slop
newer. A visible image goes out as soon as no nearer thermal image can be expected, that is when
  - a thermal image with its stamp or a later one has come, or
  - the next thermal image is not due before the slop is over: the newest one's stamp, plus the
    shortest time between the last few, lies beyond, or
  - a visible image stamped at least the slop later has come: the partner is late or missing.
Where thermal images are delivered later than that, a larger slop makes the visible ones wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, NamedTuple

from degfuse_ros.ros.stamps import NANOSECONDS

# An image stamped this far ahead of the one before, where the next one is back, was stamped
# wrongly: no camera pauses for so long and then delivers what it should have sent meanwhile.
FAR_AHEAD = 10 * NANOSECONDS

# Stamps remembered per topic. To tell when the next image is due: enough to see through an image
# or two that were lost, few enough to follow a rate that changes. One that is far ahead is wrong
# only where these were in order: two publishers with clocks of their own are another matter.
STAMPS_KEPT = 5

# An image stamped among the last few, and less than this before the newest, is late, as where a
# driver or a network swaps neighbours: it is dropped. Further back the stamps jumped: no camera's
# queue is a second long.
DISORDER = NANOSECONDS

OTHER = {'visible': 'thermal', 'thermal': 'visible'}


@dataclass(frozen=True)
class MatcherSettings:
    """How to pair. The names and the meaning are those of the node's parameters.

    Attributes:
        pairing: 'exact_once' or 'nearest'.
        sync_slop: seconds that the stamps of a close pair differ by less than.
        sync_queue_size: images per topic that wait for a partner.
        thermal_time_offset: seconds added to thermal stamps, for pairing only.
        thermal_max_age: seconds that a thermal image may be older than the visible one with
            which `nearest` pairs it.
    """

    pairing: str
    sync_slop: float
    sync_queue_size: int
    thermal_time_offset: float
    thermal_max_age: float

    @classmethod
    def read(cls, value: Callable[[str], Any]) -> MatcherSettings:
        """Take the settings from parameters.

        Args:
            value: returns the value of a parameter by its name.
        """
        return cls(*(value(field.name) for field in fields(cls)))


class Match(NamedTuple):
    """A pair.

    Attributes:
        visible: the item that was added for the visible image.
        thermal: that of the thermal image.
        offset: visible minus thermal stamp, thermal_time_offset applied, in nanoseconds.
        reused: True where the thermal image was in the match before as well.
    """

    visible: Any
    thermal: Any
    offset: int
    reused: bool


class _Topic:
    """The images of one topic that wait, by time in nanoseconds, in the order they came."""

    def __init__(self) -> None:
        self.waiting: dict[int, Any] = {}
        self.times: deque[int] = deque(maxlen=STAMPS_KEPT)  # of the last images, rising
        self.since_jump: int | None = None  # images; None: no jump to remember
        self.late = 0  # images in a row stamped before the last one

    @property
    def last(self) -> int | None:
        """The last image's time."""
        return self.times[-1] if self.times else None

    @property
    def interval(self) -> int | None:
        """The shortest time between the last images."""
        return min((late - early for early, late in pairwise(self.times)), default=None)

    def keep_newest(self, count: int) -> None:
        """Forget the smallest times beyond a number of images."""
        while len(self.waiting) > count:
            del self.waiting[min(self.waiting)]


class Matcher:
    """Takes the images of both topics as they come, gives pairs. Not for several threads."""

    def __init__(self, settings: MatcherSettings,
                 dropped: Callable[[str, str], None] = lambda kind, reason: None,
                 jumped: Callable[[str], None] = lambda topic: None) -> None:
        """Begin with nothing waiting.

        Args:
            settings: fixed; for others make another matcher.
            dropped: told of a drop that nobody would expect: its kind ('out_of_order',
                'visible.repeated_stamp', 'visible.future_stamp', 'thermal.future_stamp') and one
                line why. Images that find no partner are not told: they are those in no match.
            jumped: told 'visible' or 'thermal' when stamps jump back, once where both do.
        """
        self.settings = settings
        self._dropped = dropped
        self._jumped = jumped
        self._slop = int(settings.sync_slop * NANOSECONDS)
        self._shift = round(settings.thermal_time_offset * NANOSECONDS)
        self._max_age = round(settings.thermal_max_age * NANOSECONDS)
        self._topics: Mapping[str, _Topic] = {topic: _Topic() for topic in OTHER}
        self._last_visible: int | None = None
        self._last_thermal: int | None = None

    def add(self, topic: str, stamp: int, item: Any) -> list[Match]:
        """Take an image and return the pairs that it completes, visible stamps ever rising.

        One that is a few places late is dropped.

        Args:
            topic: 'visible' or 'thermal'.
            stamp: of the image, in nanoseconds.
            item: comes back in the match.
        """
        time = self.time_of(topic, stamp)
        mine = self._topics[topic]
        matches = []
        if mine.last is not None and time < mine.last:
            if self._is_late(topic, time):
                self._dropped('out_of_order', '')
                return []
            matches = self._go_back(topic, time)
        if mine.since_jump is not None:  # only images that may still wait are of interest
            mine.since_jump += 1
            if mine.since_jump > self.settings.sync_queue_size:
                mine.since_jump = None
        if time != mine.last:
            mine.times.append(time)
            mine.late = 0
        if self.settings.pairing == 'nearest':
            if topic == 'visible' and time == self._last_visible:
                self._dropped('visible.repeated_stamp', 'header.stamp is that of an image which '
                              'was paired already. Look for a second publisher of this topic')
                return matches
            mine.waiting[time] = item
            return matches + self._match_nearest(everything=False)
        mine.waiting[time] = item
        mine.keep_newest(self.settings.sync_queue_size)
        return matches + self._match_once(topic, time)

    def time_of(self, topic: str, stamp: int) -> int:
        """Return what a stamp is compared as, in nanoseconds: thermal_time_offset applied."""
        return stamp + self._shift if topic == 'thermal' else stamp

    def flush(self) -> list[Match]:
        """Return the pairs of visible images that wait for a nearer partner: none will come."""
        if self.settings.pairing == 'nearest':
            return self._match_nearest(everything=True)
        return []

    def _is_late(self, topic: str, time: int) -> bool:
        """Tell whether an image stamped before the last one of its topic is late: no jump.

        It belongs among the last few, which were in order: a bag of whatever length that begins
        anew does so at or before them. More in a row than they are is a jump nevertheless.
        """
        mine = self._topics[topic]
        mine.late += 1
        return (len(mine.times) == STAMPS_KEPT and mine.times[0] < time
                and mine.times[-1] - time < DISORDER and mine.late < STAMPS_KEPT)

    def _go_back(self, topic: str, time: int) -> list[Match]:
        """Begin anew with an image stamped before the last one of its topic.

        Where the other topic went back just before, this is the same jump: what came since stays.
        """
        mine, other = self._topics[topic], self._topics[OTHER[topic]]
        *earlier, last = mine.times
        before = max(earlier, default=last)
        mine.times.clear()
        if len(earlier) == STAMPS_KEPT - 1 and before <= time and last - before > FAR_AHEAD:
            mine.waiting.pop(last, None)
            if topic == 'visible' and self._last_visible == last:
                self._last_visible = before
            self._dropped(f'{topic}.future_stamp', (
                f'header.stamp was {(last - before) / NANOSECONDS:.0f} s ahead of the image '
                'before, the next one was not. Look at the clock of the camera driver'))
            return []
        matches = []
        if other.since_jump is None:
            matches = self.flush()
            other.waiting.clear()
            mine.since_jump = 0
            self._jumped(topic)
        other.since_jump = None
        mine.waiting.clear()
        self._last_thermal = None
        if topic == 'visible':
            self._last_visible = None
        return matches

    def _match_once(self, topic: str, time: int) -> list[Match]:
        """Pair the newest image with the closest waiting one of the other topic."""
        mine, other = self._topics[topic].waiting, self._topics[OTHER[topic]].waiting
        nearest = min(other, key=lambda each: abs(each - time), default=None)
        if time not in mine or nearest is None or abs(nearest - time) >= self._slop:
            return []
        times = {topic: time, OTHER[topic]: nearest}
        match = Match(self._topics['visible'].waiting.pop(times['visible']),
                      self._topics['thermal'].waiting.pop(times['thermal']),
                      times['visible'] - times['thermal'], False)
        if self._last_visible is not None and times['visible'] < self._last_visible:
            self._dropped('out_of_order', '')
            return []
        self._last_visible = times['visible']
        return [match]

    def _match_nearest(self, everything: bool) -> list[Match]:
        """Pair the visible images, oldest first, for which nothing nearer can be expected."""
        visible, thermal = self._topics['visible'], self._topics['thermal']
        size = self.settings.sync_queue_size
        matches = []
        for time in list(visible.waiting):
            if not (everything or len(visible.waiting) > size or self._is_decided(time)):
                break
            item = visible.waiting.pop(time)
            nearest = self._nearest_thermal(time)
            if nearest is not None:
                matches.append(Match(item, thermal.waiting[nearest], time - nearest,
                                     nearest == self._last_thermal))
                self._last_visible, self._last_thermal = time, nearest
        thermal.keep_newest(size)
        return matches

    def _nearest_thermal(self, time: int) -> int | None:
        return min((each for each in self._topics['thermal'].waiting
                    if abs(time - each) < self._slop or 0 <= time - each <= self._max_age),
                   key=lambda each: abs(time - each), default=None)

    def _is_decided(self, time: int) -> bool:
        """Tell whether no nearer thermal image than those here can be expected."""
        visible, thermal = self._topics['visible'], self._topics['thermal']
        if visible.last is not None and visible.last >= time + self._slop:
            return True
        # One from the far future says nothing about those that are still to come.
        newest = max((each for each in thermal.waiting if each < time + FAR_AHEAD), default=None)
        if newest is None or newest >= time:
            return newest is not None
        interval = thermal.interval
        return interval is not None and newest + interval > time + self._slop
