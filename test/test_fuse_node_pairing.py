# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs of the running node, from topic to fused image, over real DDS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import image, stamp_of

SECOND, MILLISECOND = 1_000_000_000, 1_000_000
START = 2_000 * SECOND


@pytest.fixture
def active(ros_domain: int) -> Iterator[FuseGraph]:
    """An active node with the small model."""
    with FuseGraph(ros_domain, model='lite') as graph:
        assert graph.configure() and graph.activate()
        image_publisher = graph.node._rigs[0]._outputs._image
        graph.until(image_publisher.get_subscription_count)  # no image is built before
        yield graph


def play(graph: FuseGraph, images: list[tuple[str, int]]) -> None:
    """Publish images (camera and stamp in milliseconds), each when the one before is done with."""
    statistics = graph.node._rigs[0].statistics
    for camera, stamp in images:
        before = statistics._topics[camera].arrived
        getattr(graph, camera).publish(image(
            START + stamp * MILLISECOND, 'rgb8' if camera == 'visible' else 'mono8'))
        graph.until(lambda: statistics._topics[camera].arrived > before  # noqa: B023
                    and statistics._pairs == statistics._outputs)


def fused(graph: FuseGraph) -> list[int]:
    """Return the stamps of the fused images, in milliseconds."""
    return [(stamp_of(message) - START) // MILLISECOND for message in graph.fused]


@pytest.mark.parametrize(('pairing', 'expected'), [
    ('exact_once', [0, 100, 200, 300, 400]),
    ('nearest', [0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 367, 400, 433, 467])])
def test_the_same_bag_twice_gives_the_same_images_twice(
        active: FuseGraph, pairing: str, expected: list[int]) -> None:
    assert active.set_parameter('pairing', pairing).successful
    bag = sorted([('thermal', 100 * step) for step in range(5)]
                 + [('visible', round(100 * step / 3)) for step in range(15)],
                 key=lambda image: (image[1], image[0]))
    play(active, bag * 3)
    active.until(lambda: len(active.fused) == 3 * len(expected))
    assert fused(active) == expected * 3
    status = active.until_status(bool)
    assert values(status)['time_jumps'] == '2'


def test_a_thermal_clock_hours_behind_is_bridged_while_running(active: FuseGraph) -> None:
    images = [(camera, 100 * step - (1_500_000 if camera == 'thermal' else 0))
              for step in range(30) for camera in ('thermal', 'visible')]
    play(active, images[:40])
    status = active.until_status(
        lambda status: 'set thermal_time_offset to 1' in status.message,
        each=lambda: play(active, []))
    assert not active.fused and 'The clocks differ' in status.message
    assert active.set_parameter('thermal_time_offset', 1500.0).successful
    play(active, images[40:])
    active.until(lambda: len(active.fused) == 10)
    assert fused(active) == [100 * step for step in range(20, 30)]


def test_a_stamp_far_in_the_future_costs_one_image_and_is_told(active: FuseGraph) -> None:
    images = [(camera, 100 * step + (40_000_000 if (camera, step) == ('visible', 7) else 0))
              for step in range(15) for camera in ('visible', 'thermal')]
    play(active, images)
    active.until(lambda: len(active.fused) == 14)
    assert fused(active) == [100 * step for step in range(15) if step != 7]
    status = active.until_status(
        lambda status: int(values(status).get('dropped.visible.future_stamp', 0)) == 1)
    assert values(status)['dropped.unmatched_thermal'] != '0'
