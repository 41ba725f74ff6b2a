# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The processes that a command has started, by what the kernel says of them."""
from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LISTENS = '0A'  # state of a socket in /proc/net/tcp


def descendants(number: int) -> list[int]:
    """Return the processes below a process."""
    children: dict[int, list[int]] = {}
    for folder in Path('/proc').glob('[0-9]*'):
        with suppress(OSError):
            parent = (folder / 'stat').read_text().rpartition(')')[2].split()[1]
            children.setdefault(int(parent), []).append(int(folder.name))
    found = []
    waiting = [number]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def variable(number: int, name: str) -> str | None:
    """Return an environment variable that a process was started with."""
    entries = Path(f'/proc/{number}/environ').read_text().split('\0')
    return dict(entry.partition('=')[::2] for entry in entries).get(name)


def listening(number: int) -> set[str]:
    """Return the addresses, as /proc has them, at which a process takes connections."""
    sockets = set()
    with suppress(OSError):
        for link in Path(f'/proc/{number}/fd').iterdir():
            with suppress(OSError):
                sockets.add(os.readlink(link))
    found = set()
    for table in ('tcp', 'tcp6'):
        for line in Path(f'/proc/{number}/net/{table}').read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and f'socket:[{fields[9]}]' in sockets:
                found.add(fields[1].partition(':')[0])
    return found
