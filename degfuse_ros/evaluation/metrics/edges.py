# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Edge transfer: how much of the sources' edges is found in the fused image.

Xydeas and Petrovic, "Objective image fusion performance measure" (2000), and our headline score
`kept`, which is made of it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

ROUNDING = 1e-6
"""Differences of edge transfers below this are rounding: float32 gives them to about 1e-8, and the
root in `kept` would show it as 1e-4."""


@dataclass(frozen=True)
class EdgeMap:
    """Edges of N images by 3 x 3 Sobel filters, zero beyond the border, which so is an edge too.

    Args:
        strength: N x H x W float32, grey levels, 0 to 1443.
        angle: N x H x W float32, radians, above -pi / 2 and up to pi / 2.
    """

    strength: Tensor
    angle: Tensor

    def total(self) -> Tensor:
        """Return the sum of the strengths of each image, N float64."""
        return self.strength.sum((-2, -1), dtype=torch.float64)


def find_edges(images: Tensor) -> EdgeMap:
    """Return the edges of N x H x W uint8 luma."""
    levels = pad(images.float(), (1, 1, 1, 1))
    columns = levels[..., :-2, :] + 2 * levels[..., 1:-1, :] + levels[..., 2:, :]
    rows = levels[..., :-2] + 2 * levels[..., 1:-1] + levels[..., 2:]
    # Signs as in the reference: they decide on which side of the jump at pi / 2 an angle lies.
    across = columns[..., :-2] - columns[..., 2:]
    down = rows[..., 2:, :] - rows[..., :-2, :]
    angle = torch.atan(down / across).masked_fill(across == 0, math.pi / 2)
    return EdgeMap(torch.hypot(across, down), angle)


def edge_transfer(sources: EdgeMap, fused: EdgeMap) -> Tensor:
    """Return the share of each source's edges that each fused image keeps, 0 to about 0.975.

    vQ for the visible and tQ for the thermal source. An edge is kept as far as its strength and
    its angle are; strong edges count more. The source itself has 0.975, where the paper's sigmoids
    end.

    Args:
        sources: edges of S images.
        fused: edges of N images.

    Returns:
        S x N float64; 0 for a source without edges.
    """
    kept = torch.stack([_kept_strength(EdgeMap(strength, angle), fused)
                        for strength, angle in zip(sources.strength, sources.angle)])
    total = sources.total()[:, None]
    return torch.where(total > 0, kept / total.clamp(min=1), 0.0)


def combined_transfer(sources: EdgeMap, transfer: Tensor) -> Tensor:
    """Qabf: the edge transfer S x N from all sources, each weighted with its edges; N float64."""
    weights = sources.total()
    return (weights[:, None] * transfer).sum(0) / weights.sum().clamp(min=1)


def kept_from_both(transfer: Tensor, own: Tensor) -> Tensor:
    """Return `kept`: edges kept from both cameras, beyond what showing one of them would give.

    This score is ours. A fused image's vQ is placed between that of the thermal image (0) and that
    of the visible one (1), its tQ between that of the visible image (0) and that of the thermal
    one (1); `kept` is the geometric mean of the two. Showing either camera alone scores 0.

    Args:
        transfer: 2 x N, vQ and tQ of the fused images.
        own: 2 x 2, vQ and tQ (rows) of the visible and the thermal image (columns).

    Returns:
        N float64, 0 to 1; 0 where a source is no better than the other camera's image.
    """
    low = torch.stack((own[0, 1], own[1, 0]))[:, None]
    high = own.diagonal()[:, None]
    gain = transfer - low
    share = torch.where(gain > ROUNDING, gain, 0.0) / (high - low).clamp(min=ROUNDING)
    share = torch.where(high - low > ROUNDING, share.clamp(max=1), 0.0)
    return share.prod(0).sqrt()


def _kept_strength(source: EdgeMap, fused: EdgeMap) -> Tensor:
    """Return the kept strength of one source (H x W) in N fused images, N float64."""
    stronger = torch.maximum(source.strength, fused.strength)
    weaker = torch.minimum(source.strength, fused.strength)
    strength = weaker / stronger.clamp(min=1)  # whole numbers' roots: 1 or more, or both are 0
    angle = 1 - (source.angle - fused.angle).abs() / (math.pi / 2)
    # The constants of the paper; its sigmoids count down from 0 (lost) to about 1 (kept).
    kept_strength = 0.9994 * torch.sigmoid(15 * (strength - 0.5))
    kept_angle = 0.9879 * torch.sigmoid(22 * (angle - 0.8))
    return (kept_strength * kept_angle * source.strength).sum((-2, -1), dtype=torch.float64)
