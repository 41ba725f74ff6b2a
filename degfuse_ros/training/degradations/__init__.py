# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Synthetic degradations of clean pairs, in batches, each with a severity in [0, 1].

A severity says how much of the clean picture's edges (low light, overexposure: of its exposure)
is lost, whatever the look; 0 returns its image bit for bit. Looks are drawn from families far
wider than any one weather. Images are B x C x H x W float in [0, 1], visible ones RGB. Severities
are on the CPU, so that each degradation runs for the images that have it without waiting for the
device. Generators are on the image's device, so a seed repeats a batch.
"""

from degfuse_ros.training.degradations.camera import camera_flaws
from degfuse_ros.training.degradations.fog import fog, fog_in_infrared
from degfuse_ros.training.degradations.geometry import misregister
from degfuse_ros.training.degradations.low_light import low_light
from degfuse_ros.training.degradations.overexposure import overexposed
from degfuse_ros.training.degradations.rain import rain
from degfuse_ros.training.degradations.severities import draw_severities, single_severity
from degfuse_ros.training.degradations.thermal import automatic_gain, degrade_thermal
from degfuse_ros.training.degradations.tone import another_tone
from degfuse_ros.training.degradations.visible import degrade_visible

__all__ = ['another_tone', 'automatic_gain', 'camera_flaws', 'degrade_thermal', 'degrade_visible',
           'draw_severities', 'fog', 'fog_in_infrared', 'low_light', 'misregister', 'overexposed',
           'rain', 'single_severity']
