# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a camera_info says about the pixels of an image. Takes any object like the message."""

from __future__ import annotations

from typing import Any

import numpy as np

from degfuse_ros.camera.calibration import CalibrationError, Intrinsics
from degfuse_ros.camera.homography import Size

# Coefficients of the lens models that ROS and OpenCV order alike; all zeros are no distortion
# whatever the model is called, but for a fisheye, whose zeros still bend.
DISTORTION_LENGTHS = {'plumb_bob': (4, 5), 'rational_polynomial': (8,)}
FISHEYE = ('equidistant', 'fisheye', 'kannala_brandt')


def info_problem(info: Any) -> str:
    """Say in one line why a camera_info describes no camera; '' where it does.

    Args:
        info: a sensor_msgs/CameraInfo or an object like it.
    """
    numbers = np.array([*info.k, *info.p, *info.r, *info.d], np.float64)
    if not np.isfinite(numbers).all():
        return ('camera_info holds numbers that are not finite: calibrate the camera, or correct '
                'the calibration file of its driver')
    if info.k[0] <= 0.0 or info.k[4] <= 0.0:
        return (f'camera_info has the focal length {info.k[0]:g} x {info.k[4]:g}, so the camera '
                'is not calibrated: calibrate it, or name its calibration file to its driver')
    return ''


def pixel_map(info: Any, size: Size) -> np.ndarray:
    """Return the 3 x 3 map of the sensor's pixels, which a camera_info counts, to an image's.

    The region of interest and the binning are worked in. Without them the image may be of another
    size of the same shape: the driver scaled it.

    Args:
        info: a sensor_msgs/CameraInfo or an object like it.
        size: width and height of the image.

    Raises:
        ValueError: it describes other images; one line.
    """
    output = np.array(size, float)
    # A camera_info without a size is taken to fit.
    region = np.array([info.width or output[0], info.height or output[1]], float)
    offset = np.zeros(2)
    binning = np.maximum([info.binning_x, info.binning_y], 1)
    scaled = binning.max() == 1  # so may the driver have done, where it tells of nothing else
    if info.roi.width and info.roi.height:
        scaled = scaled and (region == [info.roi.width, info.roi.height]).all()
        region = np.array([info.roi.width, info.roi.height], float)
        offset = np.array([info.roi.x_offset, info.roi.y_offset], float)
    described = region / binning
    # Less than a pixel is lost to rounding.
    if (abs(described - output) < 1).all():
        scale = 1 / binning
    elif scaled and (abs(described * (output / described).mean() - output) < 1).all():
        scale = output / region
    else:
        raise ValueError(
            f'camera_info describes images of {described[0]:.0f}x{described[1]:.0f} (region of '
            f'interest and binning applied), the image is {output[0]:.0f}x{output[1]:.0f}: '
            'publish the camera_info of this image')
    pixels = np.diag([*scale, 1.0])
    pixels[:2, 2] = -scale * offset
    return pixels


def lens_from_info(info: Any, size: Size) -> Intrinsics:
    """Return the lens that a camera_info describes, for the pixels of an image.

    Args:
        info: a sensor_msgs/CameraInfo or an object like it.
        size: width and height of the image.

    Raises:
        CalibrationError: it describes no camera, other images, or a lens that is not supported;
            the message is one line.
    """
    problem = info_problem(info)
    if problem:
        raise CalibrationError(problem)
    try:
        matrix = pixel_map(info, size) @ np.reshape(np.asarray(info.k, np.float64), (3, 3))
    except ValueError as error:
        raise CalibrationError(str(error)) from error
    distortion = np.asarray(info.d, np.float64)
    if not distortion.any() and info.distortion_model not in FISHEYE:
        return Intrinsics(matrix, np.zeros(4))
    if len(distortion) not in DISTORTION_LENGTHS.get(info.distortion_model, ()):
        raise CalibrationError(
            f'camera_info has the distortion {info.distortion_model!r} with {len(distortion)} '
            'coefficients: supported are plumb_bob (4, 5) and rational_polynomial (8)')
    return Intrinsics(matrix, distortion)
