# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Several rigs in one node, over real DDS: together where they can, and none at another's cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fuse_graph import FuseGraph
from fuse_peer import FusePeer, values
from image_messages import image, stamp_of
from lifecycle_msgs.msg import Transition

from degfuse_ros.camera import decoding
from degfuse_ros.engine import FusionEngine
from degfuse_ros.ros import images

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'

# The longest there is, so that a busy machine's images still come in time to be fused together.
PATIENT = {'rigs': ['front', 'rear'], 'model': 'lite', 'batch_wait': 0.1}


@pytest.fixture
def front(ros_domain: int) -> Iterator[FuseGraph]:
    """An active node with two rigs, and the peer of the one in front."""
    with FuseGraph(ros_domain, rig='front', **PATIENT) as graph:
        assert graph.configure() and graph.activate()
        yield graph


@pytest.fixture
def rear(front: FuseGraph, ros_domain: int) -> Iterator[FusePeer]:
    """The peer of the rig behind."""
    with FusePeer(ros_domain, rig='rear') as peer:
        peer.until(lambda: peer.visible.get_subscription_count()
                   and peer.thermal.get_subscription_count())
        yield peer


def inverted(stamp: int) -> dict[str, Any]:
    """Return a visible and a thermal image that differ from `image`'s, as keywords."""
    return {name: image(stamp, encoding, data=bytes(255 - byte for byte in image(
        stamp, encoding).data)) for name, encoding in (('visible', 'rgb8'), ('thermal', 'mono8'))}


def send_both(front: FusePeer, rear: FusePeer) -> None:
    """Publish a pair of each rig, one right after the other; the rear one is inverted."""
    front.send()
    stamp = rear.stamp()
    for name, message in inverted(stamp).items():
        getattr(rear, name).publish(message)


def until_both_fused(front: FusePeer, rear: FusePeer) -> None:
    """Publish pairs of both rigs until both have come back."""
    front.fused.clear()
    rear.fused.clear()
    front.until(lambda: front.fused, each=lambda: send_both(front, rear))
    rear.until(lambda: rear.fused)


def expected(visible: Any, thermal: Any) -> bytes:
    """Return what the engine makes of a pair."""
    return FusionEngine.load('lite', 'cpu').fuse(
        decoding.to_rgb(visible), decoding.to_grey(thermal)).image.tobytes()


def close(received: Any, wanted: bytes) -> bool:
    """Tell whether an image is the wanted one: a batch may round otherwise than a single pair."""
    difference = np.frombuffer(received.data, np.uint8).astype(int) - np.frombuffer(
        wanted, np.uint8)
    return int(np.abs(difference).max()) <= 1


def test_pairs_that_come_together_are_fused_in_one_batch(
        front: FuseGraph, rear: FusePeer) -> None:
    status = front.until_status(lambda status: values(status).get('batch_mean') == '2.000',
                                each=lambda: send_both(front, rear))
    assert status.name == 'fuse: front'
    until_both_fused(front, rear)
    stamp = stamp_of(front.fused[-1])
    assert close(front.fused[-1], expected(image(stamp), image(stamp, 'mono8')))
    assert close(rear.fused[-1], expected(**inverted(0)))
    assert not close(rear.fused[-1], bytes(front.fused[-1].data))


def test_one_rig_is_silent_and_the_other_goes_on(front: FuseGraph, rear: FusePeer) -> None:
    until_both_fused(front, rear)
    # Past the reports of when it was silent before its first images.
    rear.until_status(lambda status: status.level == OK, each=lambda: send_both(front, rear))
    rear.statuses.clear()

    def told() -> Any:
        rear._executor.spin_once(timeout_sec=0.0)
        return next((status for status in rear.statuses
                     if '/rear/visible/image is silent' in status.message), None)

    status = front.until(told, each=front.send)
    rear.fused.clear()
    assert status.level == ERROR and 'front' not in status.message
    status = front.until_status(
        lambda status: values(status).get('batch_mean') == '1.000', each=front.send)
    assert status.level == OK
    rear.until_status(lambda status: status.level == ERROR)
    assert not rear.fused
    until_both_fused(front, rear)


def test_the_node_has_a_status_of_its_own(front: FuseGraph, ros_domain: int) -> None:
    with FusePeer(ros_domain) as node:
        status = node.until_status(lambda status: values(status))
        assert status.message == 'active' and values(status)['device'] == 'cpu'
        assert 'visible_rate_hz' not in values(status)


def test_rigs_of_different_sizes_are_fused_one_by_one(front: FuseGraph, rear: FusePeer) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (64, 33, 3), np.uint8)

    def send() -> None:
        front.send()
        header = image(rear.stamp()).header
        rear.visible.publish(images.from_rgb(pixels, 'rgb8', header))
        rear.thermal.publish(images.from_grey(pixels[..., 0], header))

    front.until(lambda: len(front.fused) > 3, each=send)
    fused = rear.until(lambda: rear.fused, each=send)[-1]
    assert (fused.height, fused.width) == (64, 33)
    assert bytes(fused.data) == FusionEngine.load('lite', 'cpu').fuse(
        pixels, np.ascontiguousarray(pixels[..., 0])).image.tobytes()
    status = front.until_status(lambda status: values(status).get('batch_mean'), each=send)
    assert values(status)['batch_mean'] == '1.000'


def test_bad_images_of_one_rig_are_its_own_matter(front: FuseGraph, rear: FusePeer) -> None:
    def send() -> None:
        front.send()
        rear.send(data=b'\x01' * 100)

    status = rear.until_status(lambda status: 'truncated' in str(values(status)), each=send)
    assert status.level == WARN and '/rear/visible/image (truncated)' in status.message
    # Not at once where a busy machine has kept the test from sending.
    front.until_status(lambda status: status.level == OK and float(
        values(status).get('output_rate_hz', 0)) > 0, each=send)
    assert not rear.fused


def test_a_pair_that_the_engine_fails_on_is_its_rigs_matter(
        front: FuseGraph, rear: FusePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    fuse_batch = FusionEngine.fuse_batch
    bad = decoding.to_rgb(inverted(0)['visible']).tobytes()

    def fail(engine: FusionEngine, pairs: Any, **named: Any) -> Any:
        batches.append(len(pairs))
        if any(pair[0].tobytes() == bad for pair in pairs):
            raise RuntimeError('a kernel failed')
        return fuse_batch(engine, pairs, **named)

    monkeypatch.setattr(FusionEngine, 'fuse_batch', fail)
    status = rear.until_status(lambda status: 'a kernel failed' in status.message,
                               each=lambda: send_both(front, rear))
    assert status.level > OK and 2 in batches
    front.fused.clear()
    rear.fused.clear()
    front.until(lambda: len(front.fused) > 2, each=lambda: send_both(front, rear))
    front.until_status(lambda status: status.level == OK, each=lambda: send_both(front, rear))
    assert not rear.fused


def test_a_rig_has_values_of_its_own_until_they_are_deleted(
        front: FuseGraph, rear: FusePeer) -> None:
    def encodings() -> tuple[str, str]:
        until_both_fused(front, rear)
        return front.fused[-1].encoding, rear.fused[-1].encoding

    assert front.set_parameter('output_encoding', 'bgr8').successful
    assert encodings() == ('bgr8', 'bgr8')
    assert front.set_parameter('rear.output_encoding', 'mono8').successful
    assert encodings() == ('bgr8', 'mono8')
    assert front.set_parameter('rear.output_encoding', None).successful
    assert encodings() == ('bgr8', 'bgr8')


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('rear.output_encoding', 'yuv', 'rear.output_encoding must be one of rgb8, bgr8, mono8'),
    ('rear.sync_slop', 50.0, 'rear.sync_slop must be 0.0001 to 10.0 (double). Got 50.0'),
    ('rear.thermal_percentile_low', 99.5, 'rear: thermal_percentile_low must be below'),
    ('side.sync_slop', 0.1, "side.sync_slop cannot be set: there is no rig 'side'. rigs has "
     'front, rear'),
    ('rear.device', 'cpu', "unknown parameter 'rear.device'"),
    ('rigs', ['front'], 'rigs cannot change while the node is configured'),
])
def test_bad_values_of_a_rig_are_refused(
        front: FuseGraph, name: str, value: object, reason: str) -> None:
    result = front.set_parameter(name, value)
    assert not result.successful and reason in result.reason and '\n' not in result.reason


def test_bad_values_of_a_rig_at_start_fail_configure_until_corrected(ros_domain: int) -> None:
    given = {'front.sync_slop': 'abc', 'rear.max_age': 1, 'side.max_age': 'old'}
    with FuseGraph(ros_domain, **{**PATIENT, **given}) as graph:
        assert not graph.configure()
        status = graph.until_status(lambda status: status.level == ERROR)
        assert "front.sync_slop must be 0.0001 to 10.0 (double). Got 'abc'" in status.message
        assert 'side' not in status.message
        assert graph.get_parameter('rear.max_age') == 1.0
        assert graph.set_parameter('front.sync_slop', 0.1).successful
        assert graph.configure()


def test_rigs_change_between_cleanup_and_configure(ros_domain: int) -> None:
    with FuseGraph(ros_domain, model='lite') as graph:
        assert graph.configure() and graph.activate()
        graph.until_fused()
        for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
            assert graph.change_state(transition)
        assert all(result.successful for result in graph.set_parameters(
            {'rigs': ['left'], 'left.output_encoding': 'mono8'}))
        with FusePeer(ros_domain, rig='left') as left:
            assert left.configure() and left.activate()
            assert left.until_fused().encoding == 'mono8'
            graph.until(lambda: not graph.visible.get_subscription_count())
