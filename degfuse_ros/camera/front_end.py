# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""From the messages of two cameras to the pair that the engine takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from degfuse_ros.camera import decoding
from degfuse_ros.camera.compressed import CompressedImage
from degfuse_ros.camera.decoding import RawImage
from degfuse_ros.camera.frozen import FrozenFrames
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.registration import match_size
from degfuse_ros.camera.thermal import ThermalLook, ThermalRange

Message = RawImage | CompressedImage


@dataclass(frozen=True)
class Prepared:
    """A pair on one pixel grid.

    Attributes:
        visible: HxWx3 uint8 RGB.
        thermal: HxW uint8 in the visible camera's frame, brighter is hotter.
        coverage: HxW float32, 1 where the thermal image shows the place, 0 where it does not;
            None where it shows every place.
        notice: one line that the user should be told once; '' for none.
    """

    visible: np.ndarray
    thermal: np.ndarray
    coverage: np.ndarray | None = None
    notice: str = ''


class FrontEnd:
    """All that lies between one pair of cameras and the engine. One thread at a time."""

    def __init__(self, values: Callable[[str], Any]) -> None:
        """Start without a past.

        Args:
            values: returns a parameter's present value by its name in the parameter table;
                asked at every pair, so that changes take effect at once.
        """
        self._values = values
        self._thermal_range = ThermalRange()
        self._frames = FrozenFrames()
        self._newest: Message | None = None
        self._frozen = False

    @property
    def frozen(self) -> bool:
        """Whether the thermal camera has been sending one and the same image: it is lost."""
        return self._frozen

    def prepare(self, visible_message: Message, thermal_message: Message) -> Prepared:
        """Decode both images, give the thermal one 8 bits and the visible one's grid.

        Args:
            visible_message: a sensor_msgs/Image or CompressedImage, or an object like it.
            thermal_message: the same.

        Raises:
            ImageError: an image cannot be used; `topic` says which.
        """
        visible = _of('visible', decoding.to_rgb, visible_message)
        thermal = _of('thermal', self._thermal_to_8_bit, thermal_message)
        height, width = visible.shape[:2]
        try:
            matched = match_size(thermal, height, width)
        except ValueError as error:  # too small
            raise ImageError('refused', str(error), 'thermal') from error
        notice = '' if thermal.shape == (height, width) else (
            f'the thermal image is {thermal.shape[1]}x{thermal.shape[0]}, the visible one '
            f'{width}x{height}: it is stretched to fit. Where the views differ, register '
            'the images before this node')
        return Prepared(visible, matched, notice=notice)

    def visible_alone(self, message: Message) -> np.ndarray:
        """Decode a visible image whose thermal partner is gone.

        Returns:
            HxWx3 uint8 RGB.

        Raises:
            ImageError: the image cannot be used.
        """
        return _of('visible', decoding.to_rgb, message)

    def thermal_alone(self, message: Message) -> np.ndarray:
        """Decode a thermal image whose visible partner is gone, and give it 8 bits.

        Returns:
            HxW uint8 in the thermal camera's own frame, brighter is hotter.

        Raises:
            ImageError: the image cannot be used.
        """
        return _of('thermal', self._thermal_to_8_bit, message)

    def _thermal_to_8_bit(self, message: Message) -> np.ndarray:
        values = decoding.to_grey(message)
        if message is not self._newest:  # a slow camera's image may be paired several times
            self._newest = message
            self._frozen = self._frames.frozen(message.data, self._values('frozen_after'))
        return self._thermal_range.to_8_bit(values, ThermalLook.of(self._values))


def _of(topic: str, conversion: Callable[[Message], np.ndarray], message: Message
        ) -> np.ndarray:
    """Convert an image; an error is told which image it was."""
    try:
        return conversion(message)
    except ImageError as error:
        error.topic = topic
        raise
