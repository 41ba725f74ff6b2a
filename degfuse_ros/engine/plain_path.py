# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The plain way of the engine: pair by pair, the chosen experts only. What a CPU does best."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.engine.fusion import Answer, Pair
from degfuse_ros.engine.steady_guidance import GuidanceMemory, judge_by
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.gate import Assignment, GateDecision, assign
from degfuse_ros.network.inference import blend, infer


def _split(decision: GateDecision) -> list[Assignment]:
    return assign(decision, single=True)


class PlainPath:
    """Runs the modules on a CPU; in float32 it is the reference for every other way.

    Args:
        guidance: of the model; always in float32.
        network: of the model.
        period: every how many frames the guidance runs; above 1 it is passed on between them.
        precision: of the network's convolutions.
    """

    execution = 'plain'
    memory_fallbacks = 0
    problem = ''
    warm_up_frames = 1
    compiling = False

    def __init__(self, guidance: DegradationGuidance, network: FusionNetwork,
                 period: int, precision: torch.dtype = torch.float32) -> None:
        self._precision = precision
        self._guidance, self._network, self._remember = guidance, network, period > 1
        self._memories: list[GuidanceMemory | None] = []

    def fuse(self, pairs: list[Pair], anew: bool, look: bool) -> list[Answer]:
        """Fuse pairs of one size.

        Args:
            pairs: checked.
            anew: earlier frames are void.
            look: run the guidance.
        """
        if anew or len(self._memories) != len(pairs):
            device = torch.device('cpu')
            self._memories = [GuidanceMemory.build(1, self._network, device)
                              if self._remember else None for _ in pairs]
        with torch.inference_mode(), torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            return [self._fuse(pair, memory, look)
                    for pair, memory in zip(pairs, self._memories)]

    def _fuse(self, pair: Pair, memory: GuidanceMemory | None, look: bool) -> Answer:
        visible, thermal = _tensor(pair.visible), _tensor(pair.thermal)
        height, width = thermal.shape
        look = look or (memory is not None and memory.empty)
        enhanced, fused, known, routing = infer(
            self._guidance, self._network,
            visible.permute(2, 0, 1).unsqueeze(0) / 255,  # 1 x 3 x H x W
            thermal[None, None] / 255,  # 1 x 1 x H x W
            torch.autocast('cpu', self._precision, self._precision != torch.float32),
            judge_by(self._network, memory, look, _split))
        if memory is not None:
            memory.looked()
        coverage = None if pair.coverage is None else _tensor(pair.coverage)[None]
        image = blend(enhanced, fused, coverage)[..., :height, :width]
        pixels = (image * 255).round().to(torch.uint8)[0].permute(1, 2, 0)  # H x W x 3
        return Answer(
            image=np.ascontiguousarray(pixels.numpy()), scores=known.scores[0].tolist(),
            severity=known.severity[0].tolist(), routing=routing.decision.gates[:, 0].numpy())

    def reset(self) -> None:
        """Nothing was prevented."""

    def close(self) -> None:
        """Let go of the modules."""
        del self._guidance, self._network


def _tensor(image: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
    # A private copy: torch cannot view read-only or negatively strided arrays.
    return torch.from_numpy(np.array(image, order='C')).float()
