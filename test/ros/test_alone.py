# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Images made ready to be published alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from image_messages import HEIGHT, WIDTH, image

from degfuse_ros.camera import decoding
from degfuse_ros.camera.front_end import FrontEnd, Prepared
from degfuse_ros.ros.alone import Alone, Preparer
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.parameter_table import ROWS
from degfuse_ros.ros.stamps import NANOSECONDS


class Bench:
    """A Preparer and what it told.

    Attributes:
        values: the parameters: every one at its default, but frozen after 3 images.
        drops: kinds and reasons, oldest first.
        tested: the Preparer.
    """

    def __init__(self) -> None:
        """Start without a past."""
        self.values = {**{name: row.default for name, row in ROWS.items()}, 'frozen_after': 3}
        self.drops: list[tuple[str, str]] = []
        self.tested = Preparer(FrontEnd(self.values.__getitem__), self.values.__getitem__,
                               lambda kind, reason: self.drops.append((kind, reason)))

    def prepare(self, visible: Any, thermal: Any) -> Prepared | Alone | None:
        """Make a pair ready."""
        return self.tested.prepare(Pair(visible, thermal))

    def alone(self, visible: Any, thermal: Any) -> Alone | None:
        """Make ready what is no whole pair."""
        prepared = self.prepare(visible, thermal)
        assert not isinstance(prepared, Prepared)
        return prepared

    def warnings(self, pairs: Iterable[tuple[Any, Any]]) -> list[str]:
        """Return what was published of each pair: a warning, 'fused', or '' for nothing."""
        found = [self.prepare(visible, thermal) for visible, thermal in pairs]
        return ['' if each is None else getattr(each, 'warning', 'fused') for each in found]


@pytest.fixture
def bench() -> Bench:
    """A Preparer without a past."""
    return Bench()


def grey(stamp: int) -> Any:
    """Return a thermal image unlike all others."""
    return image(stamp, 'mono8', data=np.random.default_rng(stamp).bytes(WIDTH * HEIGHT))


def without_a_number(stamp: int) -> Any:
    """Return a thermal image of which every value is NaN, and the payload tells them apart."""
    payload = np.random.default_rng(stamp).integers(0, 1000, WIDTH * HEIGHT, np.uint32)
    pixels = np.full(WIDTH * HEIGHT, np.nan, np.float32).view(np.uint32) + payload
    return image(stamp, '32FC1', step=4 * WIDTH, data=pixels.tobytes())


def seconds(*stamps: float) -> list[int]:
    """Return stamps in nanoseconds."""
    return [round(stamp * NANOSECONDS) for stamp in stamps]


def test_visible_alone_is_decoded(bench: Bench) -> None:
    message = image(7, 'bgr8')
    alone = bench.alone(message, None)
    assert alone is not None and not alone.is_thermal
    assert (alone.image == decoding.to_rgb(message)).all()
    assert alone.warning == 'thermal lost: visible alone' and alone.pair.header is message.header


def test_thermal_alone_has_8_bits_and_its_own_size(bench: Bench) -> None:
    counts = np.linspace(8000, 9000, WIDTH * HEIGHT).astype(np.uint16)
    message = image(7, 'mono16', data=counts.tobytes())
    alone = bench.alone(None, message)
    assert alone is not None and alone.is_thermal
    assert alone.image.shape == (HEIGHT, WIDTH) and alone.image.dtype == np.uint8
    assert alone.image.min() == 0 and alone.image.max() == 255
    assert alone.warning == 'visible lost: thermal alone' and alone.pair.header is message.header


def test_a_frozen_thermal_image_alone_is_none(bench: Bench) -> None:
    found = [bench.alone(None, image(stamp, 'mono8')) for stamp in range(1, 5)]
    assert [alone is None for alone in found] == [False, False, True, True]
    assert bench.drops == [('thermal.frozen', '')] * 2
    assert bench.alone(None, image(9, 'mono8', data=b'\x07' * 3840)) is not None


def test_an_image_that_cannot_be_used_says_which(bench: Bench) -> None:
    assert bench.alone(image(1, '16UC1'), None) is None
    assert bench.alone(None, image(1, 'mono8', data=b'\x01')) is None
    assert [kind for kind, _ in bench.drops] == ['visible.encoding', 'thermal.truncated']
    assert all(reason for _, reason in bench.drops) and set(bench.tested.failing) == {
        'visible', 'thermal'}


def test_a_pair_whose_thermal_image_is_frozen_is_the_visible_one_alone(
        bench: Bench) -> None:
    pairs = [Pair(image(stamp), image(stamp, 'mono8')) for stamp in range(1, 5)]
    found = [bench.tested.prepare(pair) for pair in pairs]
    assert [type(each) for each in found] == [Prepared, Prepared, Alone, Alone]
    frozen = found[-1]
    assert isinstance(frozen, Alone) and frozen.warning == 'thermal frozen: visible alone'
    assert (frozen.image == decoding.to_rgb(pairs[-1].visible)).all() and not frozen.is_thermal
    assert not bench.drops
    bench.values['lost_camera'] = 'silent'
    assert bench.tested.prepare(pairs[-1]) is None and bench.drops == [('thermal.frozen', '')]


def test_a_thermal_image_that_serves_several_visible_ones_is_not_frozen(
        bench: Bench) -> None:
    thermal = image(1, 'mono8')
    for stamp in range(1, 9):
        assert isinstance(bench.prepare(image(stamp), thermal), Prepared)


FAILING = {
    'thermal': lambda stamp: (image(stamp), without_a_number(stamp)),
    'visible': lambda stamp: (image(stamp, '16UC1'), grey(stamp)),
    'both': lambda stamp: (image(stamp, '16UC1'), without_a_number(stamp))}


@pytest.mark.parametrize(('camera', 'text'), [
    ('thermal', 'thermal lost: visible alone'), ('visible', 'visible lost: thermal alone')])
def test_a_camera_whose_images_all_fail_is_lost_until_one_does_not(
        bench: Bench, camera: str, text: str) -> None:
    bench.values['lost_after'] = 2.0
    fail = FAILING[camera]
    assert bench.warnings(map(fail, seconds(10, 11, 12, 12.1, 12.5))) == ['', '', '', text, text]
    assert list(bench.tested.failing) == [camera] and len(bench.drops) == 5
    good = ((image(stamp), grey(stamp)) for stamp in seconds(12.6))
    assert bench.warnings(good) == ['fused'] and not bench.tested.failing
    assert bench.warnings(map(fail, seconds(13, 15, 15.1))) == ['', '', text]
    # The stamps begin anew, and so does the time.
    assert bench.warnings(map(fail, seconds(1, 3, 3.1))) == ['', '', text]
    bench.values['lost_camera'] = 'silent'
    assert bench.warnings(map(fail, seconds(3.2))) == ['']


def test_where_both_fail_nothing_comes_and_either_brings_images_back(bench: Bench) -> None:
    stamps = seconds(*range(10, 20))
    assert set(bench.warnings(map(FAILING['both'], stamps))) == {''}
    assert set(bench.tested.failing) == {'visible', 'thermal'}
    assert {kind for kind, _ in bench.drops} == {'visible.encoding', 'thermal.not_finite'}
    assert bench.warnings(map(FAILING['visible'], seconds(20))) == ['visible lost: thermal alone']
    assert bench.warnings(map(FAILING['both'], seconds(21))) == ['']
    assert bench.warnings(map(FAILING['thermal'], seconds(22))) == ['']
    assert bench.warnings(map(FAILING['thermal'], seconds(25))) == ['thermal lost: visible alone']


def test_one_thermal_image_in_several_pairs_is_published_once(bench: Bench) -> None:
    thermal = grey(7)
    pairs = [(image(stamp, '16UC1'), thermal) for stamp in seconds(1, 4, 5)]
    assert bench.warnings(pairs) == ['', 'visible lost: thermal alone', '']


def test_a_frozen_camera_with_a_bad_calibration_leaves_the_visible_image(bench: Bench) -> None:
    bench.values['calibration'] = '/nowhere/calibration.yaml'
    pairs = [(image(stamp), image(stamp, 'mono8')) for stamp in range(1, 5)]
    assert bench.warnings(pairs) == ['', '', *['thermal frozen: visible alone'] * 2]
    assert [kind for kind, _ in bench.drops] == ['thermal.unregistered'] * 2
    moving = ((image(stamp), grey(stamp)) for stamp in seconds(1, 4))
    assert bench.warnings(moving) == ['', 'thermal lost: visible alone']
