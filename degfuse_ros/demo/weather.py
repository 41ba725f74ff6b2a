# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Degradations of the visible picture, computed from the scene's own distances and light.

Nothing here is shared with the simulator that made the training images: it works on linear
radiance and on true distances, so that a network's answer on it is an answer to unseen data.
"""
from collections.abc import Sequence

import cv2
import numpy as np

from degfuse_ros.demo import street
from degfuse_ros.demo.layers import Layers
from degfuse_ros.demo.scene import SceneView
from degfuse_ros.demo.timeline import Condition
from degfuse_ros.demo.viewpoint import Viewpoint

# Extinction per metre of the densest fog: a visibility of 3.912 / 0.075 = 52 m.
DENSEST_FOG = 0.075
AIRLIGHT = np.array([0.45, 0.47, 0.49], np.float32)
# The darkest night keeps 10 ** -1.9 = 1.3 % of the day's light.
NIGHT_DECADES = 1.9
MOONLIGHT = np.array([0.80, 0.95, 1.15], np.float32)
# Shot noise (variance per radiance) and read noise of a night exposure.
SHOT_NOISE, READ_NOISE = 6e-4, 1.8e-3
# An exposure at most 6.5 times too long: 2.7 stops.
LONGEST_EXPOSURE = 6.5
# Heavy rain: a visibility of 3.912 / 0.004 = 980 m.
RAIN_EXTINCTION = 0.004
RAIN_AIRLIGHT = np.array([0.40, 0.42, 0.44], np.float32)
_LAMP_COLOUR = np.array([1.0, 0.82, 0.55], np.float32)


def fog(radiance: np.ndarray, distance: np.ndarray, severity: float) -> np.ndarray:
    """Koschmieder's law: radiance fades with distance into the airlight.

    Args:
        radiance: H x W x 3 linear RGB.
        distance: H x W metres along the ray.
        severity: 0..1.
    """
    extinction = DENSEST_FOG * severity ** 1.5
    clear = cv2.exp(-extinction * distance)[..., None]
    return AIRLIGHT + (radiance - AIRLIGHT) * clear


def overexpose(radiance: np.ndarray, severity: float) -> np.ndarray:
    """A too long exposure: gain, bloom around what saturates, and stray light in the lens."""
    exposed = radiance * np.float32(LONGEST_EXPOSURE ** severity)
    small = cv2.resize(exposed, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    spill = np.clip(small - 0.9, 0, 2)
    spill = cv2.GaussianBlur(spill, (0, 0), max(0.6, small.shape[1] / 45))
    bloom = cv2.resize(spill, exposed.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return exposed + severity * (0.30 * bloom + 0.05)


class Weather:
    """Degrades pictures of one size.

    Args:
        view: the camera of the pictures.
        seed: of the noise and of the rain.
    """

    def __init__(self, view: Viewpoint, seed: int = 0) -> None:
        self._view = view
        self._seed = seed
        self._range_factor = view.range_factor()
        random = np.random.default_rng(seed)
        self._grain = random.normal(0, 1, (view.height + 64, view.width + 64, 3)
                                    ).astype(np.float32)
        self._streaks = [_streaks(view, random, *kind) for kind in (
            # (how many per 640 x 480, length, width, brightness): far, middle and near drops
            (2600, 0.030, 1, 0.15), (650, 0.065, 1, 0.26), (70, 0.13, 2, 0.30))]
        self._lamp_heads = [(np.array([x + side * street.LAMP_ARM, street.LAMP_HEIGHT, z]),
                             _LAMP_COLOUR) for x, z, side in street.LAMPS]

    def degrade(self, scene: SceneView, condition: Condition, index: int) -> np.ndarray:
        """Return H x W x 3 linear radiance of the degraded visible picture.

        Args:
            scene: what is there.
            condition: what to do to it; severity 0 returns the clear picture unchanged.
            index: frame number, for noise and drops that differ from frame to frame.
        """
        layers, severity = scene.layers, condition.severity
        if severity == 0:
            return layers.day
        random = np.random.default_rng((self._seed, index))
        if condition.label == 'fog':
            distance = self.distance(layers)
            lit = self._glow(layers.day, scene, 0.9 * severity, 1.0)
            return fog(lit, distance, severity)
        if condition.label == 'low_light':
            return self._night(scene, severity, random)
        if condition.label == 'overexposed':
            return overexpose(layers.day, severity)
        return self._rain(scene, severity, random)

    def distance(self, layers: Layers) -> np.ndarray:
        """Return metres along each pixel's ray, H x W float32."""
        return layers.depth * self._range_factor

    def _night(self, scene: SceneView, severity: float, random: np.random.Generator
               ) -> np.ndarray:
        """Daylight goes, lamps and windows stay; few photons make noise."""
        layers = scene.layers
        daylight = 10 ** (-NIGHT_DECADES * severity)
        tint = 1 + (MOONLIGHT - 1) * severity
        dark = layers.day * (daylight * tint) + layers.night * severity ** 2
        dark = self._glow(dark, scene, severity, 0.5, self._lamp_heads)
        top, left = random.integers(0, 64, 2)
        grain = self._grain[top:top + dark.shape[0], left:left + dark.shape[1]]
        noise = cv2.sqrt(np.maximum(dark, 0) * SHOT_NOISE + READ_NOISE ** 2)
        return dark + severity * noise * grain

    def _rain(self, scene: SceneView, severity: float, random: np.random.Generator
               ) -> np.ndarray:
        """Overcast light, a wet road that mirrors, a veil, streaks, and drops that blur."""
        layers = scene.layers
        grey = layers.day.mean(axis=2, keepdims=True)
        wet = (layers.day + 0.45 * severity * (grey - layers.day)) * (1 - 0.30 * severity)
        wet = self._mirror_road(layers, wet, severity)
        wet = self._glow(wet, scene, 0.6 * severity, 0.6)
        clear = cv2.exp(-RAIN_EXTINCTION * severity * self.distance(layers))[..., None]
        veiled = RAIN_AIRLIGHT + (wet - RAIN_AIRLIGHT) * clear
        blur = 0.9 * severity * self._view.width / 640
        if blur > 0.2:
            veiled = cv2.GaussianBlur(veiled, (0, 0), blur)
        height, width = veiled.shape[:2]
        cover = np.zeros((height, width), np.float32)
        for layer in self._streaks:
            top = random.integers(0, layer.shape[0] - height + 1)
            left = random.integers(0, layer.shape[1] - width + 1)
            cover += layer[top:top + height, left:left + width]
        cover = np.minimum(cover * severity, 0.8)[..., None]
        return veiled + cover * (np.float32(0.72) - veiled)

    def _mirror_road(self, layers: Layers, radiance: np.ndarray, severity: float) -> np.ndarray:
        """Let the wet ground reflect what stands above the horizon, smeared downwards."""
        horizon = round(self._view.centre[1])
        rows = min(horizon, self._view.height - horizon)
        above = radiance[horizon - rows:horizon][::-1]
        small = cv2.resize(above, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigmaX=0.8, sigmaY=max(0.8, rows / 40))
        mirrored = cv2.resize(small, above.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        where = (slice(horizon, horizon + rows), slice(0, self._view.width))
        # Water mirrors more the flatter one looks at it.
        flatness = np.linspace(0.55, 0.10, rows, dtype=np.float32)[:, None]
        share = (severity * flatness * layers.is_ground(where))[..., None]
        wet = radiance.copy()
        wet[where] = radiance[where] * (1 - 0.35 * share) + 0.62 * share * mirrored
        return wet

    def _glow(self, radiance: np.ndarray, scene: SceneView, strength: float, halo: float,
              more: Sequence[tuple[np.ndarray, np.ndarray]] = ()) -> np.ndarray:
        """Add the lamps, each a bright core and a halo."""
        radiance = radiance.copy()
        layers = scene.layers
        for spot, colour in [*scene.lamps, *more]:
            u, v = self._view.project(spot[None])[0]
            size = self._view.focal / spot[2]
            core, wide = max(0.10 * size, 0.7), max((0.35 + 0.55 * halo) * size, 1.5)
            where = layers.window(u - 3 * wide, v - 3 * wide, u + 3 * wide, v + 3 * wide)
            row, column = int(round(v)), int(round(u))
            inside = 0 <= row < self._view.height and 0 <= column < self._view.width
            # Something nearer than the lamp stands in the way.
            if where is None or (inside and layers.depth[row, column] < spot[2] - 3.5):
                continue
            rows, columns = np.ogrid[where[0], where[1]]
            square = ((columns - u) ** 2 + (rows - v) ** 2).astype(np.float32)
            light = 1.6 * np.exp(-square / core ** 2) + 0.16 * halo * np.exp(-square / wide ** 2)
            radiance[where] += strength * light[..., None] * colour.astype(np.float32)
        return radiance


def _streaks(view: Viewpoint, random: np.random.Generator, count: int, length: float, width: int,
             brightness: float) -> np.ndarray:
    """Draw one layer of rain streaks, larger than the picture so that it can be shifted."""
    rows, columns = int(view.height * 1.6), int(view.width * 1.6)
    number = int(count * 2.56 * view.width * view.height / (640 * 480))
    layer = np.zeros((rows, columns), np.uint8)
    starts = random.uniform(0, 1, (number, 2)) * (columns, rows)
    lengths = view.height * length * random.uniform(0.6, 1.3, number)
    slants = 0.14 + random.normal(0, 0.02, number)
    tones = (255 * random.uniform(0.35, 1.0, number)).astype(int)
    thick = max(1, round(width * view.height / 480))
    for start, along, slant, tone in zip(starts, lengths, slants, tones, strict=True):
        end = start + (along * slant, along)
        cv2.line(layer, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), int(tone),
                 thick, cv2.LINE_AA)
    soft = cv2.GaussianBlur(layer.astype(np.float32) / 255, (0, 0), 0.45 * width)
    return soft * brightness
