# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The calls that only a GPU answers: streams, pinned memory, graphs. No decisions here."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar('T')


class CudaCalls:
    """One GPU, used on streams of our own: a graph cannot be captured on the default stream.

    Args:
        device: 'cuda:N'.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        torch.cuda.synchronize(device)  # the weights, which came on the default stream
        self._stream, self._side = torch.cuda.Stream(device), torch.cuda.Stream(device)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Work on our stream, without autograd, and with the same kernels every time."""
        with torch.no_grad(), torch.cuda.device(self.device), torch.cuda.stream(self._stream), \
                torch.backends.cudnn.flags(
                    enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield

    def pinned(self, *shape: int, dtype: torch.dtype = torch.uint8) -> Tensor:
        """Return host memory that the GPU copies from and to by itself."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def wait(self) -> None:
        """Wait for everything on our stream."""
        self._stream.synchronize()

    def capture(self, run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record `run`, which ran on our stream before, as a graph.

        Not by `torch.cuda.graph`, which in older versions collects garbage first: a stall in the
        middle of a stream of images.

        Returns:
            A function that replays the graph and returns the tensor that `run` returned, with new
            content.
        """
        self.wait()
        graph, collecting = torch.cuda.CUDAGraph(), gc.isenabled()
        gc.disable()  # what a collection frees may call what a capture forbids
        try:
            # thread_local: what other threads do with the GPU does not spoil the capture.
            graph.capture_begin(capture_error_mode='thread_local')
            try:
                result = run()
            except BaseException:
                with suppress(RuntimeError):
                    graph.capture_end()
                raise
            graph.capture_end()
        finally:
            if collecting:
                gc.enable()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay

    def aside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Run `work` on a second stream, beside what our own gets until its result is asked for.

        Between a start and its end neither stream may give memory back that the other one uses;
        what one of them gives back later, it uses again after the other has been waited for. So
        the result must be asked for in any case, also where what runs beside it fails.
        """
        self._side.wait_stream(self._stream)
        try:
            with torch.cuda.stream(self._side):
                result = work()
        except BaseException:
            self._stream.wait_stream(self._side)  # a capture cannot end without
            raise

        def join() -> T:
            self._stream.wait_stream(self._side)
            return result

        return join

    def free(self) -> None:
        """Give memory that nothing uses back to the device."""
        torch.cuda.empty_cache()
