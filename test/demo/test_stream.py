# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The built-in stream: repeatable, complete, true."""
import numpy as np
import pytest

from degfuse_ros.demo.stream import DemoStream


def build(seed: int = 0, size: tuple[int, int] = (160, 120)) -> DemoStream:
    return DemoStream(size, seconds=20.0, rate=5.0, seed=seed)


def test_two_streams_with_equal_arguments_are_equal_bit_by_bit() -> None:
    first, second = build(), build()
    assert len(first) == len(second) == 100
    for index in (0, 22, 48, 67, 85):  # clean, fog, low light, overexposed, rain
        a, b = first.frame(index), second.frame(index)
        assert (a.visible == b.visible).all() and (a.thermal == b.thermal).all()
        assert a.condition == b.condition and a.objects == b.objects


def test_frames_do_not_depend_on_the_order_of_rendering() -> None:
    forwards, alone = build(), build()
    for index in range(23):
        last = forwards.frame(index)
    assert (alone.frame(22).visible == last.visible).all()


def test_another_seed_gives_other_pictures() -> None:
    assert (build().frame(3).visible != build(seed=1).frame(3).visible).any()


def test_the_drift_shows_every_class_and_clean_frames_are_untouched() -> None:
    stream = build()
    labels = set()
    for index in range(0, len(stream), 4):
        frame = stream.frame(index)
        labels.add(frame.condition.label)
        same = (frame.visible == frame.clean).all()
        assert same == (frame.condition.severity == 0)
    assert labels == {'clean', 'fog', 'low_light', 'overexposed', 'rain'}


@pytest.mark.parametrize('size', [(160, 120), (97, 65), (64, 160), (32, 32)])
def test_any_size_is_rendered_as_asked_for(size: tuple[int, int]) -> None:
    frame = build(size=size).frame(30)
    shape = size[::-1]
    assert frame.visible.shape == frame.clean.shape == (*shape, 3)
    assert frame.thermal.shape == frame.object_map.shape == frame.distance.shape == shape
    assert frame.visible.dtype == frame.thermal.dtype == np.uint8


def test_the_clear_picture_is_exposed_like_a_photograph() -> None:
    clean = build(size=(320, 240)).frame(0).clean
    assert 60 < clean.mean() < 150
    assert clean.std() > 40
    assert (clean.min(axis=2) >= 250).mean() < 0.06
