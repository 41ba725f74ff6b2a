# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A lazy node rests while nobody looks, over real DDS."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from fuse_graph import FuseGraph
from fuse_peer import FusePeer, values
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Classification

from degfuse_ros.ros.rig import RETRY_AFTER

OK, ERROR = b'\x00', b'\x02'
IDLE = 'idle: no subscribers'


def stop_listening(peer: FusePeer) -> None:
    """Drop all subscriptions to what the node publishes for pairs."""
    for subscription in list(peer.peer.subscriptions):
        if '/fused/' in subscription.topic_name:
            peer.peer.destroy_subscription(subscription)


def subscribed(peer: FusePeer) -> tuple[bool, ...]:
    """Tell whether the node subscribes to the visible, the thermal and the camera_info topic."""
    return tuple(publisher.get_subscription_count() > 0
                 for publisher in (peer.visible, peer.thermal, peer.camera_info))


@pytest.fixture
def lazy(ros_domain: int) -> Iterator[FuseGraph]:
    """An active lazy node to whose results nobody subscribes."""
    with FuseGraph(ros_domain, model='lite', lazy=True) as graph:
        stop_listening(graph)
        assert graph.configure() and graph.activate(matched=())
        graph.until(lambda: not any(subscribed(graph)))
        yield graph


def test_it_is_idle_for_as_long_as_nobody_subscribes(lazy: FuseGraph) -> None:
    # Longer than a camera may be silent: it is not called lost, since nobody listens to it.
    until = time.monotonic() + 2 * lazy.get_parameter('lost_after')
    levels: set[tuple[bytes, str]] = set()
    while time.monotonic() < until:
        status = lazy.until_status(lambda status: True, each=lazy.send)
        levels.add((status.level, status.message))
    assert levels == {(OK, IDLE)} and not any(subscribed(lazy))
    assert values(status)['state'] == 'active' and 'visible_rate_hz' not in values(status)


@pytest.mark.parametrize(('kind', 'topic'), [
    (Image, 'image'), (CameraInfo, 'camera_info'), (Classification, 'degradation')])
def test_any_subscriber_wakes_it_and_the_last_one_to_go_lets_it_rest(
        lazy: FuseGraph, kind: Any, topic: str) -> None:
    def send() -> None:
        lazy.camera_info.publish(CameraInfo(
            k=[50.0, 0.0, 40.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0]))
        lazy.send()

    for _ in range(2):
        received: list[Any] = []
        start = time.monotonic()
        subscription = lazy.peer.create_subscription(kind, f'fused/{topic}', received.append, 10)
        lazy.until(lambda received=received: received, each=send)
        # 0.2 s to notice, the rest to find each other on a busy machine.
        assert time.monotonic() - start < 10
        status = lazy.until_status(lambda status: status.message != IDLE, each=send)
        assert status.level == OK and 'visible_rate_hz' in values(status)
        lazy.peer.destroy_subscription(subscription)
        lazy.until(lambda: not any(subscribed(lazy)), each=send)
        lazy.until_status(lambda status: status.message == IDLE)


def test_it_can_be_made_eager_and_lazy_while_running(lazy: FuseGraph) -> None:
    assert lazy.set_parameter('lazy', False).successful
    lazy.until(lambda: all(subscribed(lazy)))
    lazy.until_status(lambda status: float(values(status).get('output_rate_hz', 0)) > 0,
                      each=lazy.send)
    assert lazy.set_parameter('lazy', True).successful
    lazy.until(lambda: not any(subscribed(lazy)))


def test_a_transport_that_cannot_be_had_is_told_until_it_is_corrected(ros_domain: int) -> None:
    topic = '/visible/image/compressed'
    with FuseGraph(ros_domain, model='lite', lazy=True, **{
            f'qos_overrides.{topic}.subscription.reliability': 'nonsense'}) as graph:
        stop_listening(graph)
        assert graph.configure() and graph.activate(matched=())
        graph.until(lambda: not any(subscribed(graph)))
        assert graph.set_parameter('visible_transport', 'compressed').successful
        images: list[Image] = []
        graph.peer.create_subscription(Image, 'fused/image', images.append, 10)
        status = graph.until_status(lambda status: status.level == ERROR)
        assert 'nonsense' in status.message and '\n' not in status.message
        assert IDLE not in status.message
        # No half of it stays behind, however often it is tried.
        time.sleep(1.5 * RETRY_AFTER)
        graph.until_status(lambda status: status.level == ERROR)
        inputs = [each.topic_name for each in graph.node.subscriptions
                  if each.topic_name.startswith(('/visible/', '/thermal/'))]
        assert inputs == [] and not any(subscribed(graph))
        assert graph.set_parameter('visible_transport', 'raw').successful
        graph.until(lambda: images, each=graph.send)
        graph.until_status(lambda status: status.level == OK, each=graph.send)


def test_one_rig_rests_and_the_other_works(ros_domain: int) -> None:
    with FuseGraph(ros_domain, rig='front', model='lite', lazy=True,
                   rigs=['front', 'rear']) as front, FusePeer(ros_domain, rig='rear') as rear:
        stop_listening(rear)
        assert front.configure() and front.activate()
        front.until_fused()
        status = rear.until_status(lambda status: status.message == IDLE)
        assert status.level == OK and all(subscribed(front)[:2]) and not any(subscribed(rear))
        assert front.set_parameter('rear.lazy', False).successful
        rear.until(lambda: all(subscribed(rear)))
