# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Shapes of vehicles, lofted from a side outline."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Station = tuple[float, ...]
Range = tuple[float, float]
Quad = list[Any]  # four corners (x, y, z)
Group = tuple[list[Quad], list[str]]
Lamps = tuple[tuple[str, np.ndarray], ...]

# Side outlines, front last: (z, lowest y, belt y, roof y, half width, half width of the roof),
# all over the length and in metres of height and width.
_CAR = ((-0.50, 0.42, 0.80, 0.86, 0.70, 0.62), (-0.485, 0.30, 0.92, 0.99, 0.82, 0.68),
        (-0.42, 0.26, 0.96, 1.06, 0.87, 0.66), (-0.36, 0.24, 0.97, 1.24, 0.89, 0.60),
        (-0.28, 0.24, 0.97, 1.41, 0.90, 0.58), (-0.16, 0.24, 0.96, 1.47, 0.90, 0.58),
        (0.0, 0.24, 0.95, 1.48, 0.90, 0.58), (0.10, 0.24, 0.94, 1.42, 0.90, 0.58),
        (0.17, 0.24, 0.94, 1.22, 0.90, 0.61), (0.235, 0.24, 0.93, 0.99, 0.89, 0.68),
        (0.34, 0.24, 0.88, 0.93, 0.88, 0.68), (0.44, 0.26, 0.80, 0.84, 0.85, 0.64),
        (0.485, 0.30, 0.68, 0.74, 0.80, 0.60), (0.50, 0.38, 0.60, 0.63, 0.70, 0.55))
_VAN = ((-0.50, 0.42, 1.20, 2.02, 0.86, 0.78), (-0.49, 0.32, 1.20, 2.10, 0.94, 0.82),
        (-0.30, 0.30, 1.20, 2.14, 0.96, 0.84), (-0.05, 0.30, 1.20, 2.14, 0.96, 0.84),
        (0.15, 0.30, 1.20, 2.12, 0.96, 0.83), (0.24, 0.30, 1.18, 2.02, 0.96, 0.80),
        (0.33, 0.30, 1.15, 1.60, 0.95, 0.78), (0.385, 0.30, 1.12, 1.20, 0.94, 0.78),
        (0.46, 0.32, 0.98, 1.04, 0.92, 0.76), (0.49, 0.34, 0.84, 0.88, 0.88, 0.72),
        (0.50, 0.40, 0.74, 0.76, 0.80, 0.66))


@dataclass(frozen=True)
class Shell:
    """A vehicle's surface in its own coordinates: x right, y up, z forward, metres.

    Args:
        facets: N x 4 x 3 corners.
        normals: N x 3 outward unit vectors.
        materials: N names: paint, glass, trim, tyre, rim, head, tail or plate.
        order: N numbers; facets of a higher number are drawn over those of a lower one.
        lamps: ('head' or 'tail', position) of each lamp.
        length: metres.
    """

    facets: np.ndarray
    normals: np.ndarray
    materials: tuple[str, ...]
    order: np.ndarray
    lamps: Lamps
    length: float


def _ring(station: Station) -> np.ndarray:
    """Return the cross-section of a station as points from the left sill to the right one."""
    _, low, belt, roof, half, top = station
    middle = (low + belt) / 2
    side = [(half * 0.93, low), (half * 0.99, low + 0.12), (half * 1.0, middle),
            (half * 0.99, belt - 0.06), (half * 0.955, belt),
            (half * 0.955 + (top - half * 0.955) * 0.93, belt + (roof - belt) * 0.86),
            (top * 0.86, roof - 0.012), (top * 0.45, roof + 0.012)]
    return np.array([(-x, y) for x, y in side] + [(x, y) for x, y in reversed(side)])


def _segment_material(kind: str, segment: int, first: Station, second: Station) -> str:
    """Name the material of the strip between two stations at a place of the ring."""
    place = min(segment, 14 - segment)
    taller = min(first[3] - first[2], second[3] - second[2])
    if place == 0:
        return 'trim'
    sloped = abs(first[3] - second[3]) > 0.05
    if kind == 'car':
        if place == 4 and taller > 0.2:
            return 'glass'
        if place >= 5 and sloped and max(first[3], second[3]) > 1.2:
            return 'glass' if place >= 6 else 'paint'
        return 'paint'
    cab = first[0] >= 0.15
    if place == 4 and cab and taller > 0.3:
        return 'glass'
    return 'glass' if place >= 6 and cab and sloped and first[0] < 0.38 else 'paint'


def _finer(stations: Sequence[Station]) -> list[Station]:
    """Put a station between each two, so that tones change gently along the body."""
    fine = [stations[0]]
    for first, second in zip(stations, stations[1:], strict=False):
        fine += [tuple(float(v) for v in (np.array(first) + second) / 2), second]
    return fine


def _smooth(normals: np.ndarray, strips: int) -> np.ndarray:
    """Average the normals of neighbouring facets of the lofted part that bend little."""
    grid = normals.reshape(-1, strips, 3)
    total = grid.copy()
    for shift in (-1, 1):
        for axis in (0, 1):
            other = np.roll(grid, shift, axis=axis)
            # cos 40 degrees: sharper edges, such as those of the windows, stay sharp.
            total += np.where((other * grid).sum(axis=2, keepdims=True) > 0.77, other, 0)
    return (total / np.linalg.norm(total, axis=2, keepdims=True)).reshape(-1, 3)


def _loft(kind: str, stations: Sequence[Station], length: float) -> Group:
    """Return facets and materials of the shell, closed at both ends."""
    stations = _finer(stations)
    rings = [_ring(s) for s in stations]
    facets: list[Quad] = []
    materials: list[str] = []
    for first, second, near, far in zip(stations, stations[1:], rings, rings[1:], strict=False):
        for i in range(len(near) - 1):
            a, b, c, d = near[i], near[i + 1], far[i + 1], far[i]
            z0, z1 = first[0] * length, second[0] * length
            facets.append([(*a, z0), (*b, z0), (*c, z1), (*d, z1)])
            materials.append(_segment_material(kind, i, first, second))
    for ring, z in ((rings[0], stations[0][0]), (rings[-1], stations[-1][0])):
        for i in range(7):
            quad = [ring[i], ring[i + 1], ring[14 - i], ring[15 - i]]
            facets.append([(*p, z * length) for p in quad])
            materials.append('trim' if i < 1 else 'paint')
    return facets, materials


def _box_face(x: Range, y: Range, z: float) -> Quad:
    """Return a flat upright quad across the vehicle at z, given (low, high) ranges."""
    return [(x[0], y[0], z), (x[1], y[0], z), (x[1], y[1], z), (x[0], y[1], z)]


def _wheels(length: float, half: float, radius: float) -> Group:
    """Return facets of arches, tyres and rims on both sides."""
    facets: list[Quad] = []
    materials: list[str] = []
    for x in (-half * 0.995, half * 0.995):
        for z in (-0.30 * length, 0.31 * length):
            for size, material in ((1.2, 'trim'), (1.0, 'tyre'), (0.62, 'rim'), (0.2, 'trim')):
                angle = np.linspace(0, 2 * np.pi, 13)
                rim = np.stack([np.full(13, x), radius * 0.98 + radius * size * np.sin(angle),
                                z + radius * size * np.cos(angle)], axis=1)
                rim[:, 1] = np.maximum(rim[:, 1], 0.0)
                centre = (x, radius * 0.98, z)
                for i in range(0, 12, 2):
                    facets.append([centre, rim[i], rim[i + 1], rim[i + 2]])
                    materials.append(material)
    return facets, materials


def _fittings(kind: str, length: float) -> tuple[list[Quad], list[str], Lamps]:
    """Return facets of lamps, plates and bumpers, and the lamps' positions."""
    rear, nose = -0.502 * length, 0.502 * length
    high_tail = (1.05, 1.45) if kind == 'van' else (0.70, 0.86)
    head_y = (0.74, 0.92) if kind == 'van' else (0.60, 0.73)
    wide = 0.80 if kind == 'van' else 0.72
    facets: list[Quad] = []
    materials: list[str] = []
    lamps: list[tuple[str, np.ndarray]] = []

    def add(quad: Quad, material: str) -> None:
        facets.append(quad)
        materials.append(material)

    for side in (-1, 1):
        inner, outer = sorted((side * (wide - 0.26), side * wide))
        add(_box_face((inner, outer), head_y, nose), 'head')
        lamps.append(('head', np.array([(inner + outer) / 2, sum(head_y) / 2, nose + 0.03])))
        inner, outer = sorted((side * (wide - (0.1 if kind == 'van' else 0.28)), side * wide))
        add(_box_face((inner, outer), high_tail, rear), 'tail')
        lamps.append(('tail', np.array([(inner + outer) / 2, sum(high_tail) / 2, rear - 0.03])))
    add(_box_face((-0.42, 0.42), (0.50, 0.62), nose), 'trim')
    add(_box_face((-0.62, 0.62), (0.28, 0.40), nose), 'trim')
    add(_box_face((-0.68, 0.68), (0.32, 0.46), rear), 'trim')
    add(_box_face((-0.26, 0.26), (0.54, 0.65), rear), 'plate')
    add(_box_face((-0.26, 0.26), (0.42, 0.52), nose + 0.01), 'plate')
    if kind == 'van':
        for side in (-1, 1):
            inner, outer = sorted((side * 0.10, side * 0.62))
            add(_box_face((inner, outer), (1.30, 1.85), rear), 'glass')
    return facets, materials, tuple(lamps)


def build_shell(kind: str) -> Shell:
    """Return the shape of a 'car' or a 'van'."""
    stations, length, half, radius = ((_CAR, 4.4, 0.90, 0.32) if kind == 'car'
                                      else (_VAN, 5.2, 0.96, 0.35))
    groups = [_loft(kind, stations, length), _wheels(length, half, radius)]
    fittings, names, lamps = _fittings(kind, length)
    groups.append((fittings, names))
    facets = np.array([quad for group, _ in groups for quad in group], np.float64)
    materials = tuple(name for _, group in groups for name in group)
    order = np.concatenate([np.full(len(g), i) for i, (g, _) in enumerate(groups)])
    normals = np.cross(facets[:, 2] - facets[:, 0], facets[:, 3] - facets[:, 1])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    # Turn every normal away from the middle of the vehicle.
    centre = facets.mean(axis=1) - (0, 0.75 if kind == 'car' else 1.0, 0)
    outward = centre * (1, 1, 0.35)
    normals *= np.where((normals * outward).sum(axis=1) < 0, -1, 1)[:, None]
    lofted = 15 * 2 * (len(stations) - 1)
    normals[:lofted] = _smooth(normals[:lofted], 15)
    return Shell(facets, normals, materials, order, lamps, length)
