# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thread in which pairs are fused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from degfuse_ros.ros.mailbox import Mailbox
from degfuse_ros.ros.pair import Pair

if TYPE_CHECKING:
    from degfuse_ros.ros.rig import Rig

# Far longer than the slowest image on a CPU: reached only where the device hangs.
STOP_TIMEOUT = 30.0


class Worker:
    """Takes the newest pair of each rig, and processes those that are there together."""

    def __init__(self, process: Callable[[Mapping[Rig, Pair]], None],
                 wait: Callable[[], float] = lambda: 0.0) -> None:
        """Start.

        Args:
            process: is given pairs by rig; must not raise.
            wait: returns how long a pair may wait for one of another rig that is due, in seconds.
        """
        self._mailbox: Mailbox[Rig, Pair] = Mailbox(wait)
        self._process = process
        # A daemon, so that a hung device cannot keep a stopped node alive.
        self._thread = threading.Thread(target=self._run, name='fusion', daemon=True)
        self._thread.start()

    def put(self, rig: Rig, pair: Pair) -> bool:
        """Leave a rig's pair; return True where an older one was dropped for it."""
        return self._mailbox.put(rig, pair)

    def stop(self) -> None:
        """Finish the pairs at hand, drop those that wait, and end the thread.

        Raises:
            RuntimeError: the thread did not end.
        """
        self._mailbox.close()
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            raise RuntimeError(f'the fusion thread did not end within {STOP_TIMEOUT:.0f} s: the '
                               'device hangs. Restart the node')

    def _run(self) -> None:
        while pairs := self._mailbox.take():
            self._process(pairs)
