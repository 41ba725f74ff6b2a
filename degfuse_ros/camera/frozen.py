# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Notice a camera that sends the same image again and again."""

from typing import Any

import numpy as np

# Every so many bytes are compared first: two different images part there, at a hundredth of the
# time; prime, so that it walks over all columns and both bytes of a count.
STRIDE = 1021


class FrozenFrames:
    """Counts identical images in a row, as of a camera whose shutter is closed or that hangs.

    A real sensor's noise makes every two images differ.
    """

    def __init__(self) -> None:
        """Start without an image."""
        self._former = np.empty(0, np.uint8)
        self._identical = 0

    def frozen(self, data: Any, after: int) -> bool:
        """Take the next image; return whether the camera stands still.

        Args:
            data: its bytes, anything that has the buffer interface, raw or compressed; kept
                until the next one, not copied.
            after: so many identical images in a row are a frozen camera; below 2 none are.
        """
        image = np.frombuffer(data, np.uint8)
        same = (image.size == self._former.size
                and np.array_equal(image[::STRIDE], self._former[::STRIDE])
                and np.array_equal(image, self._former))
        self._identical = self._identical + 1 if same else 1
        self._former = image
        return 1 < after <= self._identical
