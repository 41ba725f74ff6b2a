# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pairs to measure with: of the engine's form, the same again, different from each other."""

import numpy as np
import pytest

from degfuse_ros.engine.benchmark.pictures import make_pairs


@pytest.mark.parametrize(('width', 'height'), [(33, 47), (640, 480)])
def test_pairs_have_the_size_and_are_always_the_same(width: int, height: int) -> None:
    pairs = make_pairs(width, height)
    assert len(pairs) % 2 == 1  # so that a comparison's order does not go with the picture
    for pair, again in zip(pairs, make_pairs(width, height)):
        visible, thermal = pair
        assert visible.shape == (height, width, 3) and thermal.shape == (height, width)
        assert visible.dtype == thermal.dtype == np.uint8
        assert all(np.array_equal(first, second) for first, second in zip(pair, again))


def test_looks_differ_in_brightness_and_contrast() -> None:
    facts = [(visible.mean(), visible.std()) for visible, _ in make_pairs(320, 240)]
    plain, dark, foggy, bright, dull = facts
    assert dark[0] < plain[0] / 4 and bright[0] > plain[0] + 50
    assert foggy[1] < plain[1] / 2 and foggy[0] > plain[0]
    assert dark[1] < foggy[1] < dull[1] < plain[1]
