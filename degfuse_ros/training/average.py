# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The moving average of the weights: what is validated and saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


class MovingAverage:
    """Exponential moving average of weights, warm from the first step on.

    The decay of update n (from 0) is min(decay, (1 + n) / (10 + n)), so that short runs average
    over their own length and nothing is left of the random start (the schedule of TensorFlow's
    ExponentialMovingAverage).

    Args:
        weights: trained tensors, which change in place.
        decay: of a long run; 0 keeps the newest weights.
    """

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        self._weights, self._decay = list(weights), decay
        self.values = [weight.detach().clone() for weight in self._weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after a step, numbered from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.values, self._weights, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the weights' place for a while."""
        with torch.no_grad():
            kept = [weight.detach().clone() for weight in self._weights]
            torch._foreach_copy_(self._weights, self.values)
            try:
                yield
            finally:
                torch._foreach_copy_(self._weights, kept)
