# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The fast way of the engine: batches through buffers that stay, replayed as CUDA graphs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.engine.background_compiler import BackgroundCompiler, Forward
from degfuse_ros.engine.device import is_out_of_memory, one_line
from degfuse_ros.engine.errors import DeviceError
from degfuse_ros.engine.fusion import Answer, Pair
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.engine.steady_guidance import GuidanceMemory

WARM_RUNS = 3
"""Images served before a capture: libraries load kernels and choose algorithms in the first runs,
which a capture forbids. CUDA's own advice is three."""

KEPT_SIZES = 4
"""Sizes whose buffers and graphs stay; each may hold a few hundred MiB. A rig has one or two."""

Size = tuple[int, int, int, bool]
"""Batch, height, width, and whether a coverage comes with the pairs."""


class DeviceCalls(Protocol):
    """What `CudaCalls` does. A test puts the CPU in its place."""

    device: torch.device

    def active(self) -> AbstractContextManager[None]:
        """Make the device current."""

    def pinned(self, *shape: int, dtype: torch.dtype = torch.uint8) -> Tensor:
        """Return memory of the host that the device copies from and to by itself."""

    def wait(self) -> None:
        """Wait for the device."""

    def capture(self, run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record a graph."""

    def free(self) -> None:
        """Give memory back."""


def stage_image(target: Tensor, image: NDArray[Any]) -> None:
    """Copy an image into staging memory.

    Args:
        target: uint8 or float32 of the image's shape, on the host.
        image: of the same type.
    """
    # By one thread. PyTorch's threads fall asleep between the frames of a camera: two of them took
    # 0.18 ms for a 640 x 480 image every 16 ms, one in twenty times 8 ms; NumPy takes 0.06 ms.
    np.copyto(target.numpy(), image)


def _send(target: Tensor, staged: Tensor, image: NDArray[Any] | None) -> None:
    """Start copying an image, or ones, to the device through staging memory."""
    if image is None:
        staged.fill_(1.0)
    else:
        stage_image(staged, image)
    target.copy_(staged, non_blocking=True)


@dataclass
class _Program:
    """One forward pass of a slot, with a look at the images or without."""

    forward: Forward
    runs: int = 0
    replay: Callable[[], Tensor] | None = None
    refused: bool = False  # could not be captured


@dataclass
class _Slot:
    """Buffers and graphs of one size; graphs know the buffers by address."""

    visible: Tensor  # B x H x W x 3, on the device
    thermal: Tensor  # B x H x W, on the device
    coverage: Tensor | None  # B x H x W float32, on the device
    staged_visible: Tensor
    staged_thermal: Tensor
    staged_coverage: Tensor | None
    memory: GuidanceMemory | None
    plain: dict[bool, _Program] = field(default_factory=dict)  # by whether it looks
    compiled: dict[bool, _Program] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        """What the slot is for."""
        batch, height, width = self.thermal.shape
        return batch, height, width, self.coverage is not None

    def fill(self, pairs: list[Pair]) -> None:
        """Copy pairs to the device; each image is on its way while the next one is staged."""
        for row, pair in enumerate(pairs):
            _send(self.visible[row], self.staged_visible[row], pair.visible)
            _send(self.thermal[row], self.staged_thermal[row], pair.thermal)
            if self.coverage is not None and self.staged_coverage is not None:
                _send(self.coverage[row], self.staged_coverage[row], pair.coverage)


class FastPath:
    """Serves the first images of a size eagerly, then captures, then replays.

    Out of memory it lets graphs go, then takes fewer pairs at a time, until `reset`.

    Args:
        forward: on the device.
        calls: of the device.
        period: every how many frames the guidance runs; above 1 it is passed on between them.
        compiler: None: nothing is compiled.

    Attributes:
        execution: how the last batch was computed: 'eager', 'graph' or 'compiled graph'.
        memory_fallbacks: how often the device had too little memory.
        problem: why something slower than possible runs; '' if nothing is wrong.
        warm_up_frames: frames after which a new size takes its usual time.
    """

    def __init__(self, forward: StagedForward, calls: DeviceCalls, period: int,
                 compiler: BackgroundCompiler | None = None) -> None:
        self._forward, self._calls, self._remember = forward, calls, period > 1
        self.warm_up_frames = (WARM_RUNS + 1) * period
        self._compiler = compiler
        self._slots: OrderedDict[Size, _Slot] = OrderedDict()
        self.execution, self.memory_fallbacks, self._problem = 'eager', 0, ''
        self._graphs, self._most = True, 0

    @property
    def problem(self) -> str:
        """Why something slower than possible runs."""
        return self._problem or (self._compiler.problem if self._compiler else '')

    @property
    def compiling(self) -> bool:
        """Whether compiled code is still to come."""
        return (self._compiler is not None and self._graphs and not self.problem
                and self.execution != 'compiled graph')

    def reset(self) -> None:
        """Try again what too little memory prevented."""
        self._graphs, self._most, self._problem = True, 0, ''

    def fuse(self, pairs: list[Pair], anew: bool, look: bool) -> list[Answer]:
        """Fuse pairs of one size.

        Args:
            pairs: checked.
            anew: earlier frames are void.
            look: run the guidance.

        Raises:
            DeviceError: not even one pair fits into the memory.
        """
        with self._calls.active():
            while True:
                try:
                    return self._serve(pairs, anew, look)
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    reason = one_line(error)
                # Outside the handler, whose traceback keeps the failed attempt's tensors alive.
                self._save_memory(len(pairs), reason)

    def close(self) -> None:
        """Give the device's memory back."""
        self._slots.clear()
        del self._forward, self._compiler
        self._calls.free()

    def _save_memory(self, batch: int, reason: str) -> None:
        """Take the next smaller way, or give up."""
        self.memory_fallbacks += 1
        most = min(self._most or batch, batch)
        if not self._graphs and most == 1:
            raise DeviceError(f'{self._calls.device} has too little memory for a single pair: '
                              f"{reason}. Free some, use smaller images or device 'cpu'.")
        if self._graphs:
            self._graphs = False
        else:
            self._most = most = (most + 1) // 2
        self._problem = f'out of memory: no graphs, {most} at a time'
        self._slots.clear()
        self._calls.free()

    def _serve(self, pairs: list[Pair], anew: bool, look: bool) -> list[Answer]:
        height, width = pairs[0].thermal.shape
        covered = any(pair.coverage is not None for pair in pairs)
        slot = self._slot((len(pairs), height, width, covered))
        if slot.memory is not None and anew:
            slot.memory.clear()
        slot.fill(pairs)
        blocks = self._run(slot, look or (slot.memory is not None and slot.memory.empty))
        answers = self._bring(blocks)
        if slot.memory is not None:
            slot.memory.looked()
        return [self._forward.unpack(block, height, width) for block in answers]

    def _bring(self, blocks: Tensor) -> Tensor:
        """Wait for blocks and copy them into new memory of the host, of which images are views."""
        try:
            answers = self._calls.pinned(*blocks.shape)
        except RuntimeError as error:  # somebody keeps very many images
            if not is_out_of_memory(error):
                raise
            answers = torch.empty_like(blocks, device='cpu')
        # Waiting, so that PyTorch notes no stream on this memory. Else whoever drops the last
        # image, in whatever thread, would record an event: into a graph if one is being captured,
        # and where the device is lost that ends the process.
        return answers.copy_(blocks)

    def _slot(self, size: Size) -> _Slot:
        if size not in self._slots:
            while len(self._slots) >= KEPT_SIZES:
                self._slots.popitem(last=False)
            batch, height, width, covered = size
            pinned, shape = self._calls.pinned, (batch, height, width)
            self._slots[size] = _Slot(
                *self._images(size), pinned(*shape, 3), pinned(*shape),
                pinned(*shape, dtype=torch.float32) if covered else None, self._memory(batch))
        self._slots.move_to_end(size)
        return self._slots[size]

    def _images(self, size: Size) -> tuple[Tensor, Tensor, Tensor | None]:
        *shape, covered = size
        device = self._calls.device
        return (torch.zeros(*shape, 3, dtype=torch.uint8, device=device),
                torch.zeros(*shape, dtype=torch.uint8, device=device),
                torch.zeros(*shape, device=device) if covered else None)

    def _memory(self, batch: int) -> GuidanceMemory | None:
        if not self._remember:
            return None
        return GuidanceMemory.build(batch, self._forward.network, self._calls.device)

    def _run(self, slot: _Slot, look: bool) -> Tensor:
        """Compute a slot's blocks, B x P on the device, the fastest way that is ready."""
        program = slot.plain.setdefault(look, _Program(self._forward))
        kind = 'graph'
        if self._compiler is not None and self._graphs and self._compiled(
                self._compiler, slot, look, program):
            program, kind = slot.compiled[look], 'compiled graph'
        run = partial(self._in_parts, program.forward, slot, look)
        busy = self._compiler is not None and self._compiler.busy
        wanted = self._graphs and not program.refused and not busy
        if program.replay is None and program.runs >= WARM_RUNS and wanted:
            self._capture(program, run)
        program.runs += 1
        if program.replay is None:
            self.execution = 'eager'
            return run()
        self.execution = kind
        return program.replay()

    def _capture(self, program: _Program, run: Callable[[], Tensor]) -> None:
        try:
            program.replay = self._calls.capture(run)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            program.refused = True  # a lost device fails again, eagerly
            self._problem = f'no graph: {one_line(error)}'
        else:
            # What the eager runs used: the graph has memory of its own.
            self._calls.free()

    def _compiled(self, compiler: BackgroundCompiler, slot: _Slot, look: bool,
                  plain: _Program) -> bool:
        """Tell whether a slot's compiled program is to be used; have it made."""
        program = slot.compiled.get(look)
        if program is not None and program.replay is not None:
            if plain.replay is not None:
                plain.replay = None
                self._calls.free()  # a graph of the same size takes its place
            return True
        if plain.replay is None or compiler.busy or (program is not None and program.refused):
            return False  # first what is quickly had
        size = (*slot.size, look)
        forward = compiler.ready(size)
        if forward is None:
            compiler.begin(size, partial(self._try_out, slot, look))
            return False
        slot.compiled.setdefault(look, _Program(forward))
        return True

    def _try_out(self, slot: _Slot, look: bool, forward: Forward) -> None:
        """Call a forward pass, in another thread, with tensors like a slot's and none of them."""
        visible, thermal, coverage = self._images(slot.size)
        with torch.no_grad():
            forward(visible, thermal, self._memory(len(thermal)), look, coverage)

    def _in_parts(self, forward: Forward, slot: _Slot, look: bool) -> Tensor:
        batch, memory = len(slot.thermal), slot.memory
        most = self._most or batch
        parts = []
        for first in range(0, batch, most):
            end = first + most
            parts.append(forward(slot.visible[first:end], slot.thermal[first:end],
                                 memory.rows(first, end) if memory is not None else None, look,
                                 slot.coverage[first:end] if slot.coverage is not None else None))
        return parts[0] if len(parts) == 1 else torch.cat(parts)
