# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The fixed part of the street, ray-cast once at twice the size and kept."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from degfuse_ros.demo import street, surfaces
from degfuse_ros.demo.cast import parked
from degfuse_ros.demo.greenery import tree
from degfuse_ros.demo.layers import SKY_RANGE, Layers
from degfuse_ros.demo.light import GROUND_COLOUR, SKY_COLOUR, SUN, SUN_COLOUR, linear
from degfuse_ros.demo.viewpoint import EYE_HEIGHT, Viewpoint

# Drawn at this multiple of the final size, then averaged: clean edges on far windows.
OVERSAMPLING = 2


@dataclass
class _Hits:
    """What each pixel's ray meets: depth along z, surface number and its normal.

    Surface numbers: -2 sky, -1 ground, otherwise the index of a house; `side` is true where
    the ray meets the wall along the street and false where it meets the end wall.
    """

    depth: np.ndarray
    surface: np.ndarray
    side: np.ndarray


def _cast(across: np.ndarray, up: np.ndarray) -> _Hits:
    """Find the nearest surface along each ray."""
    depth = np.where(up < 0, EYE_HEIGHT / np.maximum(-up, 1e-6), SKY_RANGE).astype(np.float32)
    depth = np.minimum(depth, SKY_RANGE)
    surface = np.where(depth < 400, -1, -2).astype(np.int16)
    depth[surface == -2] = SKY_RANGE
    side = np.zeros(depth.shape, bool)
    slope = np.where(np.abs(across) < 1e-6, 1e-6, across)
    for number, house in enumerate(street.HOUSES):
        wall = house.x[0] if house.x[0] > 0 else house.x[1]
        candidates = ((wall / slope, True), (np.full_like(depth, house.z[0]), False))
        for along, is_side in candidates:
            height = EYE_HEIGHT + up * along
            place = across * along
            hit = (along > 0.5) & (along < depth) & (height > 0) & (height < house.height)
            if is_side:
                hit &= (along > house.z[0]) & (along < house.z[1])
            else:
                hit &= (place > house.x[0]) & (place < house.x[1])
            depth[hit], surface[hit], side[hit] = along[hit], number, is_side
    return _Hits(depth, surface, side)


def _sunlit(hits: _Hits, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Share of the sun that reaches each pixel's point, 0..1, found at the final size."""
    step = OVERSAMPLING
    depth = hits.depth[::step, ::step]
    points = np.stack([across[::step, ::step] * depth, EYE_HEIGHT + up[::step, ::step] * depth,
                       depth], axis=-1)
    lit = street.sunlight(points)
    lit = cv2.GaussianBlur(lit, (0, 0), 0.7)
    return cv2.resize(lit, hits.depth.shape[::-1],
                      interpolation=cv2.INTER_LINEAR)


class Backdrop:
    """The empty street seen from one viewpoint.

    Args:
        view: final size and camera.
    """

    def __init__(self, view: Viewpoint) -> None:
        fine = view.scaled(OVERSAMPLING)
        across, up = (np.ascontiguousarray(a) for a in fine.rays())
        hits = _cast(across, up)
        shape = hits.depth.shape
        layers = Layers(fine, np.zeros((*shape, 3), np.float32),
                        np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32),
                        hits.depth, np.zeros(shape, np.uint8))
        self._paint(layers, hits, across, up)
        self._plant(layers)
        self.layers = layers.halved()

    def _paint(self, layers: Layers, hits: _Hits, across: np.ndarray, up: np.ndarray) -> None:
        """Colour sky, ground and houses."""
        lit = _sunlit(hits, across, up)
        mask = hits.surface == -2
        layers.day[mask], layers.thermal[mask] = surfaces.sky(across[mask], up[mask])
        layers.night[mask] = np.array([0.010, 0.011, 0.015])
        mask = hits.surface == -1
        depth = hits.depth[mask]
        x = across[mask] * depth
        ground = surfaces.ground(x, depth, layers.view.focal)
        points = np.stack([x, np.zeros_like(x), depth], axis=-1)
        near_wall = np.minimum(np.abs(x + 8.7), np.abs(x - 7.3))
        open_sky = 1 - 0.45 * np.exp(-near_wall / 1.2)
        _light(layers, mask, ground, lit[mask], points, np.array([0, 1, 0], np.float32), open_sky)
        for number, house in enumerate(street.HOUSES):
            for is_side in (True, False):
                mask = (hits.surface == number) & (hits.side == is_side)
                if mask.any():
                    self._paint_house(layers, mask, number, house, is_side, lit[mask],
                                      (across[mask], up[mask], hits.depth[mask]))

    @staticmethod
    def _paint_house(layers: Layers, mask: np.ndarray, number: int, house: street.House,
                     is_side: bool, lit: np.ndarray, ray: tuple[np.ndarray, ...]) -> None:
        """Colour one wall of one house."""
        across, up, depth = ray
        points = np.stack([across * depth, EYE_HEIGHT + up * depth, depth], axis=-1)
        footprint = depth / layers.view.focal
        if is_side:
            footprint = footprint * np.clip(1 / np.maximum(np.abs(across), 0.05), 1, 8) ** 0.7
            normal = np.array([1.0 if house.x[1] < 0 else -1.0, 0, 0], np.float32)
        else:
            normal = np.array([0, 0, -1], np.float32)
        u = points[:, 2] - house.z[0] if is_side else points[:, 0] - house.x[0]
        front = surfaces.front(house, u, points[:, 1], up, footprint, 101 + 11 * number)
        open_sky = 1 - 0.5 * np.exp(-points[:, 1] / 1.5)
        _light(layers, mask, front, lit, points, normal, open_sky)

    @staticmethod
    def _plant(layers: Layers) -> None:
        """Draw trees, lamp posts and parked vehicles, the farthest first."""
        things: list[tuple[float, Callable[[], None]]] = []
        for number, (x, z, height) in enumerate(street.TREES):
            things.append((z, partial(_draw_tree, layers, x, z, height, number)))
        for x, z, side in street.LAMPS:
            things.append((z, partial(_draw_lamp, layers, x, z, side)))
        for vehicle, place in parked():
            things.append((place[1], partial(vehicle.draw, layers, place, 0)))
        for _, draw in sorted(things, key=lambda thing: -thing[0]):
            draw()


def _draw_tree(layers: Layers, x: float, z: float, height: float, number: int) -> None:
    """Draw a tree and the shade at its foot."""
    layers.shade_foot(x, z, 0.5)
    crown = np.array([[x, height * 0.6, z]], np.float32)
    tree(height, 7 + number).draw(layers, (x, z), street.sunlight(crown).item(), 0.06, 0)


def _light(layers: Layers, mask: np.ndarray, surface: surfaces.Surface, lit: np.ndarray,
           points: np.ndarray, normal: np.ndarray, open_sky: np.ndarray) -> None:
    """Fill a mask's pixels of all layers from its surface, by day and by night."""
    facing = max(float(normal @ SUN), 0.0)
    sun = (lit * facing)[:, None] * SUN_COLOUR
    sky = open_sky[:, None] * (SKY_COLOUR + (1 - normal[1]) * GROUND_COLOUR * 0.6)
    layers.day[mask] = surface.albedo * (sun + sky) + surface.mirror
    lamps = street.lamp_light(points, np.broadcast_to(normal, points.shape))
    warm = np.array([1.0, 0.80, 0.52], np.float32)
    layers.night[mask] = surface.albedo * lamps[:, None] * warm + surface.glow
    layers.thermal[mask] = surface.thermal + 0.10 * lit * facing


def _draw_lamp(layers: Layers, x: float, z: float, side: int) -> None:
    """Draw a lamp post with its arm and head."""
    layers.shade_foot(x, z, 0.3)
    head = x + side * street.LAMP_ARM
    tall = street.LAMP_HEIGHT
    parts = (((x, 0.0), (x, tall), 0.16, '6d6f70', 0.30),
             ((x, tall), (head, tall + 0.25), 0.09, '6d6f70', 0.30),
             ((head - 0.35, tall + 0.2), (head + 0.35, tall + 0.2), 0.16, '85888a', 0.42))
    lit = float(street.sunlight(np.array([x, 2.0, z], np.float32)))
    for start, end, width, colour, warmth in parts:
        ends = layers.view.project(np.array([[*start, z], [*end, z]]))
        thick = max(1, round(width * layers.view.focal / z))
        mask = np.zeros(layers.depth.shape, np.uint8)
        first, last = ends.astype(int).tolist()
        cv2.line(mask, first, last, 255, thick)
        hit = (mask > 0) & (layers.depth > z)
        layers.day[hit] = linear(colour) * (SKY_COLOUR + 0.6 * lit * SUN_COLOUR)
        layers.night[hit] = linear(colour) * 0.05
        layers.thermal[hit] = warmth
        layers.depth[hit] = z
