# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""From the messages of two cameras to the pair that the engine takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from degfuse_ros.camera import decoding
from degfuse_ros.camera.alignment import Alignment
from degfuse_ros.camera.compressed import CompressedImage
from degfuse_ros.camera.decoding import RawImage
from degfuse_ros.camera.frozen import FrozenFrames
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.camera.registration_score import RegistrationScore
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
        self._alignment = Alignment()
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
        return self._aligned(visible, thermal)

    def prepare_images(self, visible: np.ndarray, thermal: np.ndarray) -> Prepared:
        """The same for images read from files: each thermal one gets a range of its own.

        Args:
            visible: HxWx3 uint8 RGB.
            thermal: H'xW' uint8, uint16 or float32, as decoded.

        Raises:
            ImageError: the thermal image cannot be used.
        """
        grey = ThermalRange().to_8_bit(thermal, ThermalLook.of(self._values))
        return self._aligned(visible, grey)

    def camera_info(self, camera: str, info: Any) -> None:
        """Take a camera's newest camera_info; from any thread.

        Args:
            camera: 'visible' or 'thermal'.
            info: a sensor_msgs/CameraInfo or an object like it.
        """
        self._alignment.camera_info(camera, info)

    @property
    def lenses_wanted(self) -> tuple[str, ...]:
        """Cameras whose lens the calibration leaves to their camera_info."""
        return self._alignment.missing

    @property
    def score(self) -> RegistrationScore:
        """How well the two cameras agree, since their views last changed; from any thread."""
        return self._alignment.score

    def follow_registration(self) -> None:
        """Look whether the cameras still agree, at one pair of many: once its result is out."""
        self._alignment.follow()

    def _aligned(self, visible: np.ndarray, thermal: np.ndarray) -> Prepared:
        aligned = self._alignment.align(visible, thermal, self._values('calibration'))
        return Prepared(visible, aligned.thermal, aligned.coverage, aligned.notice)

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
        is_new = message is not self._newest  # a slow camera's image may be paired several times
        if is_new:  # of one that cannot be decoded nothing is known
            self._newest, self._frozen = message, False
        values = decoding.to_grey(message)
        if is_new:
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
