# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A video of visible, thermal and fused image side by side."""
from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from degfuse_ros.bags.bag_error import BagError


class Video:
    """An mp4 file that has its name when it is finished."""

    def __init__(self, path: Path, rate: float) -> None:
        """Name the file; it is begun with the first frame.

        Args:
            path: of the file, ending in .mp4.
            rate: frames per second.
        """
        self._path = path
        # Hidden, and still with the suffix by which OpenCV chooses the format.
        self._partial = path.with_name(f'.{path.name}.partial{path.suffix}')
        self._rate = rate
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, visible: np.ndarray, thermal: np.ndarray, fused: np.ndarray) -> None:
        """Add a frame; one of another size than the first is scaled.

        Args:
            visible: HxWx3 uint8 RGB.
            thermal: HxW uint8.
            fused: HxWx3 uint8 RGB.

        Raises:
            BagError: OpenCV cannot write such a file.
        """
        heat = cv2.cvtColor(thermal, cv2.COLOR_GRAY2RGB)
        frame = cv2.cvtColor(np.hstack([visible, heat, fused]), cv2.COLOR_RGB2BGR)
        if self._writer is None:
            # The codec takes even sides only.
            self._size = frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2
            self._writer = cv2.VideoWriter(
                str(self._partial), cv2.VideoWriter.fourcc(*'mp4v'), self._rate, self._size)
            if not self._writer.isOpened():
                raise BagError(f'{self._path} cannot be written as mp4: give another --video, '
                               'ending in .mp4, in a folder that exists')
        if frame.shape[1::-1] != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(frame)

    def finish(self) -> None:
        """Close the file and give it its name; without a frame there is none."""
        if self._writer is not None:
            self._writer.release()
            try:
                os.replace(self._partial, self._path)
            except OSError as error:
                raise BagError(f'{self._path} cannot be written: {error.strerror}') from error

    def abandon(self) -> None:
        """Remove what there is."""
        if self._writer is not None:
            self._writer.release()
            self._partial.unlink(missing_ok=True)
