# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Light, colour and noise shared by everything that is drawn in the built-in scenes.

Radiance is linear RGB, float32, where 1.0 becomes 255 after the sRGB curve.
"""
import cv2
import numpy as np

# Unit vector to the sun: behind the camera's left shoulder, 49 degrees up. The left lane lies in
# the shade of the left houses, the right one in the sun.
SUN = np.array([-0.52, 0.75, -0.41], np.float32)
SUN_COLOUR = np.array([1.0, 0.93, 0.80], np.float32) * 0.85
SKY_COLOUR = np.array([0.26, 0.32, 0.40], np.float32)
GROUND_COLOUR = np.array([0.10, 0.095, 0.09], np.float32)

# Fine enough that the darkest 8-bit tones stay apart.
_STEPS = 16384
_TILE = 256
_TILES: dict[int, np.ndarray] = {}


def linear_steps() -> np.ndarray:
    """Return the linear radiances 0..1 for which curves are tabulated."""
    return np.arange(_STEPS, dtype=np.float64) / (_STEPS - 1)


def srgb(radiance: np.ndarray) -> np.ndarray:
    """Turn linear radiance 0..1 into sRGB values 0..1."""
    return np.where(radiance <= 0.0031308, 12.92 * radiance,
                    1.055 * radiance ** (1 / 2.4) - 0.055)


def linear(colour: str) -> np.ndarray:
    """Turn an sRGB hex colour such as '8a7f70' into linear RGB, 3 float32."""
    value = np.array([int(colour[i:i + 2], 16) for i in (0, 2, 4)], np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4
                    ).astype(np.float32)


def noise(u: np.ndarray, v: np.ndarray, seed: int) -> np.ndarray:
    """Smooth noise with a period of about one unit, -1..1, same shape as u and v."""
    if seed not in _TILES:
        tile = np.random.default_rng(seed).uniform(-1, 1, (_TILE, _TILE)).astype(np.float32)
        _TILES[seed] = np.pad(tile, ((0, 1), (0, 1)), mode='wrap')
    # cv2.remap takes fewer than 32768 columns: fold the points into rows of 1024.
    rows = max(1, -(-u.size // 1024))  # nor does it take none
    places = np.zeros((2, rows * 1024), np.float32)
    places[0, :u.size] = np.mod(u, _TILE).ravel()
    places[1, :u.size] = np.mod(v, _TILE).ravel()
    folded = places.reshape(2, rows, 1024)
    return cv2.remap(_TILES[seed], folded[0], folded[1], cv2.INTER_LINEAR
                     ).ravel()[:u.size].reshape(u.shape)


def layered_noise(u: np.ndarray, v: np.ndarray, footprint: np.ndarray | float, seed: int,
                  frequencies: tuple[float, ...] = (0.4, 1.3, 4.0, 12.0, 40.0)) -> np.ndarray:
    """Sum noise over frequencies (cycles per metre), faded where a pixel's footprint hides it.

    Args:
        u: surface position in metres.
        v: the same across, of the same shape.
        footprint: metres of surface that one pixel covers; fine layers fade out beyond it.
        seed: which noise.
        frequencies: one layer each, equal amplitude.

    Returns:
        float32 of the shape of u, about -1..1.
    """
    total = np.zeros(u.shape, np.float32)
    for number, frequency in enumerate(frequencies):
        seen = 1 / (1 + (frequency * footprint * 1.2) ** 2)
        total += seen * noise(u * frequency, v * frequency + 17.3 * number, seed + number)
    return total / np.float32(len(frequencies) ** 0.5)


def smooth_step(value: np.ndarray, edge: float, width: np.ndarray | float) -> np.ndarray:
    """Return 0 below the edge and 1 above it, blended over `width`."""
    return np.clip((value - edge) / np.maximum(width, 1e-4) + 0.5, 0, 1)


def reflected_sky(up: np.ndarray) -> np.ndarray:
    """Radiance seen by a mirror whose reflected ray has this upward slope, N -> N x 3."""
    horizon = np.exp(-np.abs(up - 0.02) * 9)[:, None]
    above = np.clip(up, 0, 1)[:, None]
    sky = (1 - above) * np.array([0.62, 0.68, 0.74]) + above * np.array([0.22, 0.34, 0.55])
    colour = np.where(up[:, None] > 0, sky, np.array([[0.11, 0.105, 0.10]]))
    return (colour * (1 - 0.55 * horizon)).astype(np.float32)
