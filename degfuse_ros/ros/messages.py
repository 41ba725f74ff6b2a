# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Results of the engine as ROS messages. Every message carries the header it is given."""

from collections.abc import Mapping, Sequence

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Classification, ObjectHypothesis

from degfuse_ros.ros.result_values import best_first, camera_matrices, expert_values


def degradation_message(scores: Mapping[str, float], header: Header) -> Classification:
    """Build the classification: one hypothesis per class, best first.

    Args:
        scores: probability per class id; they sum to 1.
        header: used as it is.
    """
    return Classification(header=header, results=[
        ObjectHypothesis(class_id=class_id, score=score)
        for class_id, score in best_first(scores)])


def routing_message(routing: np.ndarray, layer_names: Sequence[str], header: Header,
                    warning: str = '') -> DiagnosticArray:
    """Build the routing: one status per mixture layer, one value per expert.

    Args:
        routing: layers x experts float32 gate weights; rows sum to 1.
        layer_names: one name per row.
        header: used as it is.
        warning: what is wrong with the image that was routed, in one line; '' for nothing.
    """
    level = DiagnosticStatus.WARN if warning else DiagnosticStatus.OK
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(level=level, name=name, message=warning, values=[
            KeyValue(key=key, value=value) for key, value in expert_values(weights)])
        for name, weights in zip(layer_names, routing, strict=True)])


def no_routing_message(warning: str, header: Header) -> DiagnosticArray:
    """Build the routing of an image that went through no mixture layer: one status, no weights.

    Args:
        warning: why, in one line.
        header: used as it is.
    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(level=DiagnosticStatus.WARN, name='routing', message=warning)])


def camera_info_message(source: CameraInfo, height: int, width: int,
                        header: Header) -> CameraInfo:
    """Build the fused image's camera info: the visible camera's, for the pixels of the output.

    The source's region of interest and its binning are worked into the matrices, and the result
    has neither.

    Args:
        source: the visible camera's newest camera info.
        height: rows of the fused image.
        width: columns of the fused image.
        header: of the fused image.

    Raises:
        ValueError: the source describes no camera, or other images; one line.
    """
    k, p = camera_matrices(source, height, width)
    message = CameraInfo(
        header=header, height=height, width=width,
        distortion_model=source.distortion_model, d=source.d, r=source.r)
    message.k, message.p = k, p
    return message
