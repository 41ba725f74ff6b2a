# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""PairScorer: all metrics of the fused images of one pair."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.evaluation.metrics.edges import (
    combined_transfer,
    edge_transfer,
    find_edges,
    kept_from_both,
    kept_strength,
    tile_weights,
    transfer_in_tiles,
)
from degfuse_ros.evaluation.metrics.information import (
    entropy,
    mutual_information,
    visual_information,
)
from degfuse_ros.evaluation.metrics.intensity import (
    average_gradient,
    spatial_frequency,
    standard_deviation,
)
from degfuse_ros.evaluation.metrics.luminance import luma
from degfuse_ros.evaluation.metrics.structure import (
    correlations_of_differences,
    structural_similarity,
)

QUALITY = ('EN', 'SF', 'AG', 'SD', 'MI', 'VIF', 'Qabf', 'SCD', 'SSIM', 'vQ', 'tQ')
"""Metrics of `PairScorer.quality`. More is better, if it is not noise or one camera's copy."""

ROBUSTNESS = ('kept', 'vQ', 'tQ', 'SCD', 'SSIM')
"""Metrics of `PairScorer.robustness`; the first is the one to judge by."""

SMALLEST = 41
"""Pixels: the last of VIF's four scales still holds its window."""

# Fused images are measured together up to so many pixels, three of 640 x 480: on a CPU one at a
# time and thirteen at a time both take a third longer.
_PIXELS_AT_ONCE = 2 ** 20


class PairScorer:
    """Measures fused images against their two sources, on luma.

    The sources' own statistics are kept, and the fused images are measured in batches: give all
    fused images of a pair at once.

    Args:
        visible: H x W x 3 uint8 RGB or H x W uint8; the clean original, where there is one.
        thermal: H x W uint8.
        device: 'cpu', 'cuda' or 'cuda:N'.

    Raises:
        ValueError: images of another type, different sizes, or a side below 41 pixels.
    """

    def __init__(self, visible: NDArray[np.uint8], thermal: NDArray[np.uint8],
                 device: str = 'cpu') -> None:
        self._device = torch.device(device)
        self._shape = visible.shape[:2]
        if min(self._shape, default=0) < SMALLEST:
            raise ValueError(f'images to be measured must be {SMALLEST} x {SMALLEST} pixels or '
                             f'larger. Got {_size(self._shape)}.')
        self._sources = self._stack([visible, thermal])
        self._edges = find_edges(self._sources)
        own = kept_strength(self._edges, self._edges)
        self._own_transfer = transfer_in_tiles(self._edges, own)
        self._tile_weights = tile_weights(self._edges)

    def quality(self, fused: Sequence[NDArray[np.uint8]]) -> list[dict[str, float]]:
        """Return the metrics of QUALITY for each fused image, H x W x 3 uint8 RGB or H x W uint8.

        Raises:
            ValueError: an image of another type or size.
        """
        return self._measure(fused, QUALITY)

    def robustness(self, fused: Sequence[NDArray[np.uint8]]) -> list[dict[str, float]]:
        """Return the metrics of ROBUSTNESS, which cost less than QUALITY, for each fused image.

        Raises:
            ValueError: an image of another type or size.
        """
        return self._measure(fused, ROBUSTNESS)

    def _measure(self, fused: Sequence[NDArray[np.uint8]],
                 names: tuple[str, ...]) -> list[dict[str, float]]:
        height, width = self._shape
        size = max(1, _PIXELS_AT_ONCE // (height * width))
        rows = []
        for start in range(0, len(fused), size):
            with torch.inference_mode():
                columns = self._columns(self._stack(fused[start:start + size]), names)
                rows += torch.stack(columns, dim=1).tolist()
        return [dict(zip(names, row)) for row in rows]

    def _columns(self, images: Tensor, names: tuple[str, ...]) -> list[Tensor]:
        """Return the named metrics of N x H x W uint8, N float64 each."""
        edges = kept_strength(self._edges, find_edges(images))
        transfer = edge_transfer(self._edges, edges)
        sources = self._sources
        metrics = {
            'kept': lambda: kept_from_both(transfer_in_tiles(self._edges, edges),
                                           self._own_transfer, self._tile_weights),
            'EN': lambda: entropy(images),
            'SF': lambda: spatial_frequency(images),
            'AG': lambda: average_gradient(images),
            'SD': lambda: standard_deviation(images),
            'MI': lambda: mutual_information(sources, images),
            'VIF': lambda: visual_information(sources, images),
            'Qabf': lambda: combined_transfer(self._edges, transfer),
            'SCD': lambda: correlations_of_differences(sources, images),
            'SSIM': lambda: structural_similarity(sources, images),
            'vQ': lambda: transfer[0],
            'tQ': lambda: transfer[1],
        }
        return [metrics[name]() for name in names]

    def _stack(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Bring the luma of images to the device, N x H x W uint8."""
        for image in images:
            if image.shape[:2] != self._shape:
                raise ValueError('visible, thermal and fused image must have the same height and '
                                 f'width. Got {_size(self._shape)} and {_size(image.shape[:2])}.')
        return torch.from_numpy(np.stack([luma(image) for image in images])).to(self._device)


def _size(shape: Sequence[int]) -> str:
    return ' x '.join(map(str, shape))
