# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal edges drawn over the visible image: what tells at a glance whether the two line up."""

import cv2
import numpy as np

# Gradient, as a percentile of the image's own, from which an edge is drawn, and fully drawn.
FAINT, CLEAR = 85.0, 97.0
COLOUR = (255, 40, 40)
# Of so many pixels one is asked for the percentiles: they move by less than one grey level.
SAMPLED = 7
# The visible image is shown at this share of its brightness, so that the edges stand out.
DIMMED = 0.75


def overlay(visible: np.ndarray, thermal: np.ndarray, coverage: np.ndarray | None = None
            ) -> np.ndarray:
    """Draw the thermal image's edges in red over the visible image.

    Args:
        visible: H x W x 3 uint8 RGB.
        thermal: H x W uint8, in the visible camera's frame.
        coverage: H x W float32, 0 where the thermal image does not reach and has no edges, to 1;
            None where it reaches everywhere.

    Returns:
        H x W x 3 uint8 RGB.
    """
    smooth = cv2.GaussianBlur(thermal.astype(np.float32), (0, 0), 1.0)
    edges = np.hypot(cv2.Scharr(smooth, cv2.CV_32F, 1, 0), cv2.Scharr(smooth, cv2.CV_32F, 0, 1))
    inside = edges
    if coverage is not None:
        edges *= coverage
        inside = edges[coverage > 0.0]
    faint, clear = map(float, np.percentile(inside.ravel()[::SAMPLED], (FAINT, CLEAR)))
    share = np.clip((edges - faint) / max(clear - faint, 1e-6), 0.0, 1.0)
    dimmed = cv2.convertScaleAbs(visible, alpha=DIMMED)
    return cv2.blendLinear(np.full_like(visible, COLOUR), dimmed, share, 1.0 - share)
