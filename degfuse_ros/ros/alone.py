# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""An image that is published alone, because the other camera is gone.

Nothing of ROS is imported here: the bag tool decides as the node does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.ros.pair import Pair


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


def prepare(front_end: FrontEnd, pair: Pair, lost_camera: str) -> Prepared | Alone | None:
    """Make a pair ready, or one image alone where the other camera is gone or stands still.

    Args:
        front_end: of the two cameras.
        pair: their messages.
        lost_camera: the parameter: 'publish_other' or 'silent'.

    Returns:
        None where nothing is to be published.

    Raises:
        ImageError: an image cannot be used; `topic` says which.
    """
    if pair.visible is None or pair.thermal is None:
        return _prepare_alone(front_end, pair)
    prepared = front_end.prepare(pair.visible, pair.thermal)
    if not front_end.frozen:
        return prepared
    if lost_camera == 'silent':
        return None
    return Alone(pair, prepared.visible, 'thermal frozen: visible alone')


def _prepare_alone(front_end: FrontEnd, pair: Pair) -> Alone | None:
    """Make the one image of a pair ready; None where that camera stands still as well.

    Raises:
        ImageError: the image cannot be used; `topic` says which.
    """
    if pair.thermal is None:
        return Alone(pair, front_end.visible_alone(pair.visible), 'thermal lost: visible alone')
    image = front_end.thermal_alone(pair.thermal)
    return None if front_end.frozen else Alone(pair, image, 'visible lost: thermal alone')
