# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The gates of DGME: which experts an image gets (method, section 3, equations 8 and 9)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


@dataclass(frozen=True)
class GateDecision:
    """All layers' choices for a batch.

    Attributes:
        gates: L x B x M, K entries of each row are positive and sum to 1 (equation 9).
        chosen: L x B x K, indices of those entries.
        probabilities: L x B x M, softmax of the noise-free logits.
        load: L x M, smooth estimate of how many images chose each expert; in training it carries
            a gradient.
    """

    gates: Tensor
    chosen: Tensor
    probabilities: Tensor
    load: Tensor


class Gate(nn.Module):
    """Noisy top-K gates of all layers (equations 8 and 9).

    A gate reads the guidance vector alone, so all layers decide together, before any of them runs.

    Args:
        layers: L.
        dimension: length of the guidance vector.
        experts: M per layer.
        active: K.
    """

    def __init__(self, layers: int, dimension: int, experts: int, active: int) -> None:
        super().__init__()
        self.active = active
        # Logits of about 0.4 at the start, below the noise of 0.7: every expert is tried.
        self.weight = nn.Parameter(0.02 * torch.randn(layers, dimension, experts))
        self.noise_weight = nn.Parameter(torch.zeros(layers, dimension, experts))

    def forward(self, guidance: Tensor, favour: Tensor | None = None) -> GateDecision:
        """Choose experts for guidance vectors; noise is drawn in training only.

        Args:
            guidance: B x D.
            favour: L x B x M, lead in the choice at inference, not in the weights; None for none.
        """
        clean = guidance @ self.weight  # L x B x M
        if not self.training:
            if favour is None:
                values, chosen = clean.topk(self.active, dim=-1)
            else:
                chosen = (clean + favour).topk(self.active, dim=-1).indices
                values = clean.gather(-1, chosen)
            gates = torch.zeros_like(clean).scatter(-1, chosen, values.softmax(-1))
            return GateDecision(gates, chosen, clean.softmax(-1), (gates > 0).float().sum(1))
        # ours: the floor keeps the load estimate, which divides by it, finite
        spread = functional.softplus(guidance @ self.noise_weight) + 1e-2
        noisy = clean + torch.randn_like(clean) * spread
        more = min(self.active + 1, noisy.shape[-1])
        values, order = noisy.topk(more, dim=-1)
        chosen = order[..., :self.active]
        weights = values[..., :self.active].softmax(-1)
        gates = torch.zeros_like(noisy).scatter(-1, chosen, weights)
        load = self._load(clean, noisy, spread, values)
        return GateDecision(gates, chosen, clean.softmax(-1), load)

    def _load(self, clean: Tensor, noisy: Tensor, spread: Tensor, values: Tensor) -> Tensor:
        """Expected number of images per expert if its own noise were drawn again, L x M.

        Source: Shazeer et al., Outrageously Large Neural Networks (2017), appendix A.
        """
        if values.shape[-1] == self.active:  # every expert is active: nothing to balance
            return torch.full_like(clean[:, 0], float(clean.shape[1]))
        last_in, first_out = values[..., self.active - 1:self.active], values[..., self.active:]
        threshold = torch.where(noisy >= last_in, first_out, last_in)  # L x B x M
        return torch.special.ndtr((clean - threshold) / spread).sum(1)


@dataclass(frozen=True)
class Assignment:
    """One layer's routing in the form in which the layer computes it.

    Attributes:
        gates: B x M gate weights, zero for experts that are not active.
        chosen: the active experts of a single image, on the host; or B x K on the device, which
            then gathers their weights without the host's knowing; or None where the layer
            computes all experts.
    """

    gates: Tensor
    chosen: list[int] | Tensor | None


def assign(decision: GateDecision, single: bool) -> list[Assignment]:
    """Split a decision by layer.

    Args:
        decision: of a batch.
        single: the batch is one image and the host may wait for its routing, once for all layers.
    """
    if not single:
        return [Assignment(gates, None) for gates in decision.gates]
    rows = decision.chosen[:, 0].sort().values.tolist()  # the synchronisation
    return [Assignment(gates, chosen) for gates, chosen in zip(decision.gates, rows)]


def assign_on_device(decision: GateDecision) -> list[Assignment]:
    """Split a decision by layer, for a batch of any size, without waiting for the device."""
    return [Assignment(gates, chosen) for gates, chosen in zip(decision.gates, decision.chosen)]
