# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Street trees, grown once from a seed as sprites."""
import cv2
import numpy as np

from degfuse_ros.demo.light import SKY_COLOUR, SUN, SUN_COLOUR, linear
from degfuse_ros.demo.sprites import Sprite

RESOLUTION = 46.0
LEAVES = 2600
_BARK = linear('5b4a3a')


def _branches(sky: np.ndarray, sun: np.ndarray, foot: tuple[float, float], height: float,
              random: np.random.Generator) -> None:
    """Draw the trunk and a few boughs."""
    root = np.array(foot)
    fork = root - (0, 0.36 * height * RESOLUTION)
    limbs = [(root, fork, 0.30), (root, fork, 0.22)]
    for angle in np.linspace(-0.6, 0.6, 7):
        length = height * RESOLUTION * random.uniform(0.25, 0.42)
        limbs.append((fork, fork + length * np.array([np.sin(angle), -np.cos(angle)]), 0.11))
    for start, end, width in limbs:
        tone = random.uniform(0.8, 1.2)
        arguments = (tuple(int(v) for v in start), tuple(int(v) for v in end))
        thick = max(1, int(width * RESOLUTION))
        cv2.line(sky, *arguments, (*(tone * _BARK * SKY_COLOUR * 0.9).tolist(), 1.0), thick)
        cv2.line(sun, *arguments, (*(0.3 * tone * _BARK * SUN_COLOUR).tolist(), 0.31), thick)


def tree(height: float, seed: int) -> Sprite:
    """Grow a tree.

    Args:
        height: metres.
        seed: which tree; the same seed and height give the same tree.
    """
    random = np.random.default_rng(seed)
    crown = np.array([0.34 * height, 0.33 * height, 0.34 * height])
    rows, columns = int(height * RESOLUTION * 1.08), int(0.86 * height * RESOLUTION)
    sky = np.zeros((rows, columns, 4), np.float32)
    sun = np.zeros_like(sky)
    foot = (columns / 2, rows - 2.0)
    _branches(sky, sun, foot, height, random)
    clumps = random.normal(size=(26, 3))
    clumps *= random.uniform(0.35, 0.8, (26, 1)) / np.linalg.norm(clumps, axis=1, keepdims=True)
    spot = clumps[random.integers(0, 26, LEAVES)] + random.normal(0, 0.15, (LEAVES, 3))
    outward = spot / np.maximum(np.linalg.norm(spot, axis=1, keepdims=True), 0.05)
    spot, outward = (a[np.argsort(-spot[:, 2])] for a in (spot, outward))
    outward = outward + random.normal(0, 0.35, outward.shape)
    facing = np.clip(outward @ SUN, 0, 1.2) * np.clip(0.5 + 0.9 * np.linalg.norm(
        spot, axis=1), 0.3, 1.2)
    open_sky = np.clip(0.45 + 0.5 * outward[:, 1], 0.12, 1)
    green = np.stack([linear(c) for c in ('4e6b2e', '5d7a35', '3f5a2a', '74863f')])
    colour = green[random.integers(0, 4, LEAVES)] * random.uniform(0.75, 1.25, (LEAVES, 1))
    under_sky = colour * open_sky[:, None] * SKY_COLOUR * 1.15
    in_sun = colour * facing[:, None] * SUN_COLOUR
    warmth = 0.24 + 0.05 * open_sky + random.normal(0, 0.02, LEAVES)
    where = (np.array([foot[0], rows - 0.66 * height * RESOLUTION])
             + spot[:, :2] * crown[:2] * (RESOLUTION, -RESOLUTION)).astype(int)
    size = random.integers(2, 5, LEAVES)
    for i in range(LEAVES):
        axes, angle = (int(size[i]), max(1, int(size[i]) - 1)), float(i * 37 % 180)
        place = (int(where[i, 0]), int(where[i, 1]))
        cv2.ellipse(sky, place, axes, angle, 0, 360, (*under_sky[i].tolist(), 1.0), -1)
        cv2.ellipse(sun, place, axes, angle, 0, 360, (*in_sun[i].tolist(), float(warmth[i])), -1)
    return Sprite(sky, sun, foot, RESOLUTION)
