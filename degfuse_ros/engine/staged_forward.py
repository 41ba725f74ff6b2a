# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The forward pass as tensor code from end to end: bytes of a batch in, one block of bytes out.

Nothing in it waits for the device or brings values from the host, so that a CUDA graph can hold
it; nothing in it needs CUDA, so that a CPU can check it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from copy import copy

import numpy as np
import torch
from torch import Tensor, nn

from degfuse_ros.engine.fusion import Answer
from degfuse_ros.engine.steady_guidance import GuidanceMemory, judge_by
from degfuse_ros.network.config import CLASSES, DEGRADATIONS
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.gate import assign_on_device
from degfuse_ros.network.inference import Aside, blend, infer


class StagedForward:
    """Fuses batches on the device that holds the modules.

    Args:
        guidance: its tower is converted, the rest stays in float32: a rounded logit could change
            the chosen experts.
        network: its convolutions and linear layers are converted; gates and scalars stay.
        precision: of weights and convolutions.
        aside: runs the guidance beside PKDM; None: after it.
    """

    def __init__(self, guidance: DegradationGuidance, network: FusionNetwork,
                 precision: torch.dtype, aside: Aside | None = None) -> None:
        self._guidance, self.network, self._precision = guidance, network, precision
        self._aside = aside
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.to(precision)
        network.prepare_for_device()
        if precision != torch.float32:
            guidance.round_tower(precision)

    def __call__(self, visible: Tensor, thermal: Tensor, memory: GuidanceMemory | None = None,
                 look_now: bool = True, coverage: Tensor | None = None) -> Tensor:
        """Fuse a batch.

        Args:
            visible: B x H x W x 3 uint8, RGB.
            thermal: B x H x W uint8.
            memory: of the batch; changes in place.
            look_now: run the guidance.
            coverage: B x H x W float32 in [0, 1], see `Pair`; None: valid everywhere.

        Returns:
            B x P uint8: a pair's fused image, H x W x 3, then its scores, severities and gates
            L x M as float32.
        """
        height, width = thermal.shape[-2:]
        seen = visible.permute(0, 3, 1, 2).float() / 255  # B x 3 x H x W, channels last
        heat = thermal[:, None].float() / 255  # B x 1 x H x W
        enhanced, fused, known, routing = infer(
            self._guidance, self.network, seen, heat, self._rounding(visible.device.type),
            judge_by(self.network, memory, look_now, assign_on_device), self._aside)
        image = blend(enhanced, fused, coverage)[..., :height, :width]
        pixels = (image * 255).round().to(torch.uint8).permute(0, 2, 3, 1).flatten(1)  # B x HW3
        gates = routing.decision.gates.permute(1, 0, 2).flatten(1)  # B x LM
        numbers = torch.cat((known.scores, known.severity, gates), 1).float()
        return torch.cat((pixels, numbers.view(torch.uint8)), 1)

    def in_a_row(self) -> StagedForward:
        """Return the same on one stream, as torch.compile takes it."""
        result = copy(self)
        result._aside = None
        return result

    def _rounding(self, device: str) -> AbstractContextManager[object]:
        if self._precision == torch.float32:
            return nullcontext()
        # Weights are in this precision already, so that nothing is worth caching.
        return torch.autocast(device, self._precision, cache_enabled=False)

    def unpack(self, block: Tensor, height: int, width: int) -> Answer:
        """Read one pair's row, P uint8 on the host: the image is a view, numbers are copied."""
        end, known = height * width * 3, len(CLASSES) + len(DEGRADATIONS)
        numbers = np.frombuffer(block[end:].numpy().tobytes(), np.float32)
        return Answer(
            image=block[:end].numpy().reshape(height, width, 3),
            scores=numbers[:len(CLASSES)].tolist(), severity=numbers[len(CLASSES):known].tolist(),
            routing=numbers[known:].reshape(len(self.network.layer_names), -1).copy())
