# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Routes over the ground that people and vehicles repeat."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Path:
    """A route walked or driven once per period, at a steady speed between pauses.

    Args:
        corners: (x, z) metres, in order; vehicles take them rounded.
        speed: metres per second.
        start: seconds into the period at which the route begins.
        period: seconds after which it begins again.
        pause: (distance along the route in metres, seconds to wait there), or None.
    """

    corners: tuple[tuple[float, float], ...]
    speed: float
    start: float
    period: float
    pause: tuple[float, float] | None = None

    def place(self, time: float) -> tuple[float, float, float] | None:
        """Return (x, z, heading) at a time in seconds; None before the start and after the end.

        The heading is in radians, 0 along +z, positive towards +x.
        """
        travelled = self.travelled(time)
        if travelled is None:
            return None
        here, ahead = self._at(travelled - 0.4), self._at(travelled + 0.4)
        heading = float(np.arctan2(ahead[0] - here[0], ahead[1] - here[1]))
        x, z = self._at(travelled)
        return x, z, heading

    def travelled(self, time: float) -> float | None:
        """Return the metres gone at a time in seconds; None before the start and after the end."""
        distance = ((time - self.start) % self.period) * self.speed
        if self.pause is not None and distance > self.pause[0]:
            distance = max(self.pause[0], distance - self.pause[1] * self.speed)
        return distance if distance <= self._marks()[-1] else None

    def _marks(self) -> np.ndarray:
        corners = np.array(self.corners)
        return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])

    def _at(self, distance: float) -> tuple[float, float]:
        """Return (x, z) after a distance, corners rounded by averaging over four metres."""
        corners, marks = np.array(self.corners), self._marks()
        # Before the first and after the last corner the route goes straight on.
        around = distance + np.linspace(-2.0, 2.0, 9)
        points = np.stack([np.interp(around, marks, corners[:, axis]) for axis in (0, 1)])
        for over, step in ((around - marks[-1], corners[-1] - corners[-2]),
                           (marks[0] - around, corners[0] - corners[1])):
            direction = step / np.linalg.norm(step)
            points += np.where(over > 0, over, 0) * direction[:, None]
        x, z = points.mean(axis=1)
        return float(x), float(z)
