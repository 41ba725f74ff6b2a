# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Many bags and a few workers: who fuses what, what is tried again, what is left."""
from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from degfuse_ros.bags.bag_summary import SUMMARY
from degfuse_ros.bags.fuse_bag import BagJob
from degfuse_ros.fleet.inputs import size_of
from degfuse_ros.fleet.manifest import Manifest
from degfuse_ros.fleet.worker import Outcome


class Workers(Protocol):
    """Who fuses."""

    def free(self) -> str:
        """Return the name of a worker that has nothing to do; '' for none."""

    def submit(self, worker: str, job: BagJob) -> None:
        """Give it a bag."""

    def next(self) -> Outcome | None:
        """Wait until a bag has ended, or a worker has come; None for the latter."""


@dataclass
class BagState:
    """Where one bag stands.

    Attributes:
        source: absolute path of the bag.
        status: 'waiting', 'started', 'again' (failed, will be tried again), 'failed', 'done', or
            'done before' by an earlier run.
        attempts: of this run.
        numbers: the summary's, where it is done.
        worker: who had it last.
        reason: of the last failure.
    """

    source: Path
    status: str = 'waiting'
    attempts: int = 0
    numbers: Mapping[str, Any] | None = None
    worker: str = ''
    reason: str = ''


class Fleet:
    """Fuses each bag once, or as often as its failures are worth.

    Attributes:
        bags: the state of each bag, by the name of its result.
    """

    def __init__(self, inputs: Mapping[str, Path], job: BagJob, manifest: Manifest,
                 retries: int) -> None:
        """See what an earlier run has done.

        Args:
            inputs: absolute paths of the bags, by the names of the results.
            job: what is common to all; its `out` is the folder of all results.
            manifest: of that folder.
            retries: further attempts at a bag that fails.
        """
        self._job, self._manifest, self._retries = job, manifest, retries
        self.bags = {name: BagState(source) for name, source in inputs.items()}
        for name, bag in self.bags.items():
            before, place = manifest.last.get(name), job.out / name
            if not before:
                if os.path.lexists(place) and not manifest.overwrite:
                    bag.status, bag.reason = 'failed', (
                        f'{place} exists already: give another --out, or --overwrite')
            elif before['status'] == 'done' and before['bytes'] == size_of(bag.source) \
                    and (place / 'metadata.yaml').is_file():
                bag.status, bag.numbers = 'done before', before

    @property
    def to_do(self) -> int:
        """How many bags there are to fuse."""
        return sum(bag.status == 'waiting' for bag in self.bags.values())

    def run(self, workers: Workers, tell: Callable[[str, BagState], object]) -> None:
        """Fuse what is not done yet.

        Args:
            workers: who fuses.
            tell: called with name and state after each attempt.

        Raises:
            BagError: there are no workers any more, or the manifest cannot be written.
        """
        waiting = deque(name for name, bag in self.bags.items() if bag.status == 'waiting')
        running: dict[Path, str] = {}
        while waiting or running:
            while waiting and workers.free():
                name = waiting.popleft()
                running[self._job.out / name] = name
                self._start(name, workers)
            outcome = workers.next()
            if outcome is None:
                continue
            name = running.pop(outcome.out)
            self._end(name, outcome)
            if self.bags[name].status == 'again':
                waiting.append(name)
            tell(name, self.bags[name])

    def _start(self, name: str, workers: Workers) -> None:
        """Give a bag to a free worker."""
        bag, before = self.bags[name], self._manifest.last.get(name, {})
        # What is there is of an earlier time, where it was done already or was to go before.
        overwrite = (self._manifest.overwrite or before.get('status') == 'done'
                     or before.get('overwrite', False))
        job = replace(self._job, source=bag.source, out=self._job.out / name,
                      overwrite=overwrite,
                      resume=self._job.resume or before.get('status') in ('started', 'failed'))
        bag.status, bag.worker, bag.attempts = 'started', workers.free(), bag.attempts + 1
        self._manifest.add(name, 'started', source=str(bag.source), bytes=size_of(bag.source),
                           overwrite=overwrite, attempt=bag.attempts, worker=bag.worker)
        workers.submit(bag.worker, job)

    def _end(self, name: str, outcome: Outcome) -> None:
        """Write down what came of an attempt."""
        bag = self.bags[name]
        facts = {key: value for key, value in self._manifest.last[name].items()
                 if key not in ('bag', 'status')}
        numbers = outcome.numbers
        if not numbers and not facts['overwrite']:
            numbers = _finished(bag.source, outcome.out)
        if numbers:
            bag.status, bag.reason = 'done', ''
            bag.numbers = {key: numbers[key] for key in ('pairs', 'fused', 'seconds')}
            self._manifest.add(name, 'done', **facts, **bag.numbers)
            return
        bag.status = 'again' if bag.attempts <= self._retries else 'failed'
        bag.reason = outcome.reason
        self._manifest.add(name, 'failed', **facts, reason=bag.reason)


def _finished(source: Path, out: Path) -> Mapping[str, Any]:
    """Return the summary of a bag whose worker ended after the last step, before it could tell.

    There was nothing in its place when it was first started, so that what is there is the result.
    """
    try:
        numbers = json.loads((out / SUMMARY).read_text())
    except (OSError, ValueError):
        return {}
    return numbers if numbers['source'] == str(source) else {}
