# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Edges as both cameras see them: where they run, whichever side is the brighter.

An object warmer than what is behind it may be brighter or darker in the visible image, so only
the line of an edge is common to both, not its sign or its strength. The field holds the doubled
angle of the gradient, which a change of sign does not alter, times how clear the edge is: the
normalised gradient fields of Haber and Modersitzki (2006), written as a plane of vectors whose
dot product is large where edges run alike and zero on average where they do not.
"""

from __future__ import annotations

import cv2
import numpy as np

# Blur before the gradient, pixels: sensor noise of one pixel does not pass for an edge.
NOISE_BLUR = 1.0
# Blur of the field, pixels: an edge is found from about two pixels away.
REACH_BLUR = 1.0
# An edge is clear against the mean gradient around it (within this share of the width) so that
# dim parts count, and a little against that of the whole image, so that noise does not.
AROUND = 0.05
LOCAL_SHARE, GLOBAL_SHARE = 1.0, 0.1
# Rows and columns at the border that are left out: blurs and resampling reach there.
MARGIN = 4


def edge_field(image: np.ndarray) -> np.ndarray:
    """Return the field of an image's edges.

    Args:
        image: H x W uint8, grey.

    Returns:
        H x W x 2 float32: cosine and sine of the gradient's doubled angle, times 0 (no edge) to
        below 1 (clear), blurred.
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), NOISE_BLUR)
    across = cv2.Scharr(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Scharr(smooth, cv2.CV_32F, 0, 1)
    energy = across * across + down * down
    around = cv2.GaussianBlur(energy, (0, 0), AROUND * image.shape[1])
    # + 1: an image without any edge has a field of zeros.
    weight = 1.0 / (energy + LOCAL_SHARE * around + GLOBAL_SHARE * energy.mean() + 1.0)
    field = np.dstack([(across * across - down * down) * weight, 2.0 * across * down * weight])
    field[:MARGIN] = field[-MARGIN:] = 0.0
    field[:, :MARGIN] = field[:, -MARGIN:] = 0.0
    return np.asarray(cv2.GaussianBlur(field, (0, 0), REACH_BLUR), np.float32)


def turned(field: np.ndarray, angle: float) -> np.ndarray:
    """Return vectors of a field (... x 2) as they are after turning the image by an angle.

    Args:
        field: from `edge_field`.
        angle: radians, clockwise in the picture.
    """
    cosine, sine = np.float32(np.cos(2.0 * angle)), np.float32(np.sin(2.0 * angle))
    return np.stack([cosine * field[..., 0] - sine * field[..., 1],
                     sine * field[..., 0] + cosine * field[..., 1]], axis=-1)
