# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs of the running node, from topic to fused image, over real DDS."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import image, stamp_of
from sensor_msgs.msg import Image

from degfuse_ros.ros.pairing import Pairing

SECOND, MILLISECOND = 1_000_000_000, 1_000_000
START = 20_000 * SECOND


class Player(FuseGraph):
    """An active node with the small model, and what it takes to lose no image on the way."""

    def __init__(self, domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Start, and wait until the fused image is listened to: before, none is built."""
        # A test machine that is busy makes no camera lost.
        super().__init__(domain, model='lite', lost_after=3.0)
        self._paired = 0
        accept = Pairing._accept

        def counted(pairing: Pairing, topic: str, message: Image) -> None:
            accept(pairing, topic, message)
            self._paired += 1

        monkeypatch.setattr(Pairing, '_accept', counted)
        assert self.configure() and self.activate()
        self.until(self.node._rigs[0]._outputs._image.get_subscription_count)

    def play(self, images: list[tuple[str, int]]) -> None:
        """Publish images (camera, stamp in milliseconds), each when the one before is done."""
        statistics = self.node._rigs[0].statistics
        for camera, stamp in images:
            before = self._paired
            getattr(self, camera).publish(image(
                START + stamp * MILLISECOND, 'rgb8' if camera == 'visible' else 'mono8'))
            self.until(lambda: self._paired > before  # noqa: B023 (called at once)
                       and statistics._pairs == statistics._outputs)


@pytest.fixture
def active(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """A node that bags can be played to."""
    with Player(ros_domain, monkeypatch) as player:
        yield player


def fused(graph: Player) -> list[int]:
    """Return the stamps of the fused images, in milliseconds."""
    return [(stamp_of(message) - START) // MILLISECOND for message in graph.fused]


@pytest.mark.parametrize(('pairing', 'expected'), [
    ('exact_once', [0, 100, 200, 300, 400]),
    ('nearest', [0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 367, 400, 433, 467])])
def test_the_same_bag_twice_gives_the_same_images_twice(
        active: Player, pairing: str, expected: list[int]) -> None:
    assert active.set_parameter('pairing', pairing).successful
    bag = sorted([('thermal', 100 * step) for step in range(5)]
                 + [('visible', round(100 * step / 3)) for step in range(15)],
                 key=lambda image: (image[1], image[0]))
    active.play(bag * 3)
    active.until(lambda: len(active.fused) == 3 * len(expected))
    assert fused(active) == expected * 3
    status = active.until_status(bool)
    assert values(status)['time_jumps'] == '2'


def test_a_thermal_clock_hours_behind_is_bridged_while_running(active: Player) -> None:
    def pair(step: int) -> list[tuple[str, int]]:
        return [('thermal', 100 * step - 7_200_000), ('visible', 100 * step)]

    steps = count()
    status = active.until_status(
        lambda status: 'set thermal_time_offset to 7' in status.message,
        each=lambda: active.play(pair(next(steps))))
    assert not active.fused and 'The clocks differ' in status.message
    assert active.set_parameter('thermal_time_offset', 7200.0).successful
    first = next(steps)
    active.play([image for step in range(first, first + 10) for image in pair(step)])
    active.until(lambda: len(active.fused) == 10)
    assert fused(active) == [100 * step for step in range(first, first + 10)]


def test_a_stamp_far_in_the_future_costs_one_image_and_is_told(active: Player) -> None:
    images = [(camera, 100 * step + (40_000_000 if (camera, step) == ('visible', 7) else 0))
              for step in range(15) for camera in ('visible', 'thermal')]
    active.play(images)
    active.until(lambda: len(active.fused) == 14)
    assert fused(active) == [100 * step for step in range(15) if step != 7]
    status = active.until_status(
        lambda status: int(values(status).get('dropped.visible.future_stamp', 0)) == 1)
    assert values(status)['dropped.unmatched_thermal'] != '0'
