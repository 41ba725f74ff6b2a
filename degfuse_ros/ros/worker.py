# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thread in which pairs are fused."""

import threading
from collections.abc import Callable

from degfuse_ros.ros.mailbox import Mailbox
from degfuse_ros.ros.pair import Pair

# Far longer than the slowest image on a CPU: reached only where the device hangs.
STOP_TIMEOUT = 30.0


class Worker:
    """Takes the newest pair from a mailbox of one and processes it, one at a time."""

    def __init__(self, process: Callable[[Pair], None]) -> None:
        """Start.

        Args:
            process: is given each pair; must not raise.
        """
        self._mailbox: Mailbox[Pair] = Mailbox()
        self._process = process
        # A daemon, so that a hung device cannot keep a stopped node alive.
        self._thread = threading.Thread(target=self._run, name='fusion', daemon=True)
        self._thread.start()

    def put(self, pair: Pair) -> bool:
        """Leave a pair for the worker; return True where an older one was dropped for it."""
        return self._mailbox.put(pair)

    def stop(self) -> None:
        """Finish the pair at hand, drop the one that waits, and end the thread.

        Raises:
            RuntimeError: the thread did not end.
        """
        self._mailbox.close()
        self._thread.join(STOP_TIMEOUT)
        if self._thread.is_alive():
            raise RuntimeError(f'the fusion thread did not end within {STOP_TIMEOUT:.0f} s: the '
                               'device hangs. Restart the node')

    def _run(self) -> None:
        while True:
            pair = self._mailbox.take()
            if pair is None:
                return
            self._process(pair)
