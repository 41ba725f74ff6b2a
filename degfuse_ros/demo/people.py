# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""People: bodies of tapered capsules, drawn as sprites for each step and each side."""
from dataclasses import dataclass, field

import numpy as np

from degfuse_ros.demo.light import GROUND_COLOUR, SKY_COLOUR, SUN, SUN_COLOUR, linear, noise
from degfuse_ros.demo.sprites import Sprite

STEPS = 12
SIDES = 12
RESOLUTION = 105.0
STRIDE = 1.35
# Apparent temperature of skin, hair, and of loose and tight clothing, 0..1: the scale of the
# thermal camera's window, in which the road lies near 0.4.
WARMTH = {'skin': 0.95, 'hair': 0.76, 'jacket': 0.66, 'trousers': 0.64, 'shoes': 0.50,
          'bag': 0.45}


@dataclass
class Person:
    """One walking person.

    Args:
        jacket, trousers, skin, hair: sRGB hex colours.
        height: metres.
        bag: whether a backpack is worn.
        seed: pattern of the cloth.
    """

    jacket: str
    trousers: str
    skin: str = 'c99a7c'
    hair: str = '3a2c22'
    height: float = 1.76
    bag: bool = False
    seed: int = 0
    _drawn: dict[tuple[int, int], Sprite] = field(default_factory=dict, repr=False)

    def sprite(self, heading: float, travelled: float) -> Sprite:
        """Return the picture of the person, drawn at most once per step and side.

        Args:
            heading: radians relative to the line of sight; 0 walks away from the camera.
            travelled: metres walked, which sets the step.
        """
        side = round(heading / (2 * np.pi) * SIDES) % SIDES
        step = int(travelled / STRIDE * STEPS) % STEPS
        if (side, step) not in self._drawn:
            self._drawn[side, step] = self._draw(side * 2 * np.pi / SIDES,
                                                 step * 2 * np.pi / STEPS)
        return self._drawn[side, step]

    def _limbs(self, phase: float) -> list[tuple]:
        """Return (start, end, radius at start, radius at end, material), in body coordinates.

        x is the person's right, y up, z forward; metres for a height of 1.76 m.
        """
        limbs = [((0, 1.60, 0.01), (0, 1.68, 0.0), 0.085, 0.095, 'head'),
                 ((0, 1.40, -0.01), (0, 1.54, 0), 0.06, 0.055, 'skin'),
                 ((-0.15, 1.39, 0), (0.15, 1.39, 0), 0.085, 0.085, 'jacket')]
        for x in (-0.09, 0.0, 0.09):
            limbs.append(((x, 1.36, 0), (x * 0.85, 0.94, 0), 0.125, 0.115, 'jacket'))
        limbs.append(((-0.08, 0.92, 0), (0.08, 0.92, 0), 0.115, 0.115, 'trousers'))
        if self.bag:
            limbs.append(((0, 1.32, -0.17), (0, 1.05, -0.18), 0.13, 0.15, 'bag'))
        for x, swing in ((-1, np.sin(phase)), (1, -np.sin(phase))):
            knee = (0.1 * x, 0.50, 0.20 * swing + 0.05)
            bend = max(0.0, float(np.cos(phase) * -x)) * 0.22
            ankle = (0.1 * x, 0.09 + 0.35 * bend, 0.36 * swing - bend * 0.8)
            toe = (0.11 * x, 0.05 + 0.2 * bend, ankle[2] + 0.17)
            limbs += [((0.09 * x, 0.90, 0), knee, 0.098, 0.072, 'trousers'),
                      (knee, ankle, 0.070, 0.048, 'trousers'),
                      ((ankle[0], ankle[1] - 0.02, ankle[2] - 0.04), toe, 0.05, 0.045, 'shoes')]
            elbow = (0.26 * x, 1.12, -0.14 * swing - 0.03)
            hand = (0.25 * x, 0.90, -0.30 * swing + 0.06)
            limbs += [((0.21 * x, 1.38, 0), elbow, 0.062, 0.052, 'jacket'),
                      (elbow, hand, 0.050, 0.038, 'jacket'),
                      (hand, (0.25 * x, 0.83, hand[2] + 0.02), 0.040, 0.036, 'skin')]
        return limbs

    def _draw(self, heading: float, phase: float) -> Sprite:
        """Cast parallel rays at the capsules and light what they meet."""
        size = self.height / 1.76
        rows, columns = int(1.9 * RESOLUTION * size), int(1.3 * RESOLUTION * size)
        foot = (columns / 2, rows - 0.06 * RESOLUTION)
        x = (np.arange(columns) - foot[0]) / RESOLUTION / size
        y = (foot[1] - np.arange(rows)) / RESOLUTION / size
        x, y = np.meshgrid(x, y)
        cosine, sine = np.cos(heading), np.sin(heading)
        nearest = np.full(x.shape, 9.0)
        normal, colour = np.zeros((*x.shape, 3)), np.zeros((*x.shape, 3))
        warmth = np.zeros(x.shape)
        turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        for start, end, first, last, material in self._limbs(phase):
            start, end = turn @ start, turn @ end
            axis = end - start
            length = max(axis[0] ** 2 + axis[1] ** 2, 1e-6)
            along = np.clip(((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / length, 0, 1)
            off = np.stack([x - start[0] - along * axis[0], y - start[1] - along * axis[1]])
            radius = first + along * (last - first)
            bulge = radius ** 2 - (off ** 2).sum(axis=0)
            deep = start[2] + along * axis[2] - np.sqrt(np.maximum(bulge, 0))
            hit = (bulge > 0) & (deep < nearest)
            nearest[hit] = deep[hit]
            towards = np.stack([off[0], off[1], -np.sqrt(np.maximum(bulge, 0))], axis=-1)
            normal[hit] = (towards / radius[..., None])[hit]
            colour[hit], warmth[hit] = self._material(material, normal[hit], turn)
        return self._lit(x, y, nearest < 9, normal, colour, warmth, foot)

    def _material(self, material: str, normal: np.ndarray, turn: np.ndarray
                  ) -> tuple[np.ndarray, np.ndarray | float]:
        """Return colour and temperature of points of a material, given their normals."""
        if material == 'head':
            body = normal @ turn
            hair = (body[:, 1] > 0.45) | (body[:, 2] < -0.1 + 0.5 * body[:, 1])
            colour = np.where(hair[:, None], linear(self.hair), linear(self.skin))
            return colour, np.where(hair, WARMTH['hair'], WARMTH['skin'])
        colours = {'skin': self.skin, 'jacket': self.jacket, 'trousers': self.trousers,
                   'shoes': '2b2724', 'bag': '34373d'}
        return linear(colours[material]), WARMTH[material]

    def _lit(self, x: np.ndarray, y: np.ndarray, solid: np.ndarray, normal: np.ndarray,
             colour: np.ndarray, warmth: np.ndarray, foot: tuple[float, float]) -> Sprite:
        """Light the points by sky and sun, and fold the cloth a little."""
        folds = noise(x * 9 + self.seed, y * 14, self.seed + 201) \
            + 0.6 * noise(x * 30, y * 30, self.seed + 202)
        colour = colour * (1 + 0.16 * folds[..., None])
        facing = np.clip(normal @ SUN + 0.10 * folds, 0, 1)
        open_sky = (0.62 + 0.38 * normal[..., 1]) * (0.55 + 0.45 * np.clip(y / 1.2, 0, 1))
        ambient = open_sky[..., None] * SKY_COLOUR \
            + (0.5 - 0.5 * normal[..., 1])[..., None] * GROUND_COLOUR * 1.5
        # A surface seen at a glancing angle sends out less heat.
        glancing = 0.86 + 0.14 * np.clip(-normal[..., 2], 0, 1)
        warmth = np.clip(warmth * glancing + 0.035 * folds * (warmth < 0.9), 0, 1)
        alpha = solid.astype(np.float32)
        sky = np.dstack([colour * ambient * alpha[..., None], alpha])
        sun = np.dstack([colour * facing[..., None] * SUN_COLOUR * alpha[..., None],
                         warmth * alpha])
        return Sprite(sky.astype(np.float32), sun.astype(np.float32), foot, RESOLUTION)
