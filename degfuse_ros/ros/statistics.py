# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Counts and times of the running node, collected from all its threads. Nothing of ROS here."""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection

from degfuse_ros.camera.time_offset import OffsetEstimate
from degfuse_ros.ros.snapshot import RegistrationSnapshot, Snapshot, TopicSnapshot

# Stamps kept per topic to find the smallest offset between the two: 4 s at 60 Hz, far more than
# any sensible queue, so that a queue that is too short can be told from clocks that differ.
STAMPS_KEPT = 256

# At most this many pairs since the last success fail before the node calls itself broken: one
# odd image must not raise an error, a lost GPU must within a second.
FAILURES_TOLERATED = 2


class _Topic:
    """What is counted per input topic."""

    def __init__(self) -> None:
        self.arrived = 0
        self.accepted = 0
        self.matched = 0
        self.alone = 0
        self.arrived_before = 0
        self.last_arrival: float | None = None
        self.last_use: float | None = None
        self.failing_since: float | None = None
        self.last_stamp: int | None = None
        self.stamps: deque[int] = deque(maxlen=STAMPS_KEPT)


class Statistics:
    """Counts since activation, and means since the last snapshot. Every method is thread-safe.

    Stamps and offsets are in nanoseconds, durations in seconds.
    """

    def __init__(self) -> None:
        """Start counting now."""
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Forget everything, as at activation."""
        with self._lock:
            self._started = self._period_start = self._last_pair = time.monotonic()
            self._topics: dict[str, _Topic] = {'visible': _Topic(), 'thermal': _Topic()}
            self._pairs = self._pairs_before = self._outputs = self._outputs_before = 0
            self._time_jumps = 0
            self._drops: Counter = Counter()
            self._smallest_offset: int | None = None
            self._last_offset: int | None = None
            self._label = ''
            self._failures = 0
            self._failure = ''
            self._frozen = False
            self._estimate: OffsetEstimate | None = None
            self._begun: float | None = None
            self._notices: dict[str, str] = {}
            self._registration: RegistrationSnapshot | None = None
            self._start_period()

    def _start_period(self) -> None:
        self._new_drops: dict[str, tuple[int, str]] = {}
        self._new_jumps: Counter = Counter()
        self._offsets: list[int] = []
        self._latencies: list[float] = []
        self._engine_times: list[float] = []
        self._engine_cpu: list[float] = []
        self._batches: list[int] = []
        self._ahead: dict[str, int] = {}

    def arrived(self, topic: str) -> None:
        """Count an image of 'visible' or 'thermal', good or bad."""
        with self._lock:
            self._topics[topic].arrived += 1
            self._topics[topic].last_arrival = time.monotonic()

    def accepted(self, topic: str, stamp: int, compared: int | None = None) -> None:
        """Count an image that goes into pairing.

        Args:
            topic: 'visible' or 'thermal'.
            stamp: of the image.
            compared: what the stamp is compared as; None: the stamp.
        """
        compared = stamp if compared is None else compared
        with self._lock:
            self._topics[topic].accepted += 1
            self._topics[topic].last_use = time.monotonic()
            self._topics[topic].stamps.append(compared)
            self._topics[topic].last_stamp = stamp
            other = self._topics['thermal' if topic == 'visible' else 'visible']
            sign = 1 if topic == 'visible' else -1
            offsets = [sign * (compared - each) for each in other.stamps]
            if self._smallest_offset is not None:
                offsets.append(self._smallest_offset)
            self._smallest_offset = min(offsets, key=abs, default=None)

    def alone(self, topic: str, stamp: int) -> None:
        """Count an image that is published alone because the other camera is gone."""
        with self._lock:
            self._topics[topic].accepted += 1
            self._topics[topic].last_use = time.monotonic()
            self._topics[topic].alone += 1
            self._topics[topic].matched += 1  # as far as partners are looked for
            self._topics[topic].last_stamp = stamp
            self._forget_stamps()

    def left_alone(self, topic: str) -> None:
        """Count an image of a pair that is published alone because the other one is no use."""
        with self._lock:
            self._topics[topic].alone += 1

    def failing(self, topics: Collection[str]) -> None:
        """Note which cameras' last images could not be used though they went into pairing."""
        with self._lock:
            for name, topic in self._topics.items():
                if name not in topics:
                    topic.failing_since = None
                elif topic.failing_since is None:
                    topic.failing_since = time.monotonic()

    def frozen(self, frozen: bool) -> None:
        """Note whether the thermal images are all the same now."""
        with self._lock:
            self._frozen = frozen

    def estimated(self, estimate: OffsetEstimate | None) -> None:
        """Note what motion says of the offset of the two cameras' stamps."""
        with self._lock:
            self._estimate = estimate

    def ahead(self, topic: str, nanoseconds: int) -> None:
        """Note by how much the stamps of a topic are ahead of the node's clock."""
        with self._lock:
            self._ahead[topic] = nanoseconds

    def paired(self, offset: int, reused: bool = False) -> None:
        """Count a pair.

        Args:
            offset: visible minus thermal stamp, as they are compared.
            reused: whether its thermal image was in the pair before as well.
        """
        with self._lock:
            self._pairs += 1
            self._topics['visible'].matched += 1
            self._topics['thermal'].matched += not reused
            self._last_pair = time.monotonic()
            self._last_offset = offset
            self._offsets.append(offset)
            self._forget_stamps()

    def jumped(self, topic: str) -> None:
        """Count a jump of the stamps of 'visible' or 'thermal' back in time."""
        with self._lock:
            self._time_jumps += 1
            self._new_jumps[topic] += 1
            self._forget_stamps()

    def _forget_stamps(self) -> None:
        """Compare only images that came later: the smallest offset is to tell about them."""
        self._smallest_offset = None
        for topic in self._topics.values():
            topic.stamps.clear()

    def dropped(self, kind: str, reason: str = '') -> None:
        """Count something dropped.

        Args:
            kind: what and why, as 'visible.truncated' or 'mailbox'.
            reason: one line for the report; empty for drops that are part of normal work.
        """
        with self._lock:
            self._drops[kind] += 1
            self._new_drops[kind] = (self._new_drops.get(kind, (0, ''))[0] + 1, reason)

    def begun(self) -> None:
        """Note that the worker has begun with a pair."""
        with self._lock:
            self._begun = time.monotonic()

    def ended(self) -> None:
        """Note that the worker is done with its pair, whatever came of it."""
        with self._lock:
            self._begun = None

    def published(self, label: str, engine_time: float, engine_cpu: float,
                  latency: float, batch: int = 1) -> None:
        """Count a fused image.

        Args:
            label: the degradation found.
            engine_time: seconds inside the engine.
            engine_cpu: seconds of processor time that the calling thread spent there.
            latency: seconds from the visible image's stamp to the publication.
            batch: pairs that the engine fused in the same call.
        """
        with self._lock:
            self._outputs += 1
            self._failures = 0
            self._label = label
            self._engine_times.append(engine_time)
            self._engine_cpu.append(engine_cpu)
            self._latencies.append(latency)
            self._batches.append(batch)

    def published_thermal(self, latency: float) -> None:
        """Count a thermal image published alone, which the engine has nothing to do with.

        Args:
            latency: seconds from its stamp to the publication.
        """
        with self._lock:
            self._outputs += 1
            self._label = ''
            self._latencies.append(latency)

    def registered(self, score: float, usual: float, drifted: bool) -> None:
        """Note how well the two cameras agree, as RegistrationSnapshot says."""
        with self._lock:
            self._registration = RegistrationSnapshot(score, usual, drifted)

    def failed(self, reason: str) -> None:
        """Count an inference that failed."""
        with self._lock:
            self._failures += 1
            self._failure = reason
        self.dropped('inference')

    def notice(self, topic: str, text: str) -> None:
        """Keep a line about a topic, as an incompatible QoS, for the next report."""
        with self._lock:
            self._notices[topic] = text

    def snapshot(self) -> Snapshot:
        """Return everything counted, and start a new period."""
        with self._lock:
            now = time.monotonic()
            elapsed = max(now - self._period_start, 1e-9)
            unmatched = {f'unmatched_{name}': topic.accepted - topic.matched
                         for name, topic in self._topics.items()}
            snapshot = Snapshot(
                visible=self._topic_snapshot('visible', now, elapsed),
                thermal=self._topic_snapshot('thermal', now, elapsed),
                pairs=self._pairs, since_pair=now - self._last_pair,
                pair_rate=(self._pairs - self._pairs_before) / elapsed,
                output_rate=(self._outputs - self._outputs_before) / elapsed,
                last_offset=self._last_offset, offsets=self._offsets,
                smallest_offset=self._smallest_offset,
                drops={**self._drops, **unmatched}, new_drops=self._new_drops,
                time_jumps=self._time_jumps, new_jumps=dict(self._new_jumps),
                latencies=self._latencies, engine_times=self._engine_times,
                engine_cpu=self._engine_cpu, batches=self._batches, label=self._label,
                busy_for=0.0 if self._begun is None else now - self._begun,
                failures=self._failures, failure=self._failure,
                failing=self._failures > FAILURES_TOLERATED, notices=dict(self._notices),
                ahead=self._ahead, frozen=self._frozen, estimate=self._estimate,
                alone={name: topic.alone for name, topic in self._topics.items()},
                registration=self._registration)
            # What keeps an input topic silent is said for as long as it is silent.
            self._notices = {name: text for name, text in self._notices.items()
                             if name in self._topics and not self._topics[name].arrived}
            self._period_start = now
            self._pairs_before, self._outputs_before = self._pairs, self._outputs
            self._start_period()
        return snapshot

    def _topic_snapshot(self, name: str, now: float, elapsed: float) -> TopicSnapshot:
        topic = self._topics[name]
        rate = (topic.arrived - topic.arrived_before) / elapsed
        topic.arrived_before = topic.arrived
        useful = self._started if topic.last_use is None else topic.last_use
        if topic.failing_since is not None:
            useful = min(useful, topic.failing_since)
        return TopicSnapshot(
            arrived=topic.arrived, accepted=topic.accepted, rate=rate,
            silent_for=now - (self._started if topic.last_arrival is None else topic.last_arrival),
            useless_for=now - useful,
            last_stamp=topic.last_stamp)
