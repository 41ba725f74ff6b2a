# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Results of the engine as ROS messages. Every message carries the header it is given."""

from collections.abc import Mapping, Sequence

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import Classification, ObjectHypothesis


def degradation_message(scores: Mapping[str, float], header: Header) -> Classification:
    """Build the classification: one hypothesis per class, best first.

    Args:
        scores: probability per class id; they sum to 1.
        header: used as it is.
    """
    best_first = sorted(scores.items(), key=lambda item: item[1], reverse=True)
    return Classification(header=header, results=[
        ObjectHypothesis(class_id=class_id, score=float(score)) for class_id, score in best_first])


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
            KeyValue(key=f'expert_{expert}', value=f'{weight:.6f}')
            for expert, weight in enumerate(weights)])
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

    The source counts in pixels of the full sensor; its region of interest and its binning are
    worked into the matrices, and the result has neither. Without them it may be of another size
    of the same shape: the driver scaled the images.

    Args:
        source: the visible camera's newest camera info.
        height: rows of the fused image.
        width: columns of the fused image.
        header: of the fused image.

    Raises:
        ValueError: the source describes other images; one line.
    """
    output = np.array([width, height], float)
    offset, scale = _view(source, output)
    pixels = np.diag([*scale, 1.0])  # 3 x 3: the full sensor's to the output's
    pixels[:2, 2] = -scale * offset
    message = CameraInfo(
        header=header, height=height, width=width,
        distortion_model=source.distortion_model, d=source.d, r=source.r)
    message.k = (pixels @ np.reshape(source.k, (3, 3))).ravel()
    message.p = (pixels @ np.reshape(source.p, (3, 4))).ravel()
    return message


def _view(source: CameraInfo, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where on the full sensor the output begins, and its scale there; x before y."""
    # A camera info without a size is taken to fit.
    region = np.array([source.width or output[0], source.height or output[1]], float)
    offset = np.zeros(2)
    binning = np.maximum([source.binning_x, source.binning_y], 1)
    scaled = binning.max() == 1  # so may the driver have done, where it tells of nothing else
    if source.roi.width and source.roi.height:
        scaled = scaled and (region == [source.roi.width, source.roi.height]).all()
        region = np.array([source.roi.width, source.roi.height], float)
        offset = np.array([source.roi.x_offset, source.roi.y_offset], float)
    described = region / binning
    # Less than a pixel is lost to rounding.
    if (abs(described - output) < 1).all():
        return offset, 1 / binning
    if scaled and (abs(described * (output / described).mean() - output) < 1).all():
        return offset, output / region
    raise ValueError(
        f'camera_info describes images of {described[0]:.0f}x{described[1]:.0f} (region of '
        f'interest and binning applied), the image is {output[0]:.0f}x{output[1]:.0f}: no '
        'fused/camera_info is published. Publish the camera_info of this image')
