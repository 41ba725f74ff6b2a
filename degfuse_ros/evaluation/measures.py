# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What each column of a result means, which direction is good, and how it is printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """A column of figures.

    Attributes:
        title: its heading, without the arrow.
        key: where its figures are found in a row of the results.
        meaning: one plain sentence part, '' where the title says it all.
        pattern: format specification of its figures.
        higher: True where more is better, False where less is, None where neither is.
    """

    title: str
    key: str
    meaning: str = ''
    pattern: str = '.3f'
    higher: bool | None = True

    @property
    def heading(self) -> str:
        """Title and direction."""
        return self.title + {True: ' ↑', False: ' ↓', None: ''}[self.higher]


_KNOWN = (
    Measure('images', 'images', 'how many images the row is the mean of, shown where rows differ '
            'in it: do not compare those', '.0f', None),
    Measure('EN', 'EN', 'entropy of the fused image, bits; rewards noise', '.2f'),
    Measure('SF', 'SF', 'spatial frequency, grey levels; rewards noise', '.2f'),
    Measure('AG', 'AG', 'average gradient, grey levels; rewards noise', '.2f'),
    Measure('SD', 'SD', 'standard deviation, grey levels; rewards noise', '.2f'),
    Measure('MI', 'MI', 'mutual information with both sources, bits, their sum; won by copying '
            'one camera'),
    Measure('VIF', 'VIF', 'visual information fidelity, sum over both sources'),
    Measure('Qabf', 'Qabf', "share of both sources' edges kept; leans to the camera with more "
            'edges'),
    Measure('SCD', 'SCD', 'sum of the correlations of differences'),
    Measure('SSIM', 'SSIM', 'structural similarity, mean over both sources'),
    Measure('vQ', 'vQ', "share of the clean visible image's edges kept; won by the visible "
            'image alone'),
    Measure('tQ', 'tQ', "share of the thermal image's edges kept; won by the thermal image "
            'alone'),
    Measure('kept', 'kept', 'geometric mean of vQ and tQ, each rescaled so that the other camera '
            'alone has 0 and its own source has 1: copying one camera scores 0 (our own '
            'measure)'),
    Measure('PSNR', 'PSNR', 'of the restored visible luma against the clean one, dB, 100 at '
            'most; only where a method restores one', '.1f'),
    Measure('recall', 'recall', 'share of the reference objects that are found'),
    Measure('precision', 'precision', 'share of the found objects that are reference objects'),
    Measure('AP50', 'AP50', 'average precision at IoU 0.5'),
    Measure('change', 'change', 'mean change from frame to frame, grey levels', '.2f', None),
    Measure('relative', 'relative', 'change over the mean change of the inputs', '.2f', False),
    Measure('class switches', 'class_switches', 'how often the recognised class changes', 'd',
            False),
    Measure('routing switches', 'routing_switches', "how often a layer's experts change", 'd',
            False),
    Measure('routing share', 'routing_share', 'switches over layers and steps', '.3f', False),
)

MEASURES = {measure.key: measure for measure in _KNOWN}
"""All measures of images and clips by the key that they have in the results."""
