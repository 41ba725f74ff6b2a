# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""How much detection a method saves: what a detector finds, against what it found when clean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.evaluation.agreement import agreement
from degfuse_ros.evaluation.averages import IMAGES, mean_over_cases, without_even_counts
from degfuse_ros.evaluation.detector import Detections, Detector
from degfuse_ros.evaluation.scene import CLEAN_CASE


class Detection:
    """Runs a detector over the benchmark and compares.

    Args:
        detector: finds road users.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._reference: dict[str, Detections] = {}
        self._found: dict[tuple[str, str], dict[str, Detections]] = {}

    def add(self, pair: str, case: str, clean: NDArray[np.uint8],
            pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        """Look for objects in all methods' pictures of one scene.

        Args:
            pair: its name; the reference is made once per pair.
            case: the benchmark's case, or 'clean'.
            clean: the visible original, H x W x 3 uint8 RGB.
            pictures: H x W x 3 uint8 RGB by method.
        """
        if pair not in self._reference:
            self._reference[pair] = self._detector.find(clean)
        for method, picture in pictures.items():
            self._found.setdefault((case, method), {})[pair] = self._detector.find(picture)

    def summarise(self) -> dict[str, Any]:
        """Return recall, precision and AP50 by case and method, and their means over the cases.

        'mean' is over the degraded cases; 'clean' holds the scores on the originals. A method is
        compared on the pairs that it delivered; 'images' tells their number where it differs.
        """
        by_case: dict[str, dict[str, dict[str, float]]] = {}
        for (case, method), found in self._found.items():
            scores = agreement([self._reference[pair] for pair in found], list(found.values()))
            scores.pop('objects')
            by_case.setdefault(case, {})[method] = {IMAGES: len(found), **scores}
        clean = by_case.pop(CLEAN_CASE, {})
        everything = agreement(list(self._reference.values()), list(self._reference.values()))
        return {'detector': self._detector.name, 'sha256': self._detector.sha256,
                'images': len(self._reference), 'objects': int(everything['objects']),
                'by_case': by_case, 'clean': without_even_counts(clean),
                'mean': without_even_counts(mean_over_cases(by_case))}
