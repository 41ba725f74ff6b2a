# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Classes over time."""
from pathlib import Path

import cv2
import numpy as np
import pytest

from degfuse_ros.bags.class_timeline import ClassTimeline


def test_scores_stay_where_they_belong_however_long_the_bag() -> None:
    timeline = ClassTimeline()
    for second in range(100_000):
        fog = 0.9 if 40_000 <= second < 50_000 else 0.1
        timeline.add(float(second), {'clean': 1 - fog, 'fog': fog})
    times, scores = timeline.series()
    assert len(times) <= 600 and scores.sum(1) == pytest.approx(1)
    assert timeline.labels == {'clean': 90_000, 'fog': 10_000}
    # A span of time is 205 s here; only those at the two changes hold both.
    assert scores[(times > 40_250) & (times < 49_750), 1] == pytest.approx(0.9)
    assert scores[(times < 39_750) | (times > 50_250), 1] == pytest.approx(0.1)


def test_plot_is_a_picture_with_a_line_per_class(tmp_path: Path) -> None:
    timeline = ClassTimeline()
    for second in range(20):
        timeline.add(second, {'clean': second / 20, 'fog': 1 - second / 20})
    timeline.plot(tmp_path / 'classes.png', 'a bag')
    picture = cv2.imread(str(tmp_path / 'classes.png'))
    assert picture is not None and len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_an_empty_plot(tmp_path: Path) -> None:
    ClassTimeline().plot(tmp_path / 'classes.png', 'nothing')
    assert (tmp_path / 'classes.png').stat().st_size > 0
