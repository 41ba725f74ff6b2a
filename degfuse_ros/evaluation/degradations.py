# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The robustness benchmark's bad weather and bad light, put on clean visible images.

Models and parameters are not those of training: all is done in linear light (sRGB's curve), depth
is a street canyon's that follows the picture's edges, photons are counted, the sun has a place,
and drops are drawn one by one. Severities are nominal and on the scale of the labels that the
guidance was trained with: 0 is nothing, 1 the worst that is of use. All are linear: in the optical
depth of fog, in stops of exposure, and in the number of drops.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

from degfuse_ros.evaluation.guided_filter import guided_filter

# These put the severities on the scale of the training labels: on real clean pictures the same
# severity leaves about the same share of the edges (v-Q within 0.15).
FOG_DEPTH = 1.3  # optical depth at severity 1; on display a bright airlight hides more than that
STOPS_DARK = 6.0  # exposure stops that severity 1 of low light lacks: 1.6 % of the light
STOPS_BRIGHT = 2.4  # exposure stops that severity 1 of overexposure has too many
ELECTRONS = 2500  # that a white pixel of a small camera collects in full exposure
READ_NOISE = 3.0  # electrons, of a small CMOS sensor
ROW_NOISE = 0.8  # electrons, common to a row: the banding of a rolling shutter's amplifiers
DROPS = 5000  # streaks on a 640 x 480 picture at severity 1: a cloudburst
MIST = 0.25  # optical depth of the rain behind the streaks at severity 1
OPACITY = 0.8  # of a near streak: a drop passes a pixel in less than the exposure time

# sRGB's curve, IEC 61966-2-1, both ways; 16 bits of light tell all 256 steps of display apart.
_STEPS, _AMOUNTS = np.arange(256) / 255, np.arange(65536) / 65535
_LIGHT = np.where(_STEPS <= 0.04045, _STEPS / 12.92,
                  ((_STEPS + 0.055) / 1.055) ** 2.4).astype(np.float32)
_DISPLAY = np.rint(255 * np.where(_AMOUNTS <= 0.0031308, 12.92 * _AMOUNTS,
                                  1.055 * _AMOUNTS ** (1 / 2.4) - 0.055)).astype(np.uint8)


@dataclass(frozen=True)
class Case:
    """One cell of the benchmark.

    Args:
        name: the kind and the level: 'fog_depth_2'.
        kind: what is done.
        level: 1 mild, 2, 3 heavy.
        severity: nominal true severity of each degradation present, 0 to 1: the share of
            `FOG_DEPTH`, `STOPS_DARK`, `STOPS_BRIGHT` or `DROPS` that is applied.
        labels: the classes that are right answers.
    """

    name: str
    kind: str
    level: int
    severity: dict[str, float]
    labels: tuple[str, ...]


# The three levels' severities; combinations take milder ones, so that something is left to see.
_LEVELS: dict[str, tuple[dict[str, float], ...]] = {
    'fog_uniform': ({'fog': 0.3}, {'fog': 0.6}, {'fog': 0.9}),
    'fog_depth': ({'fog': 0.3}, {'fog': 0.6}, {'fog': 0.9}),
    'low_light': ({'low_light': 0.35}, {'low_light': 0.6}, {'low_light': 0.85}),
    'overexposed': ({'overexposed': 0.35}, {'overexposed': 0.65}, {'overexposed': 0.95}),
    'rain': ({'rain': 0.3}, {'rain': 0.6}, {'rain': 0.9}),
    'fog_low_light': ({'fog': 0.3, 'low_light': 0.3}, {'fog': 0.5, 'low_light': 0.45},
                      {'fog': 0.7, 'low_light': 0.6}),
    'rain_low_light': ({'rain': 0.3, 'low_light': 0.3}, {'rain': 0.5, 'low_light': 0.45},
                       {'rain': 0.7, 'low_light': 0.6}),
}

CASES = tuple(Case(f'{kind}_{level}', kind, level, severity, tuple(severity))
              for kind, levels in _LEVELS.items()
              for level, severity in enumerate(levels, start=1))
"""All kinds at all levels."""


def degrade(visible: np.ndarray, case: Case, name: str, seed: int = 0) -> np.ndarray:
    """Degrade a clean visible image.

    The same seed, case and name give the same picture in any order. The levels of a kind share
    their random draws, so that they differ by severity alone.

    Args:
        visible: H x W x 3 uint8 RGB.
        case: what to do.
        name: the pair's name.
        seed: of the benchmark.

    Returns:
        H x W x 3 uint8 RGB.
    """
    digest = hashlib.sha256(f'{seed}/{case.kind}/{name}'.encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], 'big'))
    # In the order in which light meets them: the air, the drops, the lens, the sensor.
    fog = _uniform_fog if case.kind == 'fog_uniform' else _depth_fog
    changes = {'fog': fog, 'rain': _rain, 'overexposed': _overexpose, 'low_light': _darken}
    light = _LIGHT[visible]
    for degradation, change in changes.items():
        if degradation in case.severity:
            light = change(light, case.severity[degradation], random)
    return _to_display(light)


def _uniform_fog(light: np.ndarray, severity: float, random: np.random.Generator) -> np.ndarray:
    """Smoke or mist of one thickness everywhere (Koschmieder's law, linear light)."""
    return _scatter(light, np.exp(np.float32(-FOG_DEPTH * severity)), _airlight(random))


def _depth_fog(light: np.ndarray, severity: float, random: np.random.Generator) -> np.ndarray:
    """Fog that thickens with the distance in a street (Koschmieder's law, linear light)."""
    airlight = _airlight(random)
    depth = _street_depth(light, random)
    # Twice the uniform fog's: here only the far end meets all of it.
    transmission = np.exp(np.float32(-2 * FOG_DEPTH * severity) * depth)
    return _scatter(light, transmission[..., None], airlight)


def _airlight(random: np.random.Generator) -> np.ndarray:
    """Draw the light that fog adds: from a dull to a bright day, somewhat blue or yellow."""
    blue = random.uniform(-0.06, 0.06)
    return np.float32(random.uniform(0.4, 0.8) * np.array([1 - blue, 1, 1 + blue]))


def _scatter(light: np.ndarray, transmission: np.ndarray, airlight: np.ndarray) -> np.ndarray:
    """Let a share of the light through and put airlight in the place of the rest."""
    return light * transmission + airlight * (1 - transmission)


def _street_depth(light: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a depth of 0.2 to 1 of a street canyon: floor, two walls, open sky, H x W.

    A guided filter makes it follow the picture's edges.
    """
    height, width = light.shape[:2]
    centre, horizon = random.uniform(0.35, 0.65), random.uniform(0.35, 0.5)
    row = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    column = np.linspace(0, 1, width, dtype=np.float32)[None]
    down, aside = (row - horizon) / (1 - horizon), np.abs(column - centre) / 0.5
    # Roofs run towards the vanishing point as well; above them is sky.
    wall = np.where((horizon - row) / horizon < 1.2 * aside, aside, 0)
    nearness = np.maximum(np.maximum(down, wall), 0.2)
    guide = np.sqrt(light.mean(axis=2))  # near to what a display shows
    depth = guided_filter(guide, np.float32(0.2 / nearness), radius=height // 10, epsilon=2e-3)
    return np.clip(depth, 0.2, 1)


def _rain(light: np.ndarray, severity: float, random: np.random.Generator) -> np.ndarray:
    """Draw falling drops one by one, and the mist of those too far to be seen.

    A drop shows the sky, refracted (Garg and Nayar, Vision and rain, 2007): streaks are bright
    before dark things and hardly seen before the sky. Near ones are long, wide and few.
    """
    height, width = light.shape[:2]
    sky = np.float32(np.percentile(light.mean(axis=2), 90))
    light = _scatter(light, np.exp(np.float32(-MIST * severity)), 0.8 * sky)
    share = _streaks(light.shape[:2], severity, random)[..., None]
    return _scatter(light, 1 - share, 0.9 * sky + 0.05)


def _streaks(shape: tuple[int, ...], severity: float, random: np.random.Generator) -> np.ndarray:
    """Draw the streaks of drops in shells from far to near, as the share that they cover."""
    height, width = shape
    cover = np.zeros((height, width), np.uint8)
    wind = random.uniform(-0.35, 0.35)
    shells = np.arange(8, 0.9, -0.5)  # in multiples of the nearest distance
    for distance in shells:
        # Drops are spread evenly over the volume, so their number grows with the square.
        most = DROPS * height * width / (640 * 480) * distance ** 2 / (shells ** 2).sum()
        start = random.uniform((0, -0.1), (1, 1), (round(most), 2)) * (width, height)
        lean = wind + random.normal(0, 0.03, round(most))
        length = 0.18 * height / distance
        fall = np.stack([lean * length, np.full(len(lean), length)], axis=1)
        ends = np.stack([start, start + fall], axis=1)[:round(most * severity)]
        thickness = 2.6 * height / 480 / distance
        value = round(255 * OPACITY * min(1.0, thickness))  # a thin streak fills no whole pixel
        cv2.polylines(cover, np.rint(16 * ends).astype(np.int32), False, value,
                      max(1, round(thickness)), cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(cover, (0, 0), 0.6).astype(np.float32) / 255


def _overexpose(light: np.ndarray, severity: float, random: np.random.Generator) -> np.ndarray:
    """Expose too long against a low sun: its glare, stray light, and clipping."""
    height, width = light.shape[:2]
    bright = light * np.float32(2 ** (STOPS_BRIGHT * severity))
    row = (np.arange(height, dtype=np.float32)[:, None] / height - random.uniform(0.02, 0.3))
    column = (np.arange(width, dtype=np.float32)[None] / width - random.uniform(0.15, 0.85))
    squared = row ** 2 + (column * width / height) ** 2
    # Glare falls off with the square of the distance beyond the sun's burnt-out disc.
    sun = 1.6 * severity / (1 + squared / 0.12 ** 2)
    # Scattered in the lens: a wide blur of what is there, made on a small copy.
    small = cv2.resize(np.minimum(bright, 3), (max(1, width // 8), max(1, height // 8)),
                       interpolation=cv2.INTER_AREA)
    stray = cv2.resize(cv2.GaussianBlur(small, (0, 0), height / 64), (width, height))
    warm = np.array([1.05, 1, 0.92], np.float32)
    return np.clip(bright + sun[..., None] * warm + 0.08 * severity * stray, 0, 1)


def _darken(light: np.ndarray, severity: float, random: np.random.Generator) -> np.ndarray:
    """Take light away and count the electrons that are left on the sensor."""
    height, width = light.shape[:2]
    row = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    column = np.linspace(-1, 1, width, dtype=np.float32)[None]
    falloff = 1 / (1 + 0.25 * severity * (row ** 2 + column ** 2))  # of a wide-open lens
    lamps = random.uniform(-0.12, 0.12)  # from the yellow of sodium to the blue of dusk
    colours = np.float32(2 ** (-STOPS_DARK * severity) * np.array([1 + lamps, 1, 1 - lamps]))
    electrons = ELECTRONS * light * falloff[..., None] * colours
    # A Gaussian added to the root is a Poisson count in all but name (Anscombe 1948), faster.
    noise = random.standard_normal(light.shape, np.float32)
    counted = (np.sqrt(electrons) + noise / 2) ** 2 - 0.25
    read = READ_NOISE * random.standard_normal(light.shape, np.float32)
    rows = ROW_NOISE * random.standard_normal((height, 1, 1), np.float32)
    return (counted + read + rows) / ELECTRONS


def _to_display(light: np.ndarray) -> np.ndarray:
    """Turn linear light into uint8 sRGB; what is beyond white is clipped."""
    return _DISPLAY[(np.clip(light, 0, 1) * 65535 + 0.5).astype(np.uint16)]
