# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Compilation beside the stream of images: in a thread, with its results kept on the disk."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Hashable
from pathlib import Path

import torch
from torch import Tensor

Forward = Callable[..., Tensor]

SWITCH_INTERVAL = 5e-4
"""Seconds. A frame needs the interpreter many times, each time for up to Python's own 5 ms."""

NEVER = 2**30
"""Younger collections before a full one: more than there will be."""


class BackgroundCompiler:
    """Compiles a forward pass for one shape after another, never in the caller's thread.

    Args:
        forward: what is compiled.

    Attributes:
        problem: why the last compilation failed; '' if it did not.
    """

    def __init__(self, forward: Forward) -> None:
        # torch's own place is below /tmp, which a robot loses when it is switched off.
        caches = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
        os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', str(caches / 'degfuse_ros' / 'inductor'))
        self._forward = forward
        self._thread: threading.Thread | None = None
        self._ready: dict[Hashable, Forward] = {}
        self._begun: set[Hashable] = set()
        self.problem = ''

    @property
    def busy(self) -> bool:
        """Whether a compilation runs. Nothing may be captured meanwhile: it waits for the GPU."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, key: Hashable, run: Callable[[Forward], object]) -> None:
        """Start compiling, unless this key was begun before or another one is being compiled.

        Args:
            key: of the shape.
            run: calls the forward pass that it gets with tensors of the shape.
        """
        if self.busy or key in self._begun:
            return
        self._begun.add(key)
        self._thread = threading.Thread(
            target=self._compile, args=(key, run), name='compile', daemon=True)
        self._thread.start()

    def ready(self, key: Hashable) -> Forward | None:
        """Return the compiled forward pass for a key, None before it is ready."""
        return None if self.busy else self._ready.get(key)

    def _compile(self, key: Hashable, run: Callable[[Forward], object]) -> None:
        try:
            with _MANNERS:
                # fullgraph: what torch cannot compile is an error, not silently run uncompiled.
                compiled = torch.compile(self._forward, dynamic=False, fullgraph=True)
                run(compiled)
        except Exception as error:  # no compiler on this machine, a shape that it cannot do
            self.problem = f'not compiled: {" ".join(str(error).split())[:200]}'
        else:
            self._ready[key] = _never_compiling(compiled)


class _Manners:
    """Has the threads that compile stop the others only shortly; one for the process.

    A full garbage collection stops all threads, for 0.2 to 0.5 s with the half a million objects
    that torch makes while it compiles. Watched on a CPU, nothing else stopped them longer than
    60 ms. All objects that there are afterwards are left out of later collections: torch's would
    stop a frame again, and no fewer of them stay with full collections than without.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._usual = (0.0, (0, 0, 0))

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._usual = sys.getswitchinterval(), gc.get_threshold()
            sys.setswitchinterval(SWITCH_INTERVAL)
            gc.set_threshold(*self._usual[1][:2], NEVER)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            gc.freeze()
            interval, thresholds = self._usual
            sys.setswitchinterval(interval)
            gc.set_threshold(*thresholds)


_MANNERS = _Manners()


def _never_compiling(compiled: Forward) -> Forward:
    """Where the compiled code does not fit, run plainly rather than keep an image waiting."""
    def call(*arguments: object) -> Tensor:
        with torch.compiler.set_stance('eager_on_recompile'):
            return compiled(*arguments)

    return call
