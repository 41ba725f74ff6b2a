# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bad input to the running node: dropped, counted, told in one line, and the node goes on."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import HEIGHT, WIDTH, image, stamp_of
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'


@pytest.fixture(scope='module')
def active(module_domain: int) -> Iterator[FuseGraph]:
    """An active node that the tests of this module share."""
    with FuseGraph(module_domain) as graph:
        assert graph.configure() and graph.activate()
        yield graph


def tell(graph: FuseGraph, kind: str, reason: str, send: Callable[[], object]) -> str:
    """Send until the report counts drops of a kind and says why; return its one line."""
    status = graph.until_status(
        lambda status: int(values(status).get(f'dropped.{kind}', 0)) > 0
        and reason in status.message, each=send)
    assert status.level >= WARN and '\n' not in status.message
    return status.message


VISIBLE = [
    ('empty', {'data': b''}, 'has no data'),
    ('truncated', {'data': b'\x01' * 100}, '100 bytes of data'),
    ('small_step', {'step': 3 * WIDTH - 1}, f'step is {3 * WIDTH - 1} bytes'),
    ('zero_size', {'height': 0}, f'size is {WIDTH}x0'),
    ('encoding', {'encoding': 'nonsense'}, "'nonsense'"),
    ('odd_width', {'encoding': 'yuv422', 'width': WIDTH - 1}, 'two pixels share their colour'),
    ('refused', {'height': 16}, 'must be 32 x 32 pixels or larger'),
]


@pytest.mark.parametrize(('kind', 'changes', 'reason'), VISIBLE)
def test_bad_visible_image(active: FuseGraph, kind: str, changes: dict, reason: str) -> None:
    bad: list[int] = []
    message = tell(
        active, f'visible.{kind}', reason, lambda: bad.append(active.send(**changes)))
    assert '/visible/image' in message
    active.until_fused()
    assert not set(bad) & set(map(stamp_of, active.fused))


@pytest.mark.parametrize(('kind', 'changes', 'reason'), [
    ('truncated', {'data': b'\x01' * 100}, '100 bytes of data'),
    ('encoding', {'encoding': 'nonsense'}, "'nonsense'"),
    ('not_finite', {'encoding': '32FC1', 'step': 4 * WIDTH,
                    'data': struct.pack('f', float('nan')) * WIDTH * HEIGHT},
     f'none of the {WIDTH * HEIGHT} values'),
    ('refused', {'height': 1, 'width': 1}, 'must be 32 x 32 pixels or larger. Got 1 x 1'),
])
def test_bad_thermal_image(active: FuseGraph, kind: str, changes: dict, reason: str) -> None:
    bad: list[int] = []

    def send() -> None:
        bad.append(active.stamp())
        active.visible.publish(image(bad[-1]))
        active.thermal.publish(image(bad[-1], **{'encoding': 'mono8', **changes}))

    assert '/thermal/image' in tell(active, f'thermal.{kind}', reason, send)
    active.until_fused()
    assert not set(bad) & set(map(stamp_of, active.fused))


@pytest.mark.parametrize(('stamp', 'kind', 'reason'), [
    (0, 'zero_stamp', 'header.stamp is zero'),
    (-5_000_000_000, 'bad_stamp', 'header.stamp is -5 s and 0 ns'),
])
def test_bad_stamp(active: FuseGraph, stamp: int, kind: str, reason: str) -> None:
    def send() -> None:
        active.visible.publish(image(stamp))
        active.thermal.publish(image(stamp, 'mono8'))

    tell(active, f'visible.{kind}', reason, send)
    active.until_fused()
    assert min(map(stamp_of, active.fused)) > 0


def test_thermal_of_another_size_is_fitted_with_one_warning(
        ros_domain: int, capfd: pytest.CaptureFixture) -> None:
    def send() -> None:
        stamp = graph.stamp()
        graph.visible.publish(image(stamp))
        graph.thermal.publish(image(
            stamp, 'mono8', height=36, width=40, step=40, data=bytes(range(240)) * 6))

    with FuseGraph(ros_domain) as graph:
        assert graph.configure() and graph.activate()
        graph.until(lambda: len(graph.fused) > 2, each=send)
        assert (graph.fused[-1].height, graph.fused[-1].width) == (HEIGHT, WIDTH)
    warnings = capfd.readouterr().err
    assert warnings.count('the thermal image is 40x36, the visible one 80x48') == 1


def test_other_encodings_and_padding_are_fused(active: FuseGraph) -> None:
    def send() -> None:
        stamp = active.stamp()
        active.visible.publish(image(stamp, 'mono8', step=WIDTH + 5,
                                     data=b'\x40' * (HEIGHT * (WIDTH + 5))))
        active.thermal.publish(image(stamp, '16UC1', is_bigendian=1))

    before = len(active.fused)
    active.until(lambda: len(active.fused) > before, each=send)
    assert active.fused[-1].encoding == 'rgb8'


def test_silent_topic(active: FuseGraph) -> None:
    active.until_fused()
    status = active.until_status(
        lambda status: 'silent' in status.message,
        each=lambda: active.visible.publish(image(active.stamp())))
    assert status.level == WARN and '/thermal/image is silent for' in status.message
    assert '/visible/image' not in status.message
    active.until_fused()
    active.until_status(lambda status: status.level == OK, each=active.send)


def test_both_silent(active: FuseGraph) -> None:
    status = active.until_status(lambda status: status.level == ERROR)
    assert '/visible/image' in status.message and '/thermal/image' in status.message
    active.until_fused()


@pytest.mark.parametrize(('offset', 'advice'), [
    (150_000_000, 'Raise sync_slop above 0.150'),
    (500_000_000_000, 'The clocks differ'),
])
def test_no_pairs_although_both_arrive(active: FuseGraph, offset: int, advice: str) -> None:
    def send() -> None:
        stamp = active.stamp(1_000_000_000)
        active.visible.publish(image(stamp))
        active.thermal.publish(image(stamp - offset, 'mono8'))

    status = active.until_status(lambda status: advice in status.message, each=send)
    assert status.level == ERROR and 'so nothing is published' in status.message
    assert 'smallest offset (visible minus thermal)' in status.message
    active.until_fused()


def test_no_publisher_has_its_own_text(ros_domain: int) -> None:
    with FuseGraph(ros_domain, arguments=['-r', 'thermal/image:=/ir']) as graph:
        assert graph.configure() and graph.activate(matched=('visible',))
        status = graph.until_status(
            lambda status: 'no publisher on /ir' in status.message,
            each=lambda: graph.visible.publish(image(graph.stamp())))
        assert 'thermal:=TOPIC' in status.message


def test_incompatible_qos_names_topic_and_policy(ros_domain: int) -> None:
    with FuseGraph(ros_domain, **{
        'qos_overrides./thermal/image.subscription.reliability': 'reliable'}) as graph:
        assert graph.configure() and graph.activate(matched=('visible',))
        status = graph.until_status(
            lambda status: 'incompatible QoS' in status.message,
            each=lambda: graph.visible.publish(image(graph.stamp())))
        assert '/thermal/image' in status.message and 'RELIABILITY' in status.message
        reliable = graph.peer.create_publisher(
            Image, 'thermal/image', QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE))
        graph.thermal = reliable
        graph.until_fused()


def test_pairs_older_than_max_age_are_dropped(ros_domain: int) -> None:
    with FuseGraph(ros_domain, max_age=10.0) as graph:
        assert graph.configure() and graph.activate()
        tell(graph, 'max_age', 'Raise max_age', graph.send)  # its stamps are of long ago
        assert not graph.fused
        graph._next_stamp = graph.peer.get_clock().now().nanoseconds
        graph.until(lambda: graph.fused, each=graph.send)


def test_simulated_time_without_a_clock(ros_domain: int) -> None:
    with FuseGraph(ros_domain, use_sim_time=True) as graph:
        assert graph.configure() and graph.activate()
        status = graph.until_status(lambda status: 'no /clock' in status.message)
        assert status.level >= WARN
        graph.until_fused()


def test_unknown_parameter_is_named(ros_domain: int, capfd: pytest.CaptureFixture) -> None:
    with FuseGraph(ros_domain, sync_slopp=0.1) as graph:
        assert graph.configure()
    assert "unknown parameter 'sync_slopp'" in capfd.readouterr().err
