# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""When a run has to end before its last step."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any

# The processes of a parallel run ask each other this often, since that waits for the device.
AGREE_EVERY = 10


class TrainingStopped(Exception):  # noqa: N818 -- it is no error
    """Training ended before its last step, with a checkpoint; the message is one line.

    Attributes:
        status: exit status of a command: 0 where it was to stop, 128 + N after signal N.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class StopRequest:
    """Notices the end of the time, Ctrl-C and a polite kill; a second signal ends at once.

    Use it as a context manager, so that signals have their old meaning afterwards.

    Args:
        minutes: time for the run, from the making of this object on; None for no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self._minutes, self._start = minutes, time.monotonic()
        self._signal = 0
        self._old: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        # Python allows handlers in the main thread alone.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._old = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        self.__exit__()

    def wanted(self) -> bool:
        """Tell whether the run has to end."""
        return bool(self._signal) or self._out_of_time()

    def _out_of_time(self) -> bool:
        return self._minutes is not None and \
            time.monotonic() - self._start >= 60 * self._minutes

    def stopped(self, step: int, steps: int, checkpoint: object) -> TrainingStopped:
        """Return the exception that ends the run after `step` steps."""
        if self._signal:
            reason, status = signal.Signals(self._signal).name, 128 + self._signal
        else:
            reason, status = f'minutes={self._minutes:g}' if self._out_of_time() else 'asked', 0
        return TrainingStopped(
            f'stopped after step {step} of {steps} ({reason}); checkpoint: {checkpoint}', status)
