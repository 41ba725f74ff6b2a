# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The coarse start of a registration: every turn, scale and shift, over all frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.camera.edge_field import edge_field, turned
from degfuse_ros.camera.homography import Size, similarity

# How far cameras on one bracket are off: a mount turned by hand and lenses of nominally equal
# view stay well inside. A wider search finds more false matches.
ROTATIONS = tuple(np.arange(-9.0, 9.1, 1.5))
SCALES = tuple(np.geomspace(0.8, 1.25, 13))
SHIFT = 0.15
"""Of the width, to each side."""


@dataclass(frozen=True)
class Candidate:
    """A coarse registration.

    Attributes:
        score: mean correlation of the edge fields over the frames, -1 to 1.
        homography: 3 x 3, thermal to visible pixels of the images searched.
        at_border: the optimum lies at the end of a range, so that the true one may lie outside.
    """

    score: float
    homography: np.ndarray
    at_border: bool


def search(visible: Sequence[np.ndarray], thermal: Sequence[np.ndarray]
           ) -> list[Candidate]:
    """Try all turns and scales, and by Fourier transform all shifts.

    Args:
        visible: grey images of one size, small: about 160 pixels wide.
        thermal: grey images of one size, of about as many pixels to the degree.

    Returns:
        The best shift for each turn and scale, best first.
    """
    height, width = visible[0].shape
    reach = round(SHIFT * width)
    shape = (cv2.getOptimalDFTSize(height + reach), cv2.getOptimalDFTSize(width + reach))
    spectra = [_spectrum(edge_field(image), shape) for image in visible]
    fields = [edge_field(image) for image in thermal]
    source: Size = (thermal[0].shape[1], thermal[0].shape[0])
    offsets = np.arange(-reach, reach + 1)
    found = []
    for rotation in ROTATIONS:
        for scale in SCALES:
            centred = similarity(rotation, scale, (0.0, 0.0), source, (width, height))
            product = np.zeros(shape, np.complex64)
            for spectrum, field in zip(spectra, fields, strict=True):
                moved = cv2.warpAffine(field, centred[:2], (width, height))
                product += spectrum * _spectrum(turned(moved, np.deg2rad(rotation)), shape).conj()
            scores = np.fft.ifft2(product).real[np.ix_(offsets, offsets)] / len(spectra)
            row, column = np.unravel_index(int(scores.argmax()), scores.shape)
            shift = float(offsets[column]), float(offsets[row])
            at_border = (rotation in (ROTATIONS[0], ROTATIONS[-1])
                         or scale in (SCALES[0], SCALES[-1]) or max(map(abs, shift)) == reach)
            found.append(Candidate(
                float(scores[row, column]),
                similarity(rotation, scale, shift, source, (width, height)), at_border))
    return sorted(found, key=lambda candidate: -candidate.score)


def _spectrum(field: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the transform of a field of unit energy as complex numbers, padded with zeros."""
    plane = np.zeros(shape, np.complex64)
    energy = float(np.sqrt((field ** 2).sum()))
    plane[:field.shape[0], :field.shape[1]] = (field[..., 0] + 1j * field[..., 1]
                                               ) / max(energy, 1e-6)
    return np.asarray(np.fft.fft2(plane), np.complex64)
