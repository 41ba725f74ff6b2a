# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The built-in street at any moment: a clear picture, a thermal twin and the truth."""
from dataclasses import dataclass
from typing import Any

import numpy as np

from degfuse_ros.demo import cast, street
from degfuse_ros.demo.backdrop import Backdrop
from degfuse_ros.demo.layers import Layers
from degfuse_ros.demo.path import Path
from degfuse_ros.demo.people import Person
from degfuse_ros.demo.vehicle import Vehicle
from degfuse_ros.demo.viewpoint import Viewpoint

PERSON, VEHICLE = 'person', 'vehicle'


@dataclass(frozen=True)
class SceneObject:
    """One person or vehicle in one picture.

    Args:
        number: its value in the object map, from 1.
        kind: 'person' or 'vehicle'.
        box: (left, top, right, bottom) of its visible part in pixels, right and bottom outside.
        distance: metres along z.
    """

    number: int
    kind: str
    box: tuple[int, int, int, int]
    distance: float


@dataclass(frozen=True)
class SceneView:
    """The street at one moment, before any weather and before any camera noise.

    Args:
        layers: radiance by day and by night, thermal, depth and object map.
        objects: the people and vehicles that show at least a few pixels.
        lamps: (position in metres, linear RGB colour) of vehicle lamps turned to the camera.
    """

    layers: Layers
    objects: tuple[SceneObject, ...]
    lamps: tuple[tuple[np.ndarray, np.ndarray], ...]


class Scene:
    """A street with a zebra crossing, houses, trees, parked and moving vehicles, and people.

    Args:
        width: of the pictures in pixels, at least 32.
        height: the same.

    Raises:
        ValueError: for a smaller size.
    """

    def __init__(self, width: int = 640, height: int = 480) -> None:
        if min(width, height) < 32:
            raise ValueError(f'a scene is at least 32x32 pixels; got {width}x{height}: '
                             'ask for a larger size')
        self.view = Viewpoint(width, height)
        self._empty = Backdrop(self.view).layers
        self._people = cast.people()
        self._vehicles = cast.vehicles()

    def look(self, time: float) -> SceneView:
        """Return the street at a time in seconds; the same time always gives the same picture."""
        layers = self._empty.copy()
        lamps: list[tuple[np.ndarray, np.ndarray]] = []
        standing = self._standing(time)
        for _, number, kind, actor, place, travelled in standing:
            if kind == VEHICLE:
                actor.draw(layers, place, number)
                lamps += actor.lamps(place)
            else:
                self._draw_person(layers, actor, place, travelled, number)
        objects = [_describe(layers, number, kind, distance)
                   for distance, number, kind, *_ in standing]
        return SceneView(layers, tuple(o for o in objects if o is not None), tuple(lamps))

    def _standing(self, time: float) -> list[tuple[Any, ...]]:
        """Return (z, number, kind, actor, place, travelled) of who is there, farthest first."""
        found = []
        actors: list[tuple[str, Person | Vehicle, Path]] = [
            (PERSON, *pair) for pair in self._people]
        actors += [(VEHICLE, *pair) for pair in self._vehicles]
        for number, (kind, actor, path) in enumerate(actors, 1):
            place = path.place(time)
            if place is not None and place[1] > 1.0:
                found.append((place[1], number, kind, actor, place, path.travelled(time)))
        return sorted(found, key=lambda item: -item[0])

    @staticmethod
    def _draw_person(layers: Layers, person: Person, place: tuple[float, float, float],
                     travelled: float, number: int) -> None:
        x, z, heading = place
        sprite = person.sprite(heading - np.arctan2(x, z), travelled)
        foot = np.array([x, 1.0, z], np.float32)
        sunlit = float(street.sunlight(foot))
        sprite.cast_shadow(layers, (x, z), float(street.sunlight(foot * (1, 0.02, 1))))
        sprite.draw(layers, (x, z), sunlit, float(street.lamp_light(foot)), number)


def _describe(layers: Layers, number: int, kind: str, distance: float) -> SceneObject | None:
    """Measure an object's visible part; None where fewer than eight pixels show."""
    mask = layers.objects == number
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if mask.sum() < 8:
        return None
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return SceneObject(number, kind, box, distance)
