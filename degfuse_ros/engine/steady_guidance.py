# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Guidance that is not looked for in every frame, and neither jumps nor flutters."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from degfuse_ros.network.dagm import Guidance
from degfuse_ros.network.fusion_network import FusionNetwork, Routing
from degfuse_ros.network.gate import Assignment, GateDecision
from degfuse_ros.network.inference import Judge

SMOOTHING = 0.5
"""Share of the newest look: a lasting change has 94 % of its effect after four looks, two thirds
of a second at 30 Hz and period 5, while a single odd frame has half."""

ROUTING_LEAD = 0.2
"""Logits by which an expert must beat one in use. On the built-in stream, 270 looks at 6 Hz,
layers change their experts 984 times without smoothing and lead, and take 301 of these changes
back with the next look; smoothing leaves 570 and 99, this lead 269 and 9 (lite: 812 and 241, 448
and 67, 242 and 6). Logits spread by 1.3 (lite 1.9), so that what is kept is nearly as good."""

CLASS_LEAD = 0.1
"""Probability by which a class must beat the last one, for scenes that are about as much one as
the other. On the built-in stream the class changes 8 times (the truth 6), with it or not."""


@dataclass
class GuidanceMemory:
    """What earlier looks left, a row per pair of a batch; all of it changes in place.

    Captured graphs write into these very tensors.

    Attributes:
        vector: B x 512, smoothed.
        scores: B x 5, smoothed; sums to 1.
        severity: B x 4, smoothed.
        favour: L x B x M, lead of the experts in use, in logits.
        share: scalar, the next look's share: 1 for the first.
        empty: nothing was looked at yet.
    """

    vector: Tensor
    scores: Tensor
    severity: Tensor
    favour: Tensor
    share: Tensor
    empty: bool = True

    @classmethod
    def build(cls, batch: int, network: FusionNetwork, device: torch.device) -> GuidanceMemory:
        """Make an empty memory for a batch."""
        config, layers = network.config, len(network.layer_names)
        sizes = (batch, config.guidance_dim), (batch, 5), (batch, 4)
        vector, scores, severity = (torch.zeros(size, device=device) for size in sizes)
        favour = torch.zeros(layers, batch, len(config.kernels), device=device)
        return cls(vector, scores, severity, favour, torch.ones((), device=device))

    def rows(self, first: int, end: int) -> GuidanceMemory:
        """Return some pairs' part, which shares this memory's tensors."""
        return GuidanceMemory(self.vector[first:end], self.scores[first:end],
                              self.severity[first:end], self.favour[:, first:end], self.share)

    def clear(self) -> None:
        """Forget. The next look counts in full."""
        self.favour.zero_()
        self.share.fill_(1.0)
        self.empty = True

    def looked(self) -> None:
        """Note that a look was taken in: the next ones are smoothed."""
        if self.empty:
            self.share.fill_(SMOOTHING)
            self.empty = False

    def absorb(self, seen: Guidance) -> None:
        """Take a look in. No host values, so that a graph can hold it."""
        self.vector.lerp_(seen.vector, self.share)
        self.scores.lerp_(seen.scores, self.share)
        self.severity.lerp_(seen.severity, self.share)


def judge_by(network: FusionNetwork, memory: GuidanceMemory | None, look_now: bool,
             split: Callable[[GateDecision], list[Assignment]]) -> Judge:
    """Return the judge for `infer`.

    Args:
        network: decides.
        memory: of the batch; None: every look counts alone.
        look_now: run the guidance; False needs a memory that is not empty.
        split: lays the decision out by layer, as the device at hand computes it.
    """
    def judge(look: Callable[[], Guidance]) -> tuple[Guidance, Routing]:
        if memory is None:
            seen = look()
            decision = network.decide(seen.vector)
            return seen, network.lay_out(decision, split(decision))
        if look_now:
            memory.absorb(look())
        seen = Guidance(memory.vector, memory.scores, memory.severity)
        decision = network.decide(seen.vector, favour=memory.favour)
        memory.favour.zero_().scatter_(-1, decision.chosen, ROUTING_LEAD)
        return seen, network.lay_out(decision, split(decision))

    return judge


class SteadyGuidance:
    """Tells which frames look, and which class each pair of a batch is in.

    Args:
        period: every period-th frame looks. With 1 nothing is remembered from other frames.

    Raises:
        ValueError: a period that is no whole number of 1 or more.
    """

    def __init__(self, period: int) -> None:
        if not isinstance(period, int) or isinstance(period, bool) or period < 1:
            raise ValueError('guidance_period must be a whole number of frames, 1 or more. '
                             f'Got {period!r}.')
        self.period = period
        self._size: Hashable = None
        self._frame = 0
        self._labels: dict[int, int] = {}

    def reset(self) -> None:
        """Forget; the next frame looks."""
        self._size, self._frame = None, 0
        self._labels.clear()

    def start(self, size: Hashable) -> tuple[bool, bool]:
        """Begin a frame.

        Args:
            size: of the batch and its images; another one starts anew.

        Returns:
            Whether earlier frames are void, and whether this one looks.
        """
        anew = size != self._size
        if anew:
            self.reset()
            self._size = size
        look = self._frame % self.period == 0
        self._frame += 1
        return anew, look

    def label(self, row: int, scores: Sequence[float]) -> int:
        """Class of a batch's row: the best, or with a period above 1 the last unless it is beaten.

        Args:
            row: index in the batch.
            scores: 5 probabilities.
        """
        best = scores.index(max(scores))
        if self.period > 1:
            last = self._labels.get(row, best)
            if scores[best] - scores[last] < CLASS_LEAD:
                best = last
            self._labels[row] = best
        return best
