# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs spread evenly over a bag, as those are that a calibration is made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bag_files import image, noise, pair_messages, write_bag

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.sample_pairs import sample_pairs
from degfuse_ros.ros.parameter_table import ROWS

VALUES = {name: row.default for name, row in ROWS.items()}


def test_they_are_spread_over_the_time_and_belong_together(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 8.0)
    pairs = sample_pairs(bag, 4, VALUES)
    times = [float(name) for name, _, _ in pairs]
    assert times == pytest.approx([0.0, 2.0, 4.0, 6.0], abs=0.3)
    random = np.random.default_rng(0)
    visible = random.integers(0, 256, pairs[0][1].shape, np.uint8)
    thermal = random.integers(0, 256, pairs[0][2].shape, np.uint8)
    for _, one, other in pairs:
        # Each is the picture rolled by a number of columns that grows with time: the same in both.
        rolls = [roll for roll in range(one.shape[1]) if (np.roll(visible, roll, 1) == one).all()]
        assert len(rolls) == 1 and (np.roll(thermal, rolls[0], 1) == other).all()


def test_a_stretch_without_pairs_is_left_out_and_a_bad_image_passed_over(tmp_path: Path) -> None:
    # Between 2 s and 8 s the thermal camera is silent; the first image of all is cut off.
    messages = [message for message in pair_messages(100)
                if message[0] == '/visible/image' or not 2.0 <= message[1] < 8.0]
    messages[0] = (*messages[0][:2], image(0))
    messages[0][2].data = messages[0][2].data[:100]
    pairs = sample_pairs(write_bag(tmp_path / 'bag', messages), 10, VALUES)
    times = [float(name) for name, _, _ in pairs]
    assert len(times) == 4 and all(time < 2.1 or time > 7.9 for time in times)
    assert times[0] == pytest.approx(0.1, abs=0.05)


def test_a_bag_of_one_camera_is_refused_by_name(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', [message for message in pair_messages(5)
                                       if message[0] == '/visible/image'])
    with pytest.raises(BagError, match=f'{bag}: a visible and a thermal image topic are needed'):
        sample_pairs(bag, 3, VALUES)
