# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thermal picture: weather hardly shows, heat does."""
import numpy as np
import pytest

from degfuse_ros.demo.scene import PERSON
from degfuse_ros.demo.stream import DemoStream
from degfuse_ros.demo.timeline import Condition


@pytest.fixture(scope='module')
def stream() -> DemoStream:
    return DemoStream((320, 240), seconds=20.0, rate=5.0)


@pytest.mark.parametrize('label', ['fog', 'low_light', 'overexposed', 'rain'])
def test_weather_changes_the_thermal_far_less_than_the_visible(stream: DemoStream,
                                                               label: str) -> None:
    clear = stream.frame(10, Condition('clean', 0.0))
    bad = stream.frame(10, Condition(label, 0.9))
    thermal = np.abs(bad.thermal.astype(int) - clear.thermal).mean()
    visible = np.abs(bad.visible.astype(int) - clear.visible).mean()
    assert thermal < 6
    assert visible > 4 * thermal


def test_people_stand_out_in_the_thermal_in_the_thickest_fog(stream: DemoStream) -> None:
    frame = stream.frame(5, Condition('fog', 1.0))
    people = [o for o in frame.objects if o.kind == PERSON and 10 < o.distance < 25]
    assert people
    for person in people:
        body = frame.thermal[frame.object_map == person.number]
        assert body.mean() > np.median(frame.thermal) + 50


def test_noise_repeats_for_the_same_frame_only(stream: DemoStream) -> None:
    frames = [stream.frame(index).thermal for index in (0, 1, 0)]
    assert (frames[0] == frames[2]).all()
    assert (frames[0] != frames[1]).mean() > 0.3
