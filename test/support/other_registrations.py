# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What OpenCV offers for the same task, each used over all pairs as well as it can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from degfuse_ros.camera.homography import corners, resizing

Images = Sequence[np.ndarray]
OPENCV: Any = cv2  # its types know neither SIFT_create nor the others


def gradient(image: np.ndarray) -> np.ndarray:
    """Gradient magnitude as uint8, its 99th percentile white."""
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.0)
    magnitude = np.hypot(cv2.Scharr(smooth, cv2.CV_32F, 1, 0),
                         cv2.Scharr(smooth, cv2.CV_32F, 0, 1))
    return np.clip(magnitude * (255.0 / max(float(np.percentile(magnitude, 99)), 1.0)), 0,
                   255).astype(np.uint8)


def ecc(visible: Images, thermal: Images) -> np.ndarray | None:
    """`cv2.findTransformECC` on gradients, coarse to fine; the median of the pairs' corners."""
    size = thermal[0].shape[::-1]
    found = []
    for pair in zip(visible, thermal, strict=True):
        warp = np.eye(3)
        try:
            for factor in (0.25, 0.5, 1.0):
                small = round(size[0] * factor), round(size[1] * factor)
                change = resizing(size, small)
                one, other = (gradient(cv2.resize(image, small, interpolation=cv2.INTER_AREA))
                              for image in pair)
                _, low = cv2.findTransformECC(
                    other, one, (change @ warp @ np.linalg.inv(change)).astype(np.float32),
                    cv2.MOTION_HOMOGRAPHY,
                    (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 100, 1e-5),
                    np.full(one.shape, 255, np.uint8), 5)
                warp = np.linalg.inv(change) @ low @ change
        except cv2.error:  # it did not converge
            continue
        found.append(cv2.perspectiveTransform(corners(size)[None], warp)[0])
    if not found:
        return None
    return cv2.getPerspectiveTransform(corners(size).astype(np.float32),
                                       np.median(found, axis=0).astype(np.float32))


def features(make: Callable[[], cv2.Feature2D], norm: int
             ) -> Callable[[Images, Images], np.ndarray | None]:
    """Matches on gradient images, of all pairs together, and RANSAC."""
    def register(visible: Images, thermal: Images) -> np.ndarray | None:
        detector, matcher = make(), cv2.BFMatcher(norm)
        one: list[Sequence[float]] = []
        other: list[Sequence[float]] = []
        for pair in zip(thermal, visible, strict=True):
            (here, those), (there, these) = (detector.detectAndCompute(gradient(image), None)
                                             for image in pair)
            if those is None or these is None or len(these) < 2:
                continue
            for best, second in matcher.knnMatch(those, these, 2):
                if best.distance < 0.9 * second.distance:
                    one.append(here[best.queryIdx].pt)
                    other.append(there[best.trainIdx].pt)
        if len(one) < 4:
            return None
        return cv2.findHomography(np.array(one), np.array(other), cv2.RANSAC, 3.0,
                                  maxIters=20_000, confidence=0.999)[0]
    return register


OTHERS: dict[str, Callable[[Images, Images], np.ndarray | None]] = {
    'ECC on gradients, 3 scales': ecc,
    'SIFT on gradients, RANSAC': features(lambda: OPENCV.SIFT_create(2000), cv2.NORM_L2),
    'ORB on gradients, RANSAC': features(lambda: OPENCV.ORB_create(2000), cv2.NORM_HAMMING),
    'AKAZE on gradients, RANSAC': features(OPENCV.AKAZE_create, cv2.NORM_HAMMING),
}
