# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The topics with the results: written for each pair, and read back from an earlier run."""
from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np

from degfuse_ros.bags import result_messages
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
from degfuse_ros.engine import Fusion

FUSED = '/fused/'
IMAGE_TOPIC, INFO_TOPIC = f'{FUSED}image', f'{FUSED}camera_info'
DEGRADATION_TOPIC, ROUTING_TOPIC = f'{FUSED}degradation', f'{FUSED}routing'

TOGETHER = (DEGRADATION_TOPIC, ROUTING_TOPIC, IMAGE_TOPIC)
"""Topics with one message for every pair."""


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

    def write(self, fusion: Fusion, header: Any, camera_info: Any, time: int) -> str:
        """Write one result, the image last, as the node sends it.

        Args:
            fusion: the engine's result.
            header: of the visible image.
            camera_info: the visible camera's newest; None writes none.
            time: when it is played, in nanoseconds.

        Returns:
            Why there is no camera info, in one line; '' if nothing is wrong.
        """
        problem = ''
        contents = []
        if camera_info is not None:
            height, width = fusion.image.shape[:2]
            try:
                contents.append((INFO_TOPIC, result_messages.camera_info_message(
                    camera_info, height, width, header)))
            except ValueError as error:
                problem = str(error)
        contents += [
            (DEGRADATION_TOPIC, result_messages.degradation_message(
                fusion.degradation.scores, header)),
            (ROUTING_TOPIC, result_messages.routing_message(
                fusion.routing, self._layer_names, header)),
            (IMAGE_TOPIC, result_messages.image_message(fusion.image, self._encoding, header))]
        for topic, content in contents:
            self._writer.write(topic, time, encode(content))
        return problem


def earlier_results(bag: BagReader, with_images: bool
                    ) -> Generator[tuple[dict[str, float], np.ndarray | None], None, None]:
    """Yield the scores and, where wanted, the image HxWx3 uint8 RGB of each pair in a bag.

    Args:
        bag: one that `FusedTopics` wrote, finished or not.
        with_images: read the images as well.
    """
    scores: dict[str, float] = {}
    topics = [DEGRADATION_TOPIC, *([IMAGE_TOPIC] if with_images else [])]
    for message in bag.messages(topics):
        if message.topic == DEGRADATION_TOPIC:
            results = decode(message.data, CLASSIFICATION).results
            scores = {result.class_id: result.score for result in results}
            if not with_images:
                yield scores, None
        else:
            yield scores, decoding.to_rgb(decode(message.data, IMAGE))
