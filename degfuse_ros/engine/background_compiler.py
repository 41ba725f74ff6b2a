# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Compilation beside the stream of images: in a thread, with its results kept on the disk."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable
from pathlib import Path

import torch
from torch import Tensor

Forward = Callable[..., Tensor]

SWITCH_INTERVAL = 5e-4
"""Seconds: with Python's own 5 ms single frames waited for 0.6 s on an H100."""


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
        # Python lets a thread keep the interpreter for 5 ms, and a frame needs it many times.
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_INTERVAL)
        try:
            # fullgraph: what torch cannot compile is an error, not silently run uncompiled.
            compiled = torch.compile(self._forward, dynamic=False, fullgraph=True)
            run(compiled)
        except Exception as error:  # no compiler on this machine, a shape that it cannot do
            self.problem = f'not compiled: {" ".join(str(error).split())[:200]}'
        else:
            self._ready[key] = _never_compiling(compiled)
        finally:
            sys.setswitchinterval(usual)


def _never_compiling(compiled: Forward) -> Forward:
    """Where the compiled code does not fit, run plainly rather than keep an image waiting."""
    def call(*arguments: object) -> Tensor:
        with torch.compiler.set_stance('eager_on_recompile'):
            return compiled(*arguments)

    return call
