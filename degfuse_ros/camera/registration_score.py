# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Does the registration still hold? Mutual information of edges against its running value."""

from __future__ import annotations

import cv2
import numpy as np

# Frames are compared at this width: enough for a drift of one percent of the view.
WIDTH = 320
LEVELS = 16
TABLE_STEPS = 4096
# The chance level is that of the thermal image shifted by this share of the width.
APART = 0.08
# Frames over which the present and the usual value are averaged, at full weight of the newest:
# a bus that passes must not move the first for long, nor a drift of minutes the second.
PRESENT, USUAL = 15, 600
# Frames before anything is said.
SETTLING = 60
# The registration is in doubt when the present value falls below this share of the usual one.
DOUBT = 0.6
# Bits per pixel. A usual value below says that the pair shares no edges, so that nothing can be
# lost: single real pairs that do not belong together have -0.005 to -0.001 in the mean (standard
# deviation 0.007, at most 0.016), pairs that do 0.057 to 0.087.
LEAST_USUAL = 0.02


class RegistrationScore:
    """Follows how well two registered cameras agree, and doubts when they do worse than usual.

    The score is the mutual information of both images' edge strengths, less what the same images
    have when shifted apart, so that a scene with fewer edges does not pass for a drift at once.
    """

    def __init__(self) -> None:
        """Start without a usual value."""
        self._count = 0
        self._present = 0.0
        self._usual = 0.0

    @property
    def present(self) -> float:
        """Mean score of the last frames, bits per pixel; 0 before the first."""
        return self._present

    @property
    def usual(self) -> float:
        """The running value that it is compared with."""
        return self._usual

    @property
    def drifted(self) -> bool:
        """The present score lies well below a usual one that tells registered from chance."""
        return (self._count >= SETTLING and self._usual > LEAST_USUAL
                and self._present < DOUBT * self._usual)

    def update(self, visible: np.ndarray, thermal: np.ndarray) -> float:
        """Take one registered pair into account.

        Args:
            visible: H x W uint8 grey.
            thermal: H x W uint8, in the visible camera's frame.

        Returns:
            The score of this pair alone, bits per pixel.
        """
        score = registration_score(visible, thermal)
        self._count += 1
        self._present += (score - self._present) / min(self._count, PRESENT)
        # In doubt the usual value stands still, or a drift would become usual.
        if not self.drifted:
            self._usual += (score - self._usual) / min(self._count, USUAL)
        return score


def registration_score(visible: np.ndarray, thermal: np.ndarray) -> float:
    """Return the mutual information of edge strengths above chance, bits per pixel.

    Args:
        visible: H x W uint8 grey.
        thermal: H x W uint8, in the visible camera's frame.
    """
    one, other = _levels(visible), _levels(thermal)
    apart = max(1, round(APART * one.shape[1]))
    chance = (_information(one[:, apart:], other[:, :-apart])
              + _information(one[:, :-apart], other[:, apart:])) / 2.0
    return _information(one, other) - chance


def _levels(image: np.ndarray) -> np.ndarray:
    """Return edge strengths as levels that hold equally many pixels."""
    height = max(8, round(image.shape[0] * WIDTH / image.shape[1]))
    small = cv2.resize(image, (WIDTH, height), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(np.asarray(small, np.float32), (0, 0), 1.0)
    strength = np.hypot(cv2.Sobel(small, cv2.CV_32F, 1, 0), cv2.Sobel(small, cv2.CV_32F, 0, 1))
    # By a table instead of sorting: a fifth of the time. The root spends the steps of the table
    # where most strengths are, far below the largest.
    root = np.sqrt(strength)
    steps = (root * (TABLE_STEPS / max(float(root.max()), 1e-6))).astype(np.intp)
    below = np.cumsum(np.bincount(steps.ravel(), minlength=TABLE_STEPS + 1))
    return np.minimum(below * LEVELS // (steps.size + 1), LEVELS - 1)[steps]


def _information(one: np.ndarray, other: np.ndarray) -> float:
    counts = np.bincount((one * LEVELS + other).ravel(), minlength=LEVELS * LEVELS)
    joint = counts.reshape(LEVELS, LEVELS) / one.size
    alone = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0.0
    return float((joint[there] * np.log2(joint[there] / alone[there])).sum())
