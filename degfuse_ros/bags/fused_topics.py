# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The topics with the results: written for each pair, and read back from an earlier run."""
from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import cv2
import numpy as np

from degfuse_ros.bags import result_messages
from degfuse_ros.bags.fuse_stream import Frame
from degfuse_ros.bags.message_types import (
    CAMERA_INFO,
    CLASSIFICATION,
    DIAGNOSTIC_ARRAY,
    IMAGE,
    decode,
    encode,
)
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.writer import BagWriter
from degfuse_ros.camera import decoding
from degfuse_ros.ros.alone import Alone

FUSED = '/fused/'
IMAGE_TOPIC, INFO_TOPIC = f'{FUSED}image', f'{FUSED}camera_info'
DEGRADATION_TOPIC, ROUTING_TOPIC = f'{FUSED}degradation', f'{FUSED}routing'

TOGETHER = (ROUTING_TOPIC, IMAGE_TOPIC)
"""Topics with one message for every result."""


class FusedTopics:
    """Writes the results of pairs into a bag, as the node publishes them."""

    def __init__(self, writer: BagWriter, with_camera_info: bool, encoding: str,
                 layer_names: Sequence[str]) -> None:
        """Add the topics.

        Args:
            writer: of the bag.
            with_camera_info: whether the visible camera has a camera info.
            encoding: of the images: rgb8, bgr8 or mono8.
            layer_names: one name per row of the routing.
        """
        self._writer = writer
        self._encoding = encoding
        self._layer_names = layer_names
        if with_camera_info:
            writer.add(INFO_TOPIC, CAMERA_INFO)
        for topic, kind in ((DEGRADATION_TOPIC, CLASSIFICATION),
                            (ROUTING_TOPIC, DIAGNOSTIC_ARRAY), (IMAGE_TOPIC, IMAGE)):
            writer.add(topic, kind)

    def write(self, frame: Frame, time: int) -> str:
        """Write one result, the image last, as the node sends it.

        Args:
            frame: of this run.
            time: when it is played, in nanoseconds.

        Returns:
            Why there is no camera info, in one line; '' if nothing is wrong.
        """
        header = frame.source.pair.header
        warning = frame.ready.warning if isinstance(frame.ready, Alone) else ''
        problem, contents = '', []
        if frame.fusion is None:
            contents.append((ROUTING_TOPIC, result_messages.no_routing_message(warning, header)))
        else:
            problem, contents = self._info(frame)
            contents += [
                (DEGRADATION_TOPIC, result_messages.degradation_message(
                    frame.fusion.degradation.scores, header)),
                (ROUTING_TOPIC, result_messages.routing_message(
                    frame.fusion.routing, self._layer_names, header, warning))]
        contents.append((IMAGE_TOPIC, result_messages.image_message(
            shown(frame), self._encoding, header)))
        for topic, content in contents:
            self._writer.write(topic, time, encode(content))
        return problem

    def _info(self, frame: Frame) -> tuple[str, list[tuple[str, Any]]]:
        """Return the message with the camera info where there can be one, or why not."""
        source = frame.source.camera_infos.get('visible')
        if source is None:
            return '', []
        height, width = shown(frame).shape[:2]
        try:
            return '', [(INFO_TOPIC, result_messages.camera_info_message(
                source, height, width, frame.source.pair.header))]
        except ValueError as error:
            return f'no {INFO_TOPIC}: {error}', []


def shown(frame: Frame) -> np.ndarray:
    """Return the image of a result of this run, HxWx3 uint8 RGB."""
    if frame.fusion is not None:
        return frame.fusion.image
    assert isinstance(frame.ready, Alone)
    return cv2.cvtColor(frame.ready.image, cv2.COLOR_GRAY2RGB)


def earlier_results(bag: BagReader, with_images: bool
                    ) -> Generator[tuple[dict[str, float], np.ndarray | None], None, None]:
    """Yield the scores, none for thermal images alone, and the image of each result in a bag.

    Args:
        bag: one that `FusedTopics` wrote, finished or not.
        with_images: read the images, HxWx3 uint8 RGB, as well.
    """
    scores: dict[str, float] = {}
    last = IMAGE_TOPIC if with_images else ROUTING_TOPIC
    for message in bag.messages([DEGRADATION_TOPIC, last]):
        if message.topic == DEGRADATION_TOPIC:
            results = decode(message.data, CLASSIFICATION).results
            scores = {result.class_id: result.score for result in results}
        else:
            yield scores, decoding.to_rgb(decode(message.data, IMAGE)) if with_images else None
            scores = {}
