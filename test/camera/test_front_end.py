# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Two cameras' messages to one pair."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from degfuse_ros.camera.front_end import FrontEnd
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros.parameter_table import ROWS

VALUES: dict[str, Any] = {
    **{name: row.default for name, row in ROWS.items()},
    'thermal_percentile_low': 0.0, 'thermal_percentile_high': 100.0, 'thermal_smoothing': 0.0}


def message(pixels: np.ndarray, encoding: str, **changes: Any) -> SimpleNamespace:
    """Build a message of an array, without ROS."""
    height, width = pixels.shape[:2]
    return SimpleNamespace(**{
        'height': height, 'width': width, 'encoding': encoding, 'is_bigendian': 0,
        'step': pixels.nbytes // height, 'data': pixels.tobytes(), **changes})


VISIBLE = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
THERMAL = np.linspace(20_000, 21_000, 48 * 64).reshape(48, 64).astype(np.uint16)


def test_a_pair_of_one_size_is_decoded_and_given_8_bits() -> None:
    prepared = FrontEnd(VALUES.__getitem__).prepare(
        message(VISIBLE, 'rgb8'), message(THERMAL, 'mono16'))
    assert (prepared.visible == VISIBLE).all()
    expected = (THERMAL.astype(float) - 20_000) / 1_000 * 255
    assert prepared.thermal.dtype == np.uint8
    assert np.abs(prepared.thermal - expected).max() <= 1
    assert prepared.coverage is None and not prepared.notice


def test_messages_of_ros_are_taken() -> None:
    sent = Image(height=48, width=64, encoding='rgb8', step=192, data=VISIBLE.tobytes())
    grey = Image(height=48, width=64, encoding='mono8', step=64,
                 data=VISIBLE[..., 0].tobytes())
    prepared = FrontEnd(VALUES.__getitem__).prepare(sent, grey)
    assert (prepared.visible == VISIBLE).all() and (prepared.thermal == VISIBLE[..., 0]).all()


def test_a_smaller_thermal_image_is_stretched_and_the_user_told() -> None:
    prepared = FrontEnd(VALUES.__getitem__).prepare(
        message(np.repeat(np.repeat(VISIBLE, 2, 0), 2, 1), 'rgb8'), message(THERMAL, 'mono16'))
    assert prepared.thermal.shape == (96, 128)
    assert 'the thermal image is 64x48, the visible one 128x96' in prepared.notice


def test_percentiles_are_asked_for_at_every_pair() -> None:
    values = dict(VALUES)
    front_end = FrontEnd(values.__getitem__)
    pair = message(VISIBLE, 'rgb8'), message(THERMAL, 'mono16')
    front_end.prepare(*pair)
    values['thermal_percentile_low'] = 50.0
    assert (front_end.prepare(*pair).thermal == 0).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(('topic', 'kind', 'changes'), [
    ('visible', 'truncated', {'data': b'1'}),
    ('thermal', 'empty', {'data': b''}),
    ('thermal', 'refused', {'height': 31}),
    ('visible', 'encoding', {'encoding': '16UC1'}),
    ('thermal', 'not_finite', {'encoding': '32FC1', 'step': 4 * 64,
                               'data': np.full(48 * 64, np.nan, np.float32).tobytes()}),
])
def test_errors_name_the_topic(topic: str, kind: str, changes: dict) -> None:
    pair = {'visible': message(VISIBLE, 'rgb8'), 'thermal': message(THERMAL, 'mono16')}
    vars(pair[topic]).update(changes)
    with pytest.raises(ImageError) as caught:
        FrontEnd(VALUES.__getitem__).prepare(pair['visible'], pair['thermal'])
    assert (caught.value.topic, caught.value.kind) == (topic, kind)


def test_compressed_messages_give_what_raw_ones_give() -> None:
    values = {**VALUES, 'thermal_range': 'local_contrast'}
    raw = FrontEnd(values.__getitem__).prepare(
        message(VISIBLE, 'rgb8'), message(THERMAL, 'mono16'))
    visible = CompressedImage(format='rgb8; png compressed bgr8', data=cv2.imencode(
        '.png', VISIBLE[..., ::-1])[1].tobytes())
    thermal = CompressedImage(
        format='mono16; png compressed ', data=cv2.imencode('.png', THERMAL)[1].tobytes())
    prepared = FrontEnd(values.__getitem__).prepare(visible, thermal)
    assert (prepared.visible == raw.visible).all() and (prepared.thermal == raw.thermal).all()


def test_a_thermal_camera_that_changes_its_encoding_midway() -> None:
    front_end = FrontEnd(VALUES.__getitem__)
    counts, grey = message(THERMAL, '16UC1'), message(VISIBLE[..., 0], 'mono8')
    degrees = message((THERMAL / 100).astype(np.float32), '32FC1')
    first = front_end.prepare(message(VISIBLE, 'rgb8'), counts).thermal
    for sent in (grey, counts, grey, degrees, grey):
        thermal = front_end.prepare(message(VISIBLE, 'rgb8'), sent).thermal
        expected = VISIBLE[..., 0] if sent is grey else first
        assert np.abs(thermal.astype(int) - expected).max() <= 1


def test_a_frozen_thermal_camera_is_noticed() -> None:
    values = {**VALUES, 'frozen_after': 3}
    front_end = FrontEnd(values.__getitem__)
    found = []
    for pixels in [THERMAL] * 4 + [THERMAL + 1]:
        front_end.prepare(message(VISIBLE, 'rgb8'), message(pixels, 'mono16'))
        found.append(front_end.frozen)
    assert found == [False, False, True, True, False]


def test_one_thermal_image_in_several_pairs_is_not_frozen() -> None:
    front_end = FrontEnd({**VALUES, 'frozen_after': 2}.__getitem__)
    thermal = message(THERMAL, 'mono16')
    for _ in range(5):  # a camera slower than the visible one
        front_end.prepare(message(VISIBLE, 'rgb8'), thermal)
        assert not front_end.frozen
