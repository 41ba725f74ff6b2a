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
        fooled: what gives a good figure without being good, '' where nothing is known to.
    """

    title: str
    key: str
    meaning: str = ''
    pattern: str = '.3f'
    higher: bool | None = True
    fooled: str = ''

    @property
    def heading(self) -> str:
        """Title and direction."""
        return self.title + {True: ' ↑', False: ' ↓', None: ''}[self.higher]

    @property
    def explanation(self) -> str:
        """Meaning, and what the measure can be fooled by."""
        return self.meaning + (f'; fooled by {self.fooled}' if self.fooled else '')


_NOISE = 'noise, and by contrast that is stretched too far'

_KNOWN = (
    Measure('images', 'images', 'how many images the row stands for, shown where rows differ in '
            'it: do not compare those; a row with fewer is never marked as best', '.0f', None),
    Measure('EN', 'EN', 'entropy of the fused image, bits', '.2f', fooled='noise'),
    Measure('SF', 'SF', 'spatial frequency, grey levels', '.2f', fooled=_NOISE),
    Measure('AG', 'AG', 'average gradient, grey levels', '.2f', fooled=_NOISE),
    Measure('SD', 'SD', 'standard deviation, grey levels', '.2f', fooled=_NOISE),
    Measure('MI', 'MI', 'mutual information with both sources, bits, their sum',
            fooled='a copy of either camera, which wins'),
    Measure('VIF', 'VIF', 'visual information fidelity, sum over both sources',
            fooled='a copy of either camera, which wins mostly, and by more contrast'),
    Measure('Qabf', 'Qabf', "share of both sources' edges kept, each source weighted with its "
            'edges', fooled='a copy of the camera with more edges'),
    Measure('SCD', 'SCD', 'sum of the correlations of differences',
            fooled='adding both images up, and by more contrast'),
    Measure('SSIM', 'SSIM', 'structural similarity, mean over both sources',
            fooled='the plain, faded mean of both images'),
    Measure('vQ', 'vQ', "share of the clean visible image's edges kept",
            fooled='the visible image alone, which wins on pairs as they are'),
    Measure('tQ', 'tQ', "share of the thermal image's edges kept",
            fooled='the thermal image alone, which wins'),
    Measure('kept', 'kept', 'geometric mean of vQ and tQ, each rescaled so that the other camera '
            'alone has 0 and its own source has 1; taken in tiles of 32 pixels, weighted by the '
            'edges that both cameras have there, so that neither a copy of one camera nor a '
            'split screen scores (our own measure)',
            fooled='a mosaic finer than the tiles; blind to false edges where neither camera has '
            'one, to brightness and to colour'),
    Measure('PSNR', 'PSNR', 'of the restored visible luma against the clean one, dB, 100 at '
            'most; only where a method restores one', '.1f',
            fooled='a blurred picture of the right brightness, and without degradation by '
            'changing nothing'),
    Measure('recall', 'recall', 'share of the reference objects that are found',
            fooled='finding objects everywhere: read it with precision'),
    Measure('precision', 'precision', 'share of the found objects that are reference objects',
            fooled='finding next to nothing: read it with recall'),
    Measure('AP50', 'AP50', 'average precision at IoU 0.5',
            fooled='looking like the clean visible image, in which the reference was found'),
    Measure('change', 'change', 'mean change from frame to frame, grey levels', '.2f', None,
            'a faded or blurred image, which changes little'),
    Measure('relative', 'relative', 'change over the mean change of the inputs', '.2f', False,
            'a faded or blurred image, which changes little'),
    Measure('class switches', 'class_switches', 'how often the recognised class changes', 'd',
            None, 'always giving the same class'),
    Measure('routing switches', 'routing_switches', "how often a layer's experts change", 'd',
            None, 'always using the same experts'),
    Measure('routing share', 'routing_share', 'switches over layers and steps', '.3f', None,
            'always using the same experts'),
)

MEASURES = {measure.key: measure for measure in _KNOWN}
"""All measures of images and clips by the key that they have in the results."""
