# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Images made ready to be published alone."""

from __future__ import annotations

import numpy as np
import pytest
from image_messages import HEIGHT, WIDTH, image

from degfuse_ros.camera import decoding
from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros.alone import Alone, prepare
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.parameter_table import ROWS


@pytest.fixture
def front_end() -> FrontEnd:
    """A front end with every parameter at its default, but frozen after 3 images."""
    values = {**{name: row.default for name, row in ROWS.items()}, 'frozen_after': 3}
    return FrontEnd(lambda name: values[name])


def prepare_other(front_end: FrontEnd, pair: Pair) -> Alone | None:
    """Make ready what is never a whole pair."""
    prepared = prepare(front_end, pair, 'publish_other')
    assert not isinstance(prepared, Prepared)
    return prepared


def test_visible_alone_is_decoded(front_end: FrontEnd) -> None:
    message = image(7, 'bgr8')
    alone = prepare_other(front_end, Pair(message, None))
    assert alone is not None and not alone.is_thermal
    assert (alone.image == decoding.to_rgb(message)).all()
    assert alone.warning == 'thermal lost: visible alone' and alone.pair.header is message.header


def test_thermal_alone_has_8_bits_and_its_own_size(front_end: FrontEnd) -> None:
    counts = np.linspace(8000, 9000, WIDTH * HEIGHT).astype(np.uint16)
    message = image(7, 'mono16', data=counts.tobytes())
    alone = prepare_other(front_end, Pair(None, message))
    assert alone is not None and alone.is_thermal
    assert alone.image.shape == (HEIGHT, WIDTH) and alone.image.dtype == np.uint8
    assert alone.image.min() == 0 and alone.image.max() == 255
    assert alone.warning == 'visible lost: thermal alone' and alone.pair.header is message.header


def test_a_frozen_thermal_image_alone_is_none(front_end: FrontEnd) -> None:
    found = [prepare_other(front_end, Pair(None, image(stamp, 'mono8'))) for stamp in range(1, 5)]
    assert [alone is None for alone in found] == [False, False, True, True]
    assert prepare_other(front_end, Pair(None, image(9, 'mono8', data=b'\x07' * 3840))) is not None


def test_an_image_that_cannot_be_used_says_which(front_end: FrontEnd) -> None:
    for topic, pair in (('visible', Pair(image(1, '16UC1'), None)),
                        ('thermal', Pair(None, image(1, 'mono8', data=b'\x01')))):
        with pytest.raises(ImageError) as caught:
            prepare_other(front_end, pair)
        assert caught.value.topic == topic


def test_a_pair_whose_thermal_image_is_frozen_is_the_visible_one_alone(
        front_end: FrontEnd) -> None:
    pairs = [Pair(image(stamp), image(stamp, 'mono8')) for stamp in range(1, 5)]
    found = [prepare(front_end, pair, 'publish_other') for pair in pairs]
    assert [type(each) for each in found] == [Prepared, Prepared, Alone, Alone]
    frozen = found[-1]
    assert isinstance(frozen, Alone) and frozen.warning == 'thermal frozen: visible alone'
    assert (frozen.image == decoding.to_rgb(pairs[-1].visible)).all() and not frozen.is_thermal
    assert prepare(front_end, pairs[-1], 'silent') is None


def test_a_thermal_image_that_serves_several_visible_ones_is_not_frozen(
        front_end: FrontEnd) -> None:
    thermal = image(1, 'mono8')
    for stamp in range(1, 9):
        assert isinstance(prepare(front_end, Pair(image(stamp), thermal), 'silent'), Prepared)
