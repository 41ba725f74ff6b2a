# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A training step's forward and backward pass as one CUDA graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

# Passes before the capture: libraries set themselves up during the first ones (PyTorch's notes on
# CUDA graphs ask for three).
WARM_UP = 3


def _tensors(batch: Any) -> dict[str, Tensor]:
    return {field.name: value for field in dataclasses.fields(batch)
            if isinstance(value := getattr(batch, field.name), Tensor)}


class CapturedGradients:
    """Computes loss terms and gradients of a batch by replaying a CUDA graph.

    A step of stage 2 is thousands of small kernels. The host takes 130 ms to launch them one by
    one, of which an H100 computes 70; replayed, the GPU does not wait.

    Args:
        gradients: called with a batch; fills the gradients of `weights` and returns the loss terms
            by name. All shapes and all that is not a tensor must be the same in every batch, and
            nothing in it may wait for the device.
        weights: whose gradients are kept in place.
    """

    def __init__(self, gradients: Callable[[Any], dict[str, Tensor]],
                 weights: Sequence[Tensor]) -> None:
        self._gradients, self._weights = gradients, weights
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch: Any = None
        self._terms: dict[str, Tensor] = {}

    def __call__(self, batch: Any) -> dict[str, Tensor]:
        """Return the loss terms of a batch; they are overwritten by the next call.

        Args:
            batch: dataclass of tensors on the GPU and of plain values.
        """
        if self._graph is None:
            self._capture(batch)
        for name, value in _tensors(batch).items():
            getattr(self._batch, name).copy_(value)
        assert self._graph is not None
        self._graph.replay()
        return self._terms

    def _clear(self) -> None:
        for weight in self._weights:
            weight.grad = None

    def _capture(self, batch: Any) -> None:
        own = {name: value.clone() for name, value in _tensors(batch).items()}
        self._batch = dataclasses.replace(batch, **own)
        random = torch.cuda.get_rng_state()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._clear()
                self._gradients(self._batch)
        torch.cuda.current_stream().wait_stream(stream)
        self._clear()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._terms = self._gradients(self._batch)
        # The first replay draws what a later one would: a run that goes on has another first step.
        torch.cuda.set_rng_state(random)
