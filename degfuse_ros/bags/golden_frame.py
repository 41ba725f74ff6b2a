# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a golden replay keeps of one result: few enough values to be read and kept in git."""
from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.bags.fuse_stream import Frame
from degfuse_ros.bags.fused_topics import shown
from degfuse_ros.ros.stamps import stamp_of

# Cells per side of the thumbnail: one holds a person near by, and a frame's fit in one line.
_CELLS = 8

# Decimals of what is kept: an order below the tolerances.
_SCORE, _GREY = 4, 3


@dataclass(frozen=True)
class GoldenFrame:
    """One result of a bag.

    Attributes:
        visible: stamp of the visible image in nanoseconds; 0 where the thermal image is alone.
        thermal: the same the other way round.
        size: width and height in pixels.
        label: the class; '' for a thermal image alone.
        scores: probability per class; none for a thermal image alone.
        routing: per mixture layer the weights of its chosen experts, by number; none for a thermal
            image alone.
        mean: of red, green and blue, in grey levels from 0 to 255.
        deviation: standard deviation of the luminance over the image, in grey levels.
        sharpness: mean absolute difference of the luminance between neighbours, in grey levels.
        thumbnail: 8 x 8 cells of the mean colour as base64 of 192 bytes: rows from the top, RGB.
    """

    visible: int
    thermal: int
    size: tuple[int, int]
    label: str
    scores: dict[str, float]
    routing: list[dict[str, float]]
    mean: list[float]
    deviation: float
    sharpness: float
    thumbnail: str

    def colours(self) -> np.ndarray:
        """Return the thumbnail, 8x8x3 float32 in CIE L*a*b* (D65): distances there are seen.

        Raises:
            ValueError: it is none.
        """
        cells = np.frombuffer(base64.b64decode(self.thumbnail, validate=True), np.uint8)
        if cells.size != _CELLS ** 2 * 3:
            raise ValueError(f'a thumbnail has {_CELLS ** 2 * 3} bytes, this one {cells.size}')
        return cv2.cvtColor(cells.reshape(_CELLS, _CELLS, 3).astype(np.float32) / 255,
                            cv2.COLOR_RGB2LAB)


def golden_frame(frame: Frame) -> GoldenFrame:
    """Return what is kept of a result."""
    image, pair, fusion = shown(frame), frame.source.pair, frame.fusion
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steps = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    cells = cv2.resize(image, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    return GoldenFrame(
        visible=0 if pair.visible is None else stamp_of(pair.visible),
        thermal=0 if pair.thermal is None else stamp_of(pair.thermal),
        size=(image.shape[1], image.shape[0]),
        label=fusion.degradation.label if fusion else '',
        scores={name: round(score, _SCORE) for name, score in
                (fusion.degradation.scores if fusion else {}).items()},
        routing=[{str(expert): round(float(layer[expert]), _SCORE)
                  for expert in np.flatnonzero(layer)}
                 for layer in (fusion.routing if fusion else ())],
        mean=[round(float(value), _GREY) for value in image.mean(axis=(0, 1))],
        deviation=round(float(grey.std()), _GREY), sharpness=round(float(steps / 2), _GREY),
        thumbnail=base64.b64encode(cells.tobytes()).decode())
