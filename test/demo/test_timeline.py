# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The drift through the conditions."""
import numpy as np

from degfuse_ros.demo.timeline import SPELLS, Timeline


def test_the_order_is_that_of_the_spells_and_the_ends_are_clean() -> None:
    timeline = Timeline(40.0)
    seen = [timeline.at(time).label for time in np.arange(0.0, 40.0, 0.05)]
    order = [label for i, label in enumerate(seen) if i == 0 or label != seen[i - 1]]
    # Spells that follow one another touch at severity 0, which is clean.
    assert [label for label in order if label != 'clean'] == [
        label for label, _, peak in SPELLS if peak]
    assert order[0] == order[-1] == 'clean'


def test_severity_never_jumps() -> None:
    timeline = Timeline(40.0)
    severity = np.array([timeline.at(time).severity for time in np.arange(0.0, 80.0, 0.01)])
    assert np.abs(np.diff(severity)).max() < 0.02
    assert severity.max() > 0.9 and severity.min() == 0.0


def test_only_a_weak_degradation_is_faint() -> None:
    conditions = [Timeline(40.0).at(time) for time in np.arange(0.0, 40.0, 0.05)]
    assert {c.faint for c in conditions if c.severity == 0} == {False}
    assert all(c.faint == (c.severity < 0.35) for c in conditions if c.severity > 0)
