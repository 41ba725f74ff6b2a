# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""An image that is published alone, because the other camera is gone.

Nothing of ROS is imported here: the bag tool decides as the node does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.stamps import NANOSECONDS, stamp_of


@dataclass(frozen=True)
class Alone:
    """An image made ready.

    Attributes:
        pair: its message, and no other or a frozen one.
        image: HxWx3 uint8 RGB of the visible camera, or HxW uint8 of the thermal one.
        warning: which camera is gone and which is published, in one line.
    """

    pair: Pair
    image: np.ndarray
    warning: str

    @property
    def is_thermal(self) -> bool:
        """Whether it is the thermal camera's."""
        return self.pair.visible is None


class Preparer:
    """Makes pairs ready, or one image alone where the other camera is of no use.

    That camera is gone, stands still, or has sent only what cannot be used for `lost_after`, by
    the stamps of its own images. One thread at a time.
    """

    def __init__(self, front_end: FrontEnd, value: Callable[[str], Any],
                 dropped: Callable[[str, str], None]) -> None:
        """Start without a past.

        Args:
            front_end: of the two cameras.
            value: returns the value of a parameter by its name; lost_camera and lost_after are
                read at every pair.
            dropped: told of every image that is no use: its kind, as 'thermal.not_finite', and
                one line why, or '' where that is told elsewhere.
        """
        self._front_end = front_end
        self._value = value
        self._dropped = dropped
        self._since: dict[str, int] = {}
        self._sent: Any = None

    @property
    def failing(self) -> Collection[str]:
        """The cameras whose last image could not be used: 'visible', 'thermal'."""
        return self._since.keys()

    def prepare(self, pair: Pair) -> Prepared | Alone | None:
        """Make a pair ready, or one of its images alone.

        Returns:
            None where nothing is to be published; why was told as a drop.
        """
        if pair.visible is None or pair.thermal is None:
            return self._alone(pair)
        try:
            prepared = self._front_end.prepare(pair.visible, pair.thermal)
        except ImageError as error:
            if error.topic == 'thermal':
                self._since.pop('visible', None)
                if self._front_end.frozen:  # it is of no use anyway
                    return self._beside_frozen(
                        pair, self._front_end.visible_alone(pair.visible))
            return self._beside_failing(pair, error)
        self._since.clear()
        return (self._beside_frozen(pair, prepared.visible) if self._front_end.frozen
                else prepared)

    def _beside_frozen(self, pair: Pair, visible: np.ndarray) -> Alone | None:
        """Return the visible image, beside a thermal camera that stands still."""
        self._since.pop('thermal', None)
        if self._value('lost_camera') == 'silent':
            self._dropped('thermal.frozen', '')
            return None
        return Alone(pair, visible, 'thermal frozen: visible alone')

    def _beside_failing(self, pair: Pair, error: ImageError) -> Alone | None:
        """Make the other image ready where those of this camera have failed for long enough."""
        lost = self._failed(pair, error)
        if not lost or self._value('lost_camera') == 'silent':
            return None
        if error.topic == 'thermal':
            return self._alone(Pair(pair.visible, None))
        if pair.thermal is self._sent:  # a slow camera's image may be paired several times
            return None
        self._sent = pair.thermal
        return self._alone(Pair(None, pair.thermal))

    def _failed(self, pair: Pair, error: ImageError) -> bool:
        """Count an image that is no use; return whether its camera has sent no other for long."""
        self._dropped(f'{error.topic}.{error.kind}', str(error))
        stamp = stamp_of(pair.visible if error.topic == 'visible' else pair.thermal)
        # Stamps may jump back.
        since = self._since[error.topic] = min(stamp, self._since.get(error.topic, stamp))
        return stamp - since > self._value('lost_after') * NANOSECONDS

    def _alone(self, pair: Pair) -> Alone | None:
        """Make the one image of a pair ready; None where that camera is of no use as well."""
        try:
            if pair.thermal is None:
                image = self._front_end.visible_alone(pair.visible)
                self._since.pop('visible', None)
                return Alone(pair, image, 'thermal lost: visible alone')
            image = self._front_end.thermal_alone(pair.thermal)
            self._since.pop('thermal', None)
        except ImageError as error:
            self._failed(pair, error)
            return None
        if self._front_end.frozen:
            self._dropped('thermal.frozen', '')
            return None
        return Alone(pair, image, 'visible lost: thermal alone')
