# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Child processes that end when their parent is done with them, however it ends."""
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from degfuse_ros.cli.command_error import CommandError

# Seconds that a child has for a polite end, before it is killed.
_PATIENCE = 8.0
_LAST_LINES = 8


class Children:
    """A context in which Python modules run as processes of their own.

    Leaving it ends those that still run: by SIGINT, and after a while by SIGKILL.

    Args:
        logs: folder for one log file per child.
    """

    def __init__(self, logs: Path) -> None:
        """Start nothing yet."""
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._former: Any = None

    def __enter__(self) -> 'Children':
        """Let SIGTERM end this process by way of __exit__."""
        self._former = signal.signal(signal.SIGTERM, _terminate)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End every child."""
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for child in self._running.values():
                if child.poll() is None:
                    child.send_signal(signal.SIGINT)
            for child in self._running.values():
                try:
                    child.wait(_PATIENCE)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        finally:
            signal.signal(signal.SIGINT, former)
            signal.signal(signal.SIGTERM, self._former)

    def start(self, name: str, module: str, *arguments: str) -> None:
        """Run `python -m module arguments`; its output goes to NAME.log."""
        with (self._logs / f'{name}.log').open('wb') as log:
            # A session of its own: Ctrl-C reaches this process alone, which then ends the child.
            self._running[name] = subprocess.Popen(
                [sys.executable, '-m', module, *arguments], stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True)

    def runs(self, name: str) -> bool:
        """Tell whether a child still runs.

        Raises:
            CommandError: it has ended with an error; the last lines of its log follow the message.
        """
        status = self._running[name].poll()
        if status:
            raise CommandError(f'{name} ended with status {status}; its last lines:\n'
                          f'{self.last_lines(name)}')
        return status is None

    def require(self, *names: str) -> None:
        """Make sure that children run.

        Raises:
            CommandError: one has ended, with or without an error.
        """
        for name in names:
            if not self.runs(name):
                raise CommandError(f'{name} ended before its time; its last lines:\n'
                              f'{self.last_lines(name)}')

    def process(self, name: str) -> int:
        """Return a child's process number."""
        return self._running[name].pid

    def log(self, name: str) -> str:
        """Return what a child has written so far."""
        return (self._logs / f'{name}.log').read_text(errors='replace')

    def last_lines(self, name: str) -> str:
        """Return the end of a child's log, indented."""
        lines = self.log(name).strip().splitlines()[-_LAST_LINES:]
        return '\n'.join(f'    {line}' for line in lines) or '    (nothing)'


def _terminate(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)
