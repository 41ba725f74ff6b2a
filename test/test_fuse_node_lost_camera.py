# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The running node when a camera goes and comes back, over real DDS."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import HEIGHT, WIDTH, image, stamp_of

from degfuse_ros.camera import decoding
from degfuse_ros.engine import FusionEngine

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'


@pytest.fixture
def active(ros_domain: int) -> Iterator[FuseGraph]:
    """An active node with the small model; a camera is lost after half a second."""
    with FuseGraph(ros_domain, model='lite') as graph:
        assert graph.configure() and graph.activate()
        graph.until_fused()
        yield graph


def send_visible(graph: FuseGraph) -> None:
    """Publish a visible image without its thermal partner."""
    graph.visible.publish(image(graph.stamp()))


def send_thermal(graph: FuseGraph) -> None:
    """Publish a thermal image without its visible partner."""
    graph.thermal.publish(image(graph.stamp(), 'mono8', 'thermal'))


def routing_of(graph: FuseGraph, message: Any) -> Any:
    """Return the routing that was published with an image."""
    return graph.until(lambda: next((routing for routing in graph.routings
                                     if stamp_of(routing) == stamp_of(message)), None))


def until_routed(graph: FuseGraph, text: str, each: Any) -> Any:
    """Send until an image comes whose routing says a text; return the image."""
    def found() -> Any:
        stamps = {stamp_of(routing) for routing in graph.routings
                  if {status.message for status in routing.status} == {text}}
        return next((message for message in graph.fused if stamp_of(message) in stamps), None)

    graph.fused.clear()
    graph.routings.clear()
    return graph.until(found, each=each)


def test_thermal_gone_leaves_the_visible_image_restored(active: FuseGraph) -> None:
    message = until_routed(active, 'thermal lost: visible alone', lambda: send_visible(active))
    assert message.header.frame_id == 'camera'
    engine = FusionEngine.load('lite', 'cpu')
    restored = engine.restore(decoding.to_rgb(image(0)))
    assert bytes(message.data) == restored.image.tobytes()
    routing = routing_of(active, message)
    assert [status.name for status in routing.status] == list(engine.layer_names)
    assert {status.level for status in routing.status} == {WARN}
    weights = [[float(value.value) for value in status.values] for status in routing.status]
    assert np.allclose(weights, restored.routing, atol=1e-5)
    status = active.until_status(
        lambda status: 'the visible image is published alone' in status.message,
        each=lambda: send_visible(active))
    assert status.level == WARN and '/thermal/image is silent' in status.message
    assert int(values(status)['alone.visible']) > 0


def test_thermal_back_fusion_goes_on_by_itself(active: FuseGraph) -> None:
    until_routed(active, 'thermal lost: visible alone', lambda: send_visible(active))
    message = until_routed(active, '', active.send)
    engine = FusionEngine.load('lite', 'cpu')
    fused = engine.fuse(decoding.to_rgb(image(0)), decoding.to_grey(image(0, 'mono8')))
    assert bytes(message.data) == fused.image.tobytes()
    active.until_status(lambda status: status.level == OK, each=active.send)


def test_visible_gone_leaves_the_thermal_image_as_grey(active: FuseGraph) -> None:
    message = until_routed(active, 'visible lost: thermal alone', lambda: send_thermal(active))
    assert (message.encoding, message.header.frame_id) == ('rgb8', 'thermal')
    pixels = np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    assert (pixels == decoding.to_grey(image(0, 'mono8'))[..., None]).all()
    [status] = routing_of(active, message).status
    assert (status.level, status.values) == (WARN, [])
    assert stamp_of(message) not in map(stamp_of, active.degradations)
    report = active.until_status(
        lambda status: 'the thermal image is published alone' in status.message,
        each=lambda: send_thermal(active))
    assert report.level == WARN and values(report)['degradation'] == ''


def test_visible_back_fusion_goes_on_by_itself(active: FuseGraph) -> None:
    until_routed(active, 'visible lost: thermal alone', lambda: send_thermal(active))
    message = until_routed(active, '', active.send)
    assert message.header.frame_id == 'camera'
    active.until_status(lambda status: status.level == OK, each=active.send)


def test_16_bit_thermal_alone_is_shown_by_its_range(active: FuseGraph) -> None:
    counts = np.linspace(8000, 9000, WIDTH * HEIGHT).astype('<u2')
    message = until_routed(
        active, 'visible lost: thermal alone', lambda: active.thermal.publish(image(
            active.stamp(), '16UC1', 'thermal', data=counts.tobytes())))
    pixels = np.frombuffer(message.data, np.uint8)
    assert pixels.min() == 0 and pixels.max() == 255 and 120 < pixels.mean() < 135


def test_a_thermal_camera_that_sends_only_bad_images_is_gone_too(active: FuseGraph) -> None:
    def send() -> None:
        stamp = active.stamp()
        active.visible.publish(image(stamp))
        active.thermal.publish(image(stamp, 'mono8', data=b'\x01' * 100))

    until_routed(active, 'thermal lost: visible alone', send)
    status = active.until_status(
        lambda status: 'no image of /thermal/image could be used' in status.message, each=send)
    assert '100 bytes of data' in status.message


def test_a_thermal_camera_whose_images_cannot_be_read_is_gone_too(active: FuseGraph) -> None:
    nothing = np.full((HEIGHT, WIDTH), np.nan, np.float32).tobytes()

    def send(visible: str = 'rgb8') -> None:
        stamp = active.stamp()
        active.visible.publish(image(stamp, visible, **(
            {} if visible == 'rgb8' else {'step': 2 * WIDTH})))
        active.thermal.publish(image(stamp, '32FC1', step=4 * WIDTH, data=nothing))

    until_routed(active, 'thermal lost: visible alone', send)
    status = active.until_status(
        lambda status: 'no image of /thermal/image could be used' in status.message, each=send)
    assert status.level == WARN and 'is a finite number' in status.message
    assert 'the visible image is published alone' in status.message
    assert int(values(status)['alone.visible']) > 0
    # With a visible camera that cannot be read either, nothing is left.
    active.until_status(
        lambda status: status.level == ERROR
        and status.message.count('nothing is published until then') == 2,
        each=lambda: send('16UC1'))
    active.fused.clear()
    active.until_status(lambda status: float(values(status)['output_rate_hz']) == 0.0,
                        each=lambda: send('16UC1'))
    until_routed(active, '', active.send)
    active.until_status(lambda status: status.level == OK, each=active.send)


def test_a_visible_camera_whose_images_cannot_be_read_is_gone_too(active: FuseGraph) -> None:
    def send() -> None:
        stamp = active.stamp()
        active.visible.publish(image(stamp, '16UC1', step=2 * WIDTH))
        active.thermal.publish(image(stamp, 'mono8', 'thermal'))

    message = until_routed(active, 'visible lost: thermal alone', send)
    assert message.header.frame_id == 'thermal'
    status = active.until_status(
        lambda status: 'the thermal image is published alone' in status.message, each=send)
    assert status.level == WARN and int(values(status)['alone.thermal']) > 0
    until_routed(active, '', active.send)


def test_both_gone_is_an_error_and_either_brings_images_back(active: FuseGraph) -> None:
    status = active.until_status(lambda status: status.level == ERROR)
    assert status.message.count('nothing is published until then') == 2
    until_routed(active, 'visible lost: thermal alone', lambda: send_thermal(active))
    until_routed(active, 'thermal lost: visible alone', lambda: send_visible(active))
    until_routed(active, '', active.send)


def test_silent_publishes_nothing_until_the_camera_is_back(active: FuseGraph) -> None:
    assert active.set_parameter('lost_camera', 'silent').successful
    active.fused.clear()
    active.until_status(
        lambda status: 'nothing is published until then' in status.message,
        each=lambda: send_visible(active))
    received = len(active.fused)
    status = active.until_status(
        lambda status: int(values(status)['dropped.unmatched_visible']) > 20,
        each=lambda: send_visible(active))
    assert status.level == WARN and values(status)['alone.visible'] == '0'
    assert len(active.fused) == received
    active.until_fused()


def test_a_broken_engine_is_told_while_a_camera_is_gone(
        active: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*image: Any) -> None:
        raise RuntimeError('no memory')

    with monkeypatch.context() as patch:
        patch.setattr(FusionEngine, 'restore', fail)
        active.until_status(lambda status: 'RuntimeError: no memory' in status.message,
                            each=lambda: send_visible(active))
    until_routed(active, 'thermal lost: visible alone', lambda: send_visible(active))


def test_a_small_visible_image_alone_is_refused_in_one_line(active: FuseGraph) -> None:
    status = active.until_status(
        lambda status: 'must be 32 x 32 pixels or larger' in status.message,
        each=lambda: active.visible.publish(image(active.stamp(), height=16)))
    assert int(values(status)['dropped.visible.refused']) > 0 and '\n' not in status.message


def test_frozen_thermal_images_count_as_lost_until_they_move(active: FuseGraph) -> None:
    assert active.set_parameter('frozen_after', 5).successful
    until_routed(active, 'thermal frozen: visible alone', active.send)
    status = active.until_status(
        lambda status: 'the images of /thermal/image are all the same' in status.message,
        each=active.send)
    assert status.level == WARN and values(status)['thermal_frozen'] == 'true'
    before = values(status)
    later = values(active.until_status(
        lambda status: int(values(status)['alone.visible']) > int(before['alone.visible']) + 2,
        each=active.send))
    assert later['dropped.unmatched_visible'] == before['dropped.unmatched_visible']
    numbers = count()

    def send_moving() -> None:
        stamp = active.stamp()
        active.visible.publish(image(stamp))
        active.thermal.publish(image(
            stamp, 'mono8', 'thermal', data=bytes([next(numbers) % 250]) * (WIDTH * HEIGHT)))

    until_routed(active, '', send_moving)
    status = active.until_status(lambda status: status.level == OK, each=send_moving)
    assert values(status)['thermal_frozen'] == 'false'


def test_visible_gone_and_thermal_frozen_is_an_error_without_images(active: FuseGraph) -> None:
    assert active.set_parameter('frozen_after', 5).successful
    until_routed(active, 'thermal frozen: visible alone', active.send)
    active.until_status(lambda status: status.level == ERROR, each=lambda: send_thermal(active))
    active.fused.clear()
    active.until_status(lambda status: float(values(status)['output_rate_hz']) == 0.0,
                        each=lambda: send_thermal(active))
    assert not active.fused
    until_routed(active, 'thermal frozen: visible alone', active.send)


def test_silent_holds_for_frozen_images_too(active: FuseGraph) -> None:
    assert active.set_parameter('lost_camera', 'silent').successful
    assert active.set_parameter('frozen_after', 5).successful
    status = active.until_status(
        lambda status: 'nothing is published until then' in status.message
        and float(values(status)['output_rate_hz']) == 0.0, each=active.send)
    assert status.level == WARN and float(values(status)['pair_rate_hz']) > 0.0
    assert int(values(status)['dropped.thermal.frozen']) > 0
    assert values(status)['alone.visible'] == '0'
    assert active.set_parameter('frozen_after', 0).successful
    until_routed(active, '', active.send)
