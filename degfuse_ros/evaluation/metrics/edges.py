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

TILE = 32
"""Pixels: the side of the tiles of `kept`. Larger ones let a mosaic of the two cameras pass for a
fusion; smaller ones hold too few edges of both."""


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


def kept_strength(sources: EdgeMap, fused: EdgeMap) -> Tensor:
    """Return how much of each pixel's edge in each source each fused image keeps.

    An edge is kept as far as its strength and its angle are; strong edges count more.

    Args:
        sources: edges of S images.
        fused: edges of N images.

    Returns:
        S x N x H x W float32, 0 to about 0.975 of the source's strength: there the paper's
        sigmoids end.
    """
    return torch.stack([_kept_strength(EdgeMap(strength, angle), fused)
                        for strength, angle in zip(sources.strength, sources.angle)])


def edge_transfer(sources: EdgeMap, kept: Tensor) -> Tensor:
    """Return the share of each source's edges that each fused image keeps, 0 to about 0.975.

    vQ for the visible and tQ for the thermal source.

    Args:
        sources: edges of S images.
        kept: S x N x H x W from `kept_strength`.

    Returns:
        S x N float64; 0 for a source without edges.
    """
    total = sources.total()[:, None]
    share = kept.sum((-2, -1), dtype=torch.float64) / total.clamp(min=1)
    return torch.where(total > 0, share, 0.0)


def combined_transfer(sources: EdgeMap, transfer: Tensor) -> Tensor:
    """Qabf: the edge transfer S x N from all sources, each weighted with its edges; N float64."""
    weights = sources.total()
    return (weights[:, None] * transfer).sum(0) / weights.sum().clamp(min=1)


def transfer_in_tiles(sources: EdgeMap, kept: Tensor) -> Tensor:
    """Return the edge transfer of every tile, without the image's border.

    Args:
        sources: edges of S images.
        kept: S x N x H x W from `kept_strength`.

    Returns:
        S x N x T float64; 0 for a tile in which the source has no edges.
    """
    total = _sum_in_tiles(sources.strength)[:, None]  # S x 1 x T
    return torch.where(total > 0, _sum_in_tiles(kept) / total.clamp(min=1), 0.0)


def tile_weights(sources: EdgeMap) -> Tensor:
    """Return how much each tile counts in `kept`, T float64, sum 1 (0 without common edges).

    It is the geometric mean of both cameras' edges there: where one sees nothing, there is
    nothing to keep from both.
    """
    weights = _sum_in_tiles(sources.strength).prod(0).sqrt()
    return weights / weights.sum().clamp(min=1)


def kept_from_both(transfer: Tensor, own: Tensor, weights: Tensor) -> Tensor:
    """Return `kept`: edges kept from both cameras, beyond what showing one of them would give.

    This score is ours. In each tile a fused image's vQ is placed between that of the thermal
    image (0) and that of the visible one (1), its tQ between that of the visible image (0) and
    that of the thermal one (1); the geometric mean of the two is averaged over the tiles. Showing
    either camera alone scores 0, and so does showing one camera here and the other there, unless
    the pieces are smaller than a tile.

    Args:
        transfer: 2 x N x T, vQ and tQ of the fused images by tile.
        own: 2 x 2 x T, vQ and tQ (rows) of the visible and the thermal image (columns).
        weights: T, of the tiles, sum 1.

    Returns:
        N float64, 0 to 1; a tile in which a source is no better than the other camera counts 0.
    """
    low = torch.stack((own[0, 1], own[1, 0]))[:, None]  # 2 x 1 x T
    high = torch.stack((own[0, 0], own[1, 1]))[:, None]
    gain = transfer - low
    share = torch.where(gain > ROUNDING, gain, 0.0) / (high - low).clamp(min=ROUNDING)
    share = torch.where(high - low > ROUNDING, share.clamp(max=1), 0.0)
    return (share.prod(0).sqrt() * weights).sum(-1)


def _sum_in_tiles(maps: Tensor) -> Tensor:
    """Add up ... x H x W in tiles, border left out, to ... x T float64; the last ones are cut."""
    inner = maps[..., 1:-1, 1:-1].double()
    height, width = inner.shape[-2:]
    padded = pad(inner, (0, -width % TILE, 0, -height % TILE))
    rows = padded.unflatten(-2, (-1, TILE)).unflatten(-1, (-1, TILE))  # ... x R x TILE x C x TILE
    return rows.sum((-3, -1)).flatten(-2)


def _kept_strength(source: EdgeMap, fused: EdgeMap) -> Tensor:
    """Return the kept strength of one source (H x W) in N fused images, N x H x W float32."""
    stronger = torch.maximum(source.strength, fused.strength)
    weaker = torch.minimum(source.strength, fused.strength)
    strength = weaker / stronger.clamp(min=1)  # whole numbers' roots: 1 or more, or both are 0
    angle = 1 - (source.angle - fused.angle).abs() / (math.pi / 2)
    # The constants of the paper; its sigmoids count down from 0 (lost) to about 1 (kept).
    strength = 0.9994 * torch.sigmoid(15 * (strength - 0.5))
    angle = 0.9879 * torch.sigmoid(22 * (angle - 0.8))
    return strength * angle * source.strength
