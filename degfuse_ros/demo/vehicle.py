# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Vehicles: a lofted shell of some four hundred facets, drawn anew from each position."""
from dataclasses import dataclass, field

import cv2
import numpy as np

from degfuse_ros.demo import street
from degfuse_ros.demo.layers import Layers
from degfuse_ros.demo.light import (
    GROUND_COLOUR,
    SKY_COLOUR,
    SUN,
    SUN_COLOUR,
    linear,
    reflected_sky,
)
from degfuse_ros.demo.shell import Shell
from degfuse_ros.demo.viewpoint import EYE_HEIGHT

# Facets are filled at this multiple of the final size, then averaged.
OVERSAMPLING = 2
_SHIFT = 4
_LAMP_COLOURS = {'head': np.array([1.0, 0.93, 0.78]), 'tail': np.array([0.95, 0.05, 0.03])}


@dataclass
class Vehicle:
    """One vehicle.

    Args:
        shell: its shape.
        paint: sRGB hex colour.
        running: whether the engine, the wheels and the exhaust are hot.
    """

    shell: Shell
    paint: str
    running: bool = True
    _colours: np.ndarray = field(init=False, repr=False)
    _warmth: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look up each facet's colour and temperature."""
        colours = {'paint': self.paint, 'glass': '14181b', 'trim': '1b1c1d', 'tyre': '191919',
                   'rim': '9a9ca0', 'head': 'd5d8dc', 'tail': '8e1616', 'plate': 'd9d7c8'}
        warmth = {'paint': 0.37, 'glass': 0.27, 'trim': 0.42, 'tyre': 0.58, 'rim': 0.55,
                  'head': 0.50, 'tail': 0.44, 'plate': 0.36}
        self._colours = np.stack([linear(colours[m]) for m in self.shell.materials])
        self._warmth = np.array([warmth[m] for m in self.shell.materials], np.float32)
        centre = self.shell.facets.mean(axis=1)
        bonnet = np.exp(-((centre[:, 2] - self.shell.length / 2 + 0.6) / 0.7) ** 2)
        low = np.exp(-np.clip(centre[:, 1] - 0.2, 0, 9) / 0.35)
        exhaust = np.exp(-((centre[:, 2] + self.shell.length / 2) / 0.3) ** 2
                         - ((centre[:, 0] - 0.45) / 0.25) ** 2 - ((centre[:, 1] - 0.3) / 0.2) ** 2)
        heat = 0.26 * bonnet * (self._warmth > 0.3) + 0.10 * low + 0.5 * exhaust
        self._warmth = self._warmth + (heat if self.running else 0.25 * heat - 0.02)

    def draw(self, layers: Layers, place: tuple[float, float, float], number: int,
             travelled: float = 0.0) -> None:
        """Draw the vehicle and its shadow.

        Args:
            layers: drawn into.
            place: (x, z) metres of its middle and its heading in radians, 0 along +z.
            number: object number.
            travelled: metres gone, which turns the wheels.
        """
        x, z, heading = place
        if z - self.shell.length / 2 < 0.6:
            return
        cosine, sine = np.cos(heading), np.sin(heading)
        turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        facets = self.shell.facets @ turn.T + (x, 0, z)
        normals = self.shell.normals @ turn.T
        ground = np.array([x, 0.7, z], np.float32)
        sunlit = float(street.sunlight(ground))
        self._shadow(layers, facets, sunlit)
        centres = facets.mean(axis=1)
        eye = np.array([0, EYE_HEIGHT, 0]) - centres
        seen = np.flatnonzero((normals * eye).sum(axis=1) > 0)
        # Farthest first; wheels and fittings after the shell that they are mounted on.
        seen = seen[np.lexsort((-(eye[seen] ** 2).sum(axis=1), self.shell.order[seen]))]
        colours = self._lit(centres[seen], eye[seen], normals[seen], seen, sunlit)
        self._fill(layers, facets[seen], colours, self._warmth[seen],
                   float(street.lamp_light(ground)), number)

    def _lit(self, centres: np.ndarray, eye: np.ndarray, normals: np.ndarray,
             seen: np.ndarray, sunlit: float) -> np.ndarray:
        """Return each seen facet's radiance by day, N x 3."""
        facing = np.clip(normals @ SUN, 0, 1)[:, None] * sunlit
        open_sky = (0.5 + 0.5 * normals[:, 1:2]) * (0.4 + 0.6 * np.clip(centres[:, 1:2], 0, 1))
        diffuse = self._colours[seen] * (facing * SUN_COLOUR + open_sky * SKY_COLOUR
                                         + (1 - open_sky) * GROUND_COLOUR)
        ray = -eye / np.linalg.norm(eye, axis=1, keepdims=True)
        along = (ray * normals).sum(axis=1, keepdims=True)
        mirrored = ray - 2 * along * normals
        shiny = np.array([{'paint': 0.06, 'glass': 0.16, 'head': 0.3, 'tail': 0.1}.get(
            self.shell.materials[i], 0.01) for i in seen])[:, None]
        fresnel = shiny + (1 - shiny) * np.clip(1 + along, 0, 1) ** 5 * (shiny > 0.02)
        glint = np.clip((mirrored * SUN).sum(axis=1, keepdims=True), 0, 1) ** 60
        return diffuse + fresnel * (reflected_sky(mirrored[:, 1])
                                    + 3.0 * sunlit * glint * SUN_COLOUR)

    def _shadow(self, layers: Layers, facets: np.ndarray, sunlit: float) -> None:
        """Darken the ground below and, in the sun, beside the vehicle."""
        points = facets.reshape(-1, 3)
        for direction, strength in ((np.array([0, 1, 0]), 0.72), (SUN, 0.62 * sunlit)):
            fallen = points - direction * (points[:, 1] / direction[1])[:, None]
            fallen = fallen[fallen[:, 2] > 0.8]
            if strength == 0 or len(fallen) < 3:
                continue
            outline = cv2.convexHull(layers.view.project(fallen).astype(np.float32))[:, 0]
            soft = max(0.8, 0.10 * layers.view.focal / points[:, 2].mean())
            (left, top), (right, low) = outline.min(axis=0), outline.max(axis=0)
            where = layers.window(left - 2 * soft, top - soft, right + 2 * soft, low + soft)
            if where is None:
                continue
            mask = np.zeros((where[0].stop - where[0].start, where[1].stop - where[1].start),
                            np.float32)
            shifted = outline - (where[1].start, where[0].start)
            cv2.fillConvexPoly(mask, np.round(shifted).astype(np.int32), 1.0)
            layers.shade(where, 1 - strength * cv2.GaussianBlur(mask, (0, 0), soft * 0.6))

    def _fill(self, layers: Layers, facets: np.ndarray, colours: np.ndarray,
              warmth: np.ndarray, lamp: float, number: int) -> None:
        """Fill the facets, farthest first, and lay the result over the layers."""
        corners = layers.view.project(facets.reshape(-1, 3))
        (left, top), (right, low) = corners.min(axis=0), corners.max(axis=0)
        where = layers.window(left - 1, top - 1, right + 1, low + 1)
        if where is None:
            return
        shape = (where[0].stop - where[0].start, where[1].stop - where[1].start)
        which = np.zeros((shape[0] * OVERSAMPLING, shape[1] * OVERSAMPLING), np.uint16)
        local = (corners - (where[1].start, where[0].start) + 0.5) * OVERSAMPLING - 0.5
        fixed = np.round(local * (1 << _SHIFT)).astype(np.int32).reshape(-1, 4, 2)
        for index, quad in enumerate(fixed):
            cv2.fillConvexPoly(which, quad, index + 1, cv2.LINE_8, _SHIFT)
        table = np.zeros((len(facets) + 1, 4), np.float32)
        table[1:, :3], table[1:, 3] = colours, warmth
        alpha = cv2.resize((which > 0).astype(np.float32), shape[::-1],
                           interpolation=cv2.INTER_AREA)
        drawn = cv2.resize(table[which], shape[::-1], interpolation=cv2.INTER_AREA)
        layers.cover(where, alpha, drawn[..., :3], lamp, drawn[..., 3],
                     float(facets[..., 2].mean()), number)

    def lamps(self, place: tuple[float, float, float]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return (position, linear RGB colour times brightness) of the lamps turned to the eye."""
        x, z, heading = place
        cosine, sine = np.cos(heading), np.sin(heading)
        turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        found = []
        for kind, position in self.shell.lamps:
            facing = turn @ np.array([0, 0, 1.0 if kind == 'head' else -1.0])
            spot = turn @ position + (x, 0, z)
            to_eye = np.array([0, EYE_HEIGHT, 0]) - spot
            turned = float(facing @ to_eye / np.linalg.norm(to_eye))
            if turned > 0.1 and spot[2] > 1.5:
                found.append((spot, _LAMP_COLOURS[kind] * turned))
        return found
