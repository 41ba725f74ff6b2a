# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A fleet's bags fused in this process, one after the other."""
from __future__ import annotations

from degfuse_ros.bags.fuse_bag import BagJob
from degfuse_ros.fleet.worker import Outcome, Worker


class Here:
    """Workers, as a fleet wants them: one, which is this process."""

    def __init__(self, worker: Worker) -> None:
        """Load the engine.

        Raises:
            BagError: there is none.
        """
        self._worker = worker
        self._name = worker.load()
        self._job: BagJob | None = None

    def free(self) -> str:
        """Return the name of a worker that has nothing to do; '' for none."""
        return '' if self._job else self._name

    def submit(self, worker: str, job: BagJob) -> None:
        """Keep a bag for `next`."""
        self._job = job

    def next(self) -> Outcome | None:
        """Fuse the bag."""
        job, self._job = self._job, None
        return self._worker.fuse(job) if job else None
