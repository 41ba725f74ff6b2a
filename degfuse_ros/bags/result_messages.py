# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Results of the engine as messages for a bag: those that the node publishes."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from degfuse_ros.bags.message_types import (
    CAMERA_INFO,
    CLASSIFICATION,
    DIAGNOSTIC_ARRAY,
    IMAGE,
    message,
)
from degfuse_ros.ros.result_values import best_first, camera_matrices, expert_values, pixels_in

# Levels of diagnostic_msgs/DiagnosticStatus.
_OK, _WARN = 0, 1


def image_message(image: np.ndarray, encoding: str, header: Any) -> Any:
    """Build an image message.

    Args:
        image: HxWx3 uint8 RGB.
        encoding: one of rgb8, bgr8, mono8.
        header: used as it is.
    """
    return raw_image_message(pixels_in(image, encoding), encoding, header)


def raw_image_message(pixels: np.ndarray, encoding: str, header: Any) -> Any:
    """Build an image message of pixels that have the encoding's layout already.

    Args:
        pixels: HxW or HxWxC, uint8 or, low byte first, uint16.
        encoding: its name.
        header: used as it is.
    """
    data = np.ascontiguousarray(pixels).view(np.uint8).reshape(-1)
    return message(IMAGE, header=header, height=pixels.shape[0], width=pixels.shape[1],
                   encoding=encoding, is_bigendian=0, step=pixels.nbytes // pixels.shape[0],
                   data=data)


def degradation_message(scores: Mapping[str, float], header: Any) -> Any:
    """Build the classification: one hypothesis per class, best first.

    Args:
        scores: probability per class id; they sum to 1.
        header: used as it is.
    """
    return message(CLASSIFICATION, header=header, results=[
        message('vision_msgs/msg/ObjectHypothesis', class_id=class_id, score=score)
        for class_id, score in best_first(scores)])


def routing_message(routing: np.ndarray, layer_names: Sequence[str], header: Any,
                    warning: str = '') -> Any:
    """Build the routing: one status per mixture layer, one value per expert.

    Args:
        routing: layers x experts float32 gate weights; rows sum to 1.
        layer_names: one name per row.
        header: used as it is.
        warning: what is wrong with the image that was routed, in one line; '' for nothing.
    """
    return message(DIAGNOSTIC_ARRAY, header=header, status=[
        _status(name, _WARN if warning else _OK, warning, expert_values(weights))
        for name, weights in zip(layer_names, routing, strict=True)])


def no_routing_message(warning: str, header: Any) -> Any:
    """Build the routing of an image that went through no mixture layer: one status, no weights.

    Args:
        warning: why, in one line.
        header: used as it is.
    """
    return message(DIAGNOSTIC_ARRAY, header=header,
                   status=[_status('routing', _WARN, warning, [])])


def _status(name: str, level: int, text: str, values: Sequence[tuple[str, str]]) -> Any:
    return message('diagnostic_msgs/msg/DiagnosticStatus', level=level, name=name, message=text,
                   hardware_id='', values=[
                       message('diagnostic_msgs/msg/KeyValue', key=key, value=value)
                       for key, value in values])


def camera_info_message(source: Any, height: int, width: int, header: Any) -> Any:
    """Build the fused image's camera info from the visible camera's.

    Args:
        source: the visible camera's newest camera info.
        height: rows of the fused image.
        width: columns of the fused image.
        header: of the fused image.

    Raises:
        ValueError: the source describes other images; one line.
    """
    k, p = camera_matrices(source, height, width)
    whole = message('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0, width=0,
                    do_rectify=False)
    return message(CAMERA_INFO, header=header, height=height, width=width,
                   distortion_model=source.distortion_model, d=source.d, k=k, r=source.r, p=p,
                   binning_x=0, binning_y=0, roi=whole)
