# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The running node under load and change: a slow engine, other sizes, another model."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import image, stamp_of
from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Classification

from degfuse_ros.camera import decoding
from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.plain_path import PlainPath
from degfuse_ros.ros import advice, images, messages

ERROR = b'\x02'


class Gate:
    """Stands in for `FusionEngine.fuse_batch` and lets pairs through one by one.

    Attributes:
        entered: pairs that came to the engine.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace the method until the test ends."""
        self.entered = 0
        self._let_through = threading.Semaphore(0)
        self._fuse = FusionEngine.fuse_batch
        monkeypatch.setattr(FusionEngine, 'fuse_batch',
                            lambda *given, **named: self._wait(*given, **named))

    def _wait(self, *given: Any, **named: Any) -> Any:
        self.entered += 1
        self._let_through.acquire()
        return self._fuse(*given, **named)

    def open(self, pairs: int = 1) -> None:
        """Let pairs through."""
        self._let_through.release(pairs)


@pytest.fixture
def active(ros_domain: int) -> Iterator[FuseGraph]:
    """An active node with the small model."""
    with FuseGraph(ros_domain, model='lite') as graph:
        assert graph.configure() and graph.activate()
        yield graph


@pytest.fixture
def gate(active: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """An engine that is at work on a pair for as long as the test wants."""
    active.until_fused()
    made = Gate(monkeypatch)
    active.until(lambda: made.entered, each=active.send)
    yield made
    made.open(1000)  # the node stops only once its pair is done


def replaced(status: DiagnosticStatus) -> int:
    """Return how many pairs a newer one has replaced while they waited."""
    return int(values(status).get('dropped.mailbox', 0))


def test_lite_fuses_what_its_engine_fuses(active: FuseGraph) -> None:
    fused = active.until_fused()
    visible, thermal = decoding.to_rgb(image(0)), decoding.to_grey(image(0, 'mono8'))
    expected = FusionEngine.load('lite', 'cpu').fuse(visible, thermal)
    assert bytes(fused.data) == expected.image.tobytes()
    assert expected.image.tobytes() != FusionEngine.load(
        device='cpu').fuse(visible, thermal).image.tobytes()


def test_messages_are_taken_while_the_engine_works(active: FuseGraph, gate: Gate) -> None:
    sent: list[int] = []
    # Reports go on, pairs replace one another, parameters and services answer, all during one
    # call of the engine.
    active.until_status(lambda status: replaced(status) >= 5,
                        each=lambda: sent.append(active.send()))
    assert active.set_parameter('max_age', 0.0).successful and active.state == 'active'
    assert gate.entered == 1
    settled = replaced(active.until_status(replaced))
    active.until_status(lambda status: replaced(status) == settled)
    gate.open(2)
    active.until(lambda: sent[-1] in map(stamp_of, active.fused))
    # After the pair at hand came the newest, and none of those between.
    assert not set(sent[:-1]) & set(map(stamp_of, active.fused)) and gate.entered == 2


def test_an_engine_that_does_not_return_is_an_error_until_it_does(
        active: FuseGraph, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advice, 'STALLED_AFTER', 0.3)
    status = active.until_status(
        lambda status: 'in the engine for' in status.message, each=active.send)
    assert status.level == ERROR and '\n' not in status.message
    gate.open(1000)
    active.until_status(lambda status: status.level == b'\x00', each=active.send)


def test_the_size_changes_from_pair_to_pair(active: FuseGraph) -> None:
    engine = FusionEngine.load('lite', 'cpu')
    sizes = [(48, 80), (64, 33), (96, 160), (48, 80)]
    for height, width in sizes:
        pixels = np.random.default_rng(height).integers(0, 255, (height, width, 3), np.uint8)

        def send(pixels: np.ndarray = pixels) -> None:
            header = image(active.stamp()).header
            active.visible.publish(images.from_rgb(pixels, 'rgb8', header))
            active.thermal.publish(images.from_grey(pixels[..., 0], header))

        active.fused.clear()
        fused = active.until(lambda size=(height, width): next(
            (each for each in active.fused if (each.height, each.width) == size), None), each=send)
        assert bytes(fused.data) == engine.fuse(
            pixels, np.ascontiguousarray(pixels[..., 0])).image.tobytes()
    report = values(active.until_status(lambda status: 'output_rate_hz' in values(status)))
    assert not [key for key in report if key.startswith('dropped.') and key not in (
        'dropped.mailbox', 'dropped.unmatched_visible', 'dropped.unmatched_thermal')]


def test_the_model_is_changed_between_cleanup_and_configure(active: FuseGraph) -> None:
    lite = active.until_fused()
    refused = active.set_parameter('model', 'base')
    assert not refused.successful
    assert 'deactivate and clean up the node, set it' in refused.reason
    assert active.until_fused().data == lite.data
    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP):
        assert active.change_state(transition)
    assert active.set_parameter('model', 'base').successful
    assert active.configure() and active.activate()
    expected = FusionEngine.load('base', 'cpu').fuse(
        decoding.to_rgb(image(0)), decoding.to_grey(image(0, 'mono8')))
    assert bytes(active.until_fused().data) == expected.image.tobytes()


def test_a_camera_info_that_came_once_outlives_a_deactivation(active: FuseGraph) -> None:
    active.until(active.camera_info.get_subscription_count)
    active.camera_info.publish(CameraInfo(
        k=[50.0, 0.0, 40.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0]))
    active.until(lambda: active.camera_infos, each=active.send)
    assert active.change_state(Transition.TRANSITION_DEACTIVATE) and active.activate()
    active.camera_infos.clear()
    active.until(lambda: active.camera_infos, each=active.send)


def test_how_the_engine_works_is_reported(
        ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with FuseGraph(ros_domain, model='lite', guidance_period=3) as graph:
        assert graph.configure() and graph.activate()
        looks: list[bool] = []
        fuse = PlainPath.fuse

        def watched(path: PlainPath, pairs: Any, anew: bool, look: bool) -> Any:
            looks.append(look)
            return fuse(path, pairs, anew, look)

        monkeypatch.setattr(PlainPath, 'fuse', watched)
        graph.until(lambda: len(looks) >= 7, each=graph.send)
        assert looks[:7].count(True) in (2, 3) and looks[:3].count(True) == 1
        report = values(graph.until_status(lambda status: status.level == b'\x00',
                                           each=graph.send))
        assert (report['execution'], report['memory_fallbacks']) == ('plain', '0')
        monkeypatch.setattr(PlainPath, 'problem', 'out of memory: no graphs, 1 at a time')
        status = graph.until_status(lambda status: status.level != b'\x00', each=graph.send)
        assert (status.level, status.message) == (b'\x01', PlainPath.problem)


def test_the_engine_forgets_what_was_before_a_time_jump(
        ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with FuseGraph(ros_domain, model='lite', guidance_period=1000) as graph:
        assert graph.configure() and graph.activate()
        anews: list[bool] = []
        fuse = PlainPath.fuse

        def watched(path: PlainPath, pairs: Any, anew: bool, look: bool) -> Any:
            anews.append(anew)
            return fuse(path, pairs, anew, look)

        monkeypatch.setattr(PlainPath, 'fuse', watched)
        graph.until(lambda: len(anews) >= 5, each=graph.send)
        assert anews[:5] == [True, False, False, False, False]
        graph.stamp(-60_000_000_000)
        graph.until(lambda: anews[5:].count(True), each=graph.send)
        graph.until(lambda: anews.count(False) > 10, each=graph.send)
        assert anews.count(True) == 2
        assert graph.change_state(Transition.TRANSITION_DEACTIVATE) and graph.activate()
        graph.until(lambda: anews.count(True) == 3, each=graph.send)


def lose(*given: Any, **named: Any) -> None:
    """Do what every call does once the GPU has fallen off the bus."""
    raise RuntimeError('CUDA error: device lost\nCompile with TORCH_USE_CUDA_DSA')


def test_a_device_lost_while_running_is_told_and_another_can_be_configured(
        active: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FusionEngine, 'fuse_batch', lose)
        patch.setattr(FusionEngine, 'close', lose)
        status = active.until_status(lambda status: status.level == ERROR, each=active.send)
        assert 'device lost' in status.message and 'configure the node again' in status.message
        assert active.change_state(Transition.TRANSITION_DEACTIVATE)
        active.change_state(Transition.TRANSITION_CLEANUP)
        assert active.state == 'unconfigured'
        status = active.until_status(lambda status: status.level == ERROR)
        assert 'cleanup failed: CUDA error: device lost' in status.message
    assert active.configure() and active.activate()
    active.until_fused()


def test_a_device_lost_at_configure_is_told_though_its_memory_cannot_be_given_back(
        ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with FuseGraph(ros_domain, model='lite') as graph:
        with monkeypatch.context() as patch:
            patch.setattr(FusionEngine, 'warm_up', lose)
            patch.setattr(FusionEngine, 'close', lose)
            assert not graph.configure() and graph.state == 'unconfigured'
            status = graph.until_status(lambda status: status.level == ERROR)
            assert 'configure failed: CUDA error: device lost' in status.message
            assert '\n' not in status.message
        assert graph.configure()


def test_collections_leave_a_configured_node_alone_until_its_cleanup(
        active: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    close = FusionEngine.close

    def fail(engine: FusionEngine) -> None:
        close(engine)
        raise RuntimeError('the device is lost')

    monkeypatch.setattr(FusionEngine, 'close', fail)
    engine = weakref.ref(active.node._engine)
    assert gc.get_freeze_count() > 10_000  # torch's and rclpy's objects alone are more
    assert active.change_state(Transition.TRANSITION_DEACTIVATE)
    active.change_state(Transition.TRANSITION_CLEANUP)
    gc.collect()
    assert gc.get_freeze_count() == 0 and engine() is None


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions with which the node has built messages since."""
    names: list[str] = []

    def count(module: Any, name: str) -> None:
        build = getattr(module, name)

        def counted(*given: Any) -> Any:
            names.append(name)
            return build(*given)

        monkeypatch.setattr(module, name, counted)

    for name in ('camera_info_message', 'degradation_message', 'routing_message'):
        count(messages, name)
    count(images, 'from_rgb')
    return names


def test_nothing_is_built_for_topics_without_subscribers(
        ros_domain: int, built: list[str]) -> None:
    with FuseGraph(ros_domain, model='lite') as graph:
        for subscription in list(graph.peer.subscriptions):
            if subscription.topic_name.startswith('/fused/'):
                graph.peer.destroy_subscription(subscription)
        assert graph.configure() and graph.activate()
        source = graph.node.resolve_topic_name('visible/camera_info')
        info = CameraInfo(k=[50.0, 0.0, 40.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0])

        def send() -> None:
            graph.camera_info.publish(info)
            graph.send()

        graph.until_status(lambda status: float(values(status).get('output_rate_hz', 0)) > 0
                           and not graph.peer.count_subscribers(source), each=send)
        assert built == []
        # Each topic alone brings its own message and no other.
        for kind, topic, name in ((Image, 'image', 'from_rgb'), (Image, 'overlay', 'from_rgb'),
                                  (CameraInfo, 'camera_info', 'camera_info_message'),
                                  (Classification, 'degradation', 'degradation_message'),
                                  (DiagnosticArray, 'routing', 'routing_message')):
            built.clear()
            received: list[Any] = []
            subscription = graph.peer.create_subscription(
                kind, f'fused/{topic}', received.append, 10)
            graph.until(lambda received=received: received, each=send)
            assert set(built) == {name}
            graph.peer.destroy_subscription(subscription)
            graph.until(lambda topic=topic: not graph.node.count_subscribers(f'/fused/{topic}'))
        graph.until(lambda: not graph.peer.count_subscribers(source), each=send)
