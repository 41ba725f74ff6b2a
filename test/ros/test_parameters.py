# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Descriptors as other nodes see them."""

from __future__ import annotations

from degfuse_ros.ros.parameter_table import ROWS
from degfuse_ros.ros.parameters import descriptor


def test_ranges_reach_the_descriptor() -> None:
    slop = descriptor(ROWS['sync_slop'])
    assert (slop.floating_point_range[0].from_value, slop.floating_point_range[0].to_value) == (
        0.0001, 10.0)
    queue = descriptor(ROWS['sync_queue_size'])
    assert (queue.integer_range[0].from_value, queue.integer_range[0].to_value) == (1, 1000)


def test_description_says_unit_choices_and_effect() -> None:
    assert descriptor(ROWS['sync_slop']).description == (
        'Stamps of a pair differ by less than this, in seconds. '
        'Takes effect at the next image.')
    assert 'while the node is unconfigured' in descriptor(ROWS['model']).description
    assert descriptor(ROWS['output_encoding']).additional_constraints == (
        'Must be one of rgb8, bgr8, mono8 (string).')
