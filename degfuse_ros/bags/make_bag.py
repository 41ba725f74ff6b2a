# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Make a bag of two cameras, with the faults that real ones have: the input of tests.

frames = demo_frames((640, 480), 45.0, seed=0)
make_bag(BagRecipe(rate=30.0, thermal_rate=9.0, clock_offset=0.15), frames, Path('street'))
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.made_frames import MadeFrames
from degfuse_ros.bags.message_types import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    IMAGE,
    encode,
    message,
)
from degfuse_ros.bags.partial_folder import PartialFolder
from degfuse_ros.bags.result_messages import raw_image_message
from degfuse_ros.bags.topic_types import BEST_EFFORT, is_topic_name
from degfuse_ros.bags.topics import COMPRESSED_SUFFIX
from degfuse_ros.bags.writer import BagWriter
from degfuse_ros.ros.stamps import NANOSECONDS

# 16-bit counts of a radiometric camera, in hundredths of a kelvin: black is 5 degrees Celsius,
# white 37, the heat of skin.
_COLDEST, _PER_GREY = 27_815, 12.55

# JPEG as image_transport sets it. Thermal images are compressed without loss, as 16 bits need.
_QUALITY = 95


@dataclass(frozen=True)
class BagRecipe:
    """How the two cameras record.

    Attributes:
        rate: visible images per second.
        thermal_rate: thermal images per second; 0 for the same rate.
        jitter: standard deviation of the stamps, in seconds.
        clock_offset: seconds by which the thermal camera's clock is ahead.
        delay: seconds from stamp to recording.
        sixteen_bits: 8-bit thermal pictures become 16-bit counts.
        compressed: images as sensor_msgs/CompressedImage: visible JPEG, thermal PNG.
        drop: share of the images of either camera that are lost.
        gaps: (camera, first second, seconds) in which 'visible' or 'thermal' is silent.
        visible_topic: of the visible images.
        thermal_topic: of the thermal images.
        begin: stamp of the first moment, in seconds.
        seed: of jitter and drops.
        storage: 'mcap' or 'sqlite3'.
        compression: of the bag: 'none', 'chunk', 'message' or 'file'.
    """

    rate: float = 30.0
    thermal_rate: float = 0.0
    jitter: float = 0.0
    clock_offset: float = 0.0
    delay: float = 0.005
    sixteen_bits: bool = False
    compressed: bool = False
    drop: float = 0.0
    gaps: tuple[tuple[str, float, float], ...] = ()
    visible_topic: str = '/visible/image'
    thermal_topic: str = '/thermal/image'
    begin: float = 1_700_000_000.0
    seed: int = 0
    storage: str = 'mcap'
    compression: str = 'none'


class _Camera:
    """One of the two cameras: when it records, and what its messages are."""

    def __init__(self, recipe: BagRecipe, role: str, picture: Callable[[float], np.ndarray],
                 focal: float) -> None:
        thermal = role == 'thermal'
        self.role = role
        self.topic = recipe.thermal_topic if thermal else recipe.visible_topic
        self.info_topic = f'{self.topic.rpartition("/")[0]}/camera_info'
        if recipe.compressed:
            self.topic += COMPRESSED_SUFFIX
        self._recipe, self._picture, self._focal = recipe, picture, focal
        self._rate = (recipe.thermal_rate if thermal else 0.0) or recipe.rate
        self._clock = recipe.begin + (recipe.clock_offset if thermal else 0.0)
        self._random = np.random.default_rng([recipe.seed, thermal])

    def moments(self, seconds: float) -> Iterator[tuple[int, int, float, _Camera]]:
        """Yield when each image is recorded, its stamp, both in ns, its time, and the camera."""
        recorded = 0
        for number in range(round(seconds * self._rate)):
            time = number / self._rate
            stamp = self._clock + time + self._random.normal(0.0, self._recipe.jitter or 0.0)
            lost = self._random.random() < self._recipe.drop or any(
                role == self.role and begin <= time < begin + length
                for role, begin, length in self._recipe.gaps)
            # Recorded by the machine's clock, and one after the other.
            moment = round((stamp - self._clock + self._recipe.begin + self._recipe.delay)
                           * NANOSECONDS)
            recorded = max(recorded + 1, moment)
            if not lost:
                yield recorded, round(stamp * NANOSECONDS), time, self

    def messages(self, stamp: int, time: float) -> Iterator[tuple[str, Any]]:
        """Yield topic and content of what one image is recorded as."""
        pixels = self._picture(time)
        if self._recipe.sixteen_bits and pixels.ndim == 2 and pixels.dtype == np.uint8:
            pixels = (_COLDEST + pixels * _PER_GREY).astype(np.uint16)
        header = message('std_msgs/msg/Header', frame_id=f'{self.role}_camera', stamp=message(
            'builtin_interfaces/msg/Time', sec=stamp // NANOSECONDS, nanosec=stamp % NANOSECONDS))
        yield self.info_topic, self._info(header, *pixels.shape[:2])
        if self._recipe.compressed:
            yield self.topic, _compressed(pixels, header)
        else:
            encoding = 'rgb8' if pixels.ndim == 3 else f'mono{pixels.itemsize * 8}'
            yield self.topic, raw_image_message(pixels, encoding, header)

    def _info(self, header: Any, height: int, width: int) -> Any:
        focal, whole = self._focal * width, np.eye(3)
        k = np.array([[focal, 0, width / 2 - 0.5], [0, focal, height / 2 - 0.5], [0, 0, 1]])
        roi = message('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0,
                      width=0, do_rectify=False)
        return message(CAMERA_INFO, header=header, height=height, width=width,
                       distortion_model='plumb_bob', d=np.zeros(5), k=k.ravel(), r=whole.ravel(),
                       p=np.hstack([k, np.zeros((3, 1))]).ravel(), binning_x=0, binning_y=0,
                       roi=roi)


def make_bag(recipe: BagRecipe, frames: MadeFrames, out: Path, overwrite: bool = False,
             progress: Callable[[int], object] = lambda images: None) -> dict[str, int]:
    """Write a bag.

    Args:
        recipe: how the cameras record.
        frames: what they see.
        out: folder of the new bag.
        overwrite: an existing bag there may go.
        progress: told of images written.

    Returns:
        Number of messages by topic.

    Raises:
        BagError: a topic has no possible name, or the bag cannot be written.
    """
    for topic in (recipe.visible_topic, recipe.thermal_topic):
        if not is_topic_name(topic) or topic.count('/') < 2:
            raise BagError(f'{topic!r} is no topic for images: give one like /visible/image')
    folder = PartialFolder(out)
    folder.check(overwrite, resume=True)  # what a killed run left is of no use
    folder.begin({}, resume=False)
    writer = BagWriter(folder.bag, recipe.storage, recipe.compression)
    try:
        _record(recipe, frames, writer, progress)
        writer.finish()
    except BaseException:
        writer.abandon()
        folder.discard()
        raise
    folder.finish()
    return dict(writer.written)


def _record(recipe: BagRecipe, frames: MadeFrames, writer: BagWriter,
            progress: Callable[[int], object]) -> None:
    """Write the messages of both cameras in the order in which they are recorded."""
    cameras = (_Camera(recipe, 'visible', frames.visible, frames.focal),
               _Camera(recipe, 'thermal', frames.thermal, frames.focal))
    if cameras[0].topic == cameras[1].topic:
        raise BagError(f'both cameras have the topic {cameras[0].topic!r}: give another')
    for camera in cameras:
        writer.add(camera.info_topic, CAMERA_INFO, qos=[BEST_EFFORT])
        kind = COMPRESSED_IMAGE if recipe.compressed else IMAGE
        writer.add(camera.topic, kind, qos=[BEST_EFFORT])
    moments = merge(*(camera.moments(frames.seconds) for camera in cameras),
                    key=lambda moment: moment[0])
    for recorded, stamp, time, camera in moments:
        for topic, content in camera.messages(stamp, time):
            writer.write(topic, recorded, encode(content))
        writer.commit()
        progress(1)


def _compressed(pixels: np.ndarray, header: Any) -> Any:
    """Build a compressed image as image_transport names it."""
    if pixels.ndim == 3:
        form, suffix = 'rgb8; jpeg compressed bgr8', '.jpg'
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    else:
        form, suffix = f'mono{pixels.itemsize * 8}; png compressed ', '.png'
    _, data = cv2.imencode(suffix, pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
                           if suffix == '.jpg' else [])
    return message(COMPRESSED_IMAGE, header=header, format=form, data=data.reshape(-1))
