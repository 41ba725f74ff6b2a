# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node over real DDS: what it publishes, and that its transitions do what they say."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import HEIGHT, WIDTH, image, stamp_of
from lifecycle_msgs.msg import Transition
from sensor_msgs.msg import CameraInfo

from degfuse_ros.engine import CLASSES, FusionEngine
from degfuse_ros.ros.lifecycle_manager import bring_up

MODEL = Path(__file__).resolve().parent.parent / 'models' / 'base.safetensors'
WARN, ERROR = b'\x01', b'\x02'


@pytest.fixture(scope='module')
def active(module_domain: int) -> Iterator[FuseGraph]:
    """An active node that the tests of this module share."""
    with FuseGraph(module_domain) as graph:
        assert graph.configure() and graph.activate()
        yield graph


@pytest.fixture
def idle(ros_domain: int) -> Iterator[FuseGraph]:
    """An unconfigured node of the test's own."""
    with FuseGraph(ros_domain) as graph:
        yield graph


def test_image_is_the_engines_under_the_visible_header(active: FuseGraph) -> None:
    fused = active.until_fused()
    sent = image(stamp_of(fused))
    visible = np.frombuffer(sent.data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    thermal = np.frombuffer(image(0, 'mono8').data, np.uint8).reshape(HEIGHT, WIDTH)
    expected = FusionEngine.load(device='cpu').fuse(visible, thermal)
    assert fused.header == sent.header
    assert (fused.encoding, fused.height, fused.width, fused.step) == (
        'rgb8', HEIGHT, WIDTH, 3 * WIDTH)
    assert bytes(fused.data) == expected.image.tobytes()


def test_results_carry_the_same_stamp(active: FuseGraph) -> None:
    def complete() -> bool:
        stamps = [{stamp_of(message) for message in messages} for messages in
                  (active.fused, active.degradations, active.routings)]
        return bool(set.intersection(*stamps))

    for messages in (active.fused, active.degradations, active.routings):
        messages.clear()
    active.until(complete, each=active.send)
    degradation, routing = active.degradations[-1], active.routings[-1]
    scores = [result.score for result in degradation.results]
    assert {result.class_id for result in degradation.results} == set(CLASSES)
    assert scores == sorted(scores, reverse=True) and sum(scores) == pytest.approx(1.0)
    assert degradation.header.frame_id == routing.header.frame_id == 'camera'
    assert len(routing.status) > 0
    for layer in routing.status:
        weights = values(layer)
        assert list(weights) == [f'expert_{number}' for number in range(8)]
        assert sum(map(float, weights.values())) == pytest.approx(1.0, abs=1e-4)
        assert sum(float(weight) > 0 for weight in weights.values()) == 2


def test_camera_info_is_stamped_anew_and_scaled(active: FuseGraph) -> None:
    info = CameraInfo(width=2 * WIDTH, height=2 * HEIGHT, distortion_model='plumb_bob')
    info.k = [100.0, 0.0, 80.0, 0.0, 100.0, 48.0, 0.0, 0.0, 1.0]

    def send() -> None:
        active.camera_info.publish(info)
        active.send()

    received = active.until(lambda: active.camera_infos, each=send)[-1]
    assert list(received.k) == [50.0, 0.0, 40.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0]
    assert (received.width, received.height) == (WIDTH, HEIGHT)
    active.until(lambda: stamp_of(received) in map(stamp_of, active.fused))


def test_camera_info_of_other_images_is_told_and_not_published(active: FuseGraph) -> None:
    info = CameraInfo(width=WIDTH, height=3 * HEIGHT,
                      k=[50.0, 0.0, 40.0, 0.0, 50.0, 24.0, 0.0, 0.0, 1.0])

    def send() -> None:
        active.camera_info.publish(info)
        active.send()

    status = active.until_status(lambda status: 'camera_info describes' in status.message, send)
    assert status.level == WARN and f'images of {WIDTH}x{3 * HEIGHT}' in status.message
    active.camera_infos.clear()
    active.until_fused()
    assert not active.camera_infos
    info.height = HEIGHT
    active.until(lambda: active.camera_infos, each=send)


def test_report_has_rates_offset_latency_and_device(active: FuseGraph) -> None:
    status = active.until_status(
        lambda status: float(values(status).get('output_rate_hz', 0)) > 0
        and values(status)['pair_offset_mean_ms'], each=active.send)
    report = values(status)
    assert report['state'] == 'active' and report['device'] == 'cpu'
    assert report['precision'] == 'float32' and report['degradation'] in CLASSES
    assert float(report['visible_rate_hz']) > 0 and float(report['thermal_rate_hz']) > 0
    assert float(report['pair_offset_mean_ms']) == 0.0
    assert 0 < float(report['engine_mean_ms']) <= float(report['engine_max_ms'])
    assert report['model_hash'] == FusionEngine.load(device='cpu').model_hash


def test_offset_is_visible_minus_thermal(active: FuseGraph) -> None:
    def send() -> None:
        stamp = active.stamp()
        active.visible.publish(image(stamp))
        active.thermal.publish(image(stamp - 7_000_000, 'mono8'))

    active.until_status(
        lambda status: values(status).get('pair_offset_last_ms') == '7.000', each=send)


def test_encoding_changes_while_running(active: FuseGraph) -> None:
    colour = active.until_fused()
    assert active.set_parameter('output_encoding', 'mono8').successful
    grey = active.until(lambda: next(
        (message for message in active.fused if message.encoding == 'mono8'), None),
        each=active.send)
    assert active.set_parameter('output_encoding', 'rgb8').successful
    pixels = np.frombuffer(colour.data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    assert bytes(grey.data) == cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).tobytes()
    assert grey.step == WIDTH


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('sync_slop', 'abc', 'Wrong parameter type'),
    ('sync_slop', 50.0, 'out of range'),
    ('sync_queue_size', 0, 'out of range'),
    ('output_encoding', 'yuv', 'output_encoding must be one of rgb8, bgr8, mono8'),
    ('thermal_percentile_low', 99.5, 'must be below thermal_percentile_high. Got 99.5 and 99.0'),
    ('device', 'cuda', 'device cannot change while the node is configured'),
])
def test_bad_parameter_is_refused_while_running(
        active: FuseGraph, name: str, value: object, reason: str) -> None:
    before = active.node.get_parameter(name).value
    result = active.set_parameter(name, value)
    assert not result.successful and reason in result.reason and '\n' not in result.reason
    assert active.node.get_parameter(name).value == before
    active.until_fused()


def test_time_jump_back_is_survived_and_counted(active: FuseGraph) -> None:
    for _ in range(15):  # more than the queue holds, and no partner for any of them
        active.visible.publish(image(active.stamp()))
    active.until_fused()
    jumps = int(values(active.until_status(lambda status: 'time_jumps' in values(status)))
                ['time_jumps'])
    active.fused.clear()
    active._next_stamp -= 500_000_000_000
    before = active._next_stamp
    active.until(lambda: any(
        before < stamp_of(fused) < before + 100_000_000_000 for fused in active.fused),
        each=active.send)
    active.until_status(lambda status: int(values(status).get('time_jumps', 0)) > jumps)


def test_two_publishers_of_different_clocks_are_told(active: FuseGraph) -> None:
    behind = cycle((False, True))

    def send() -> None:
        # In turns: of two images at once the second may replace the first in the node's queue.
        if next(behind):
            active.visible.publish(image(active.stamp() - 10_000_000_000))
        else:
            active.send()

    status = active.until_status(
        lambda status: 'stamps of /visible/image went back' in status.message, each=send)
    assert status.level >= WARN and 'two publishers on it' in status.message
    active.until_fused()


def test_failing_inference_is_an_error_and_recovers(
        active: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **named: Any) -> None:
        raise RuntimeError('CUDA error:\n out of memory')

    with monkeypatch.context() as patch:
        patch.setattr(FusionEngine, 'fuse_batch', fail)
        status = active.until_status(lambda status: status.level == ERROR, each=active.send)
        assert 'RuntimeError: CUDA error: out of memory' in status.message
        assert '\n' not in status.message
    active.until_fused()
    active.until_status(lambda status: status.level == b'\x00', each=active.send)


def test_missing_weights_fail_the_transition_only(ros_domain: int) -> None:
    with FuseGraph(ros_domain, model='/nowhere/model.safetensors') as graph:
        assert not graph.configure()
        assert graph.state == 'unconfigured'
        status = graph.until_status(lambda status: status.level == ERROR)
        assert '/nowhere/model.safetensors' in status.message and '\n' not in status.message
        assert graph.set_parameter('model', '').successful
        assert graph.configure() and graph.activate()
        graph.until_fused()


def test_altered_weights_fail_the_transition_only(idle: FuseGraph, tmp_path: Path) -> None:
    altered = tmp_path / 'altered.safetensors'
    shutil.copy(MODEL, altered)
    with altered.open('r+b') as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte ^ 1]))
    assert idle.set_parameter('model', str(altered)).successful
    assert not idle.configure()
    status = idle.until_status(lambda status: status.level == ERROR)
    expected = FusionEngine.load(device='cpu').model_hash
    assert str(altered) in status.message and expected[:12] in status.message
    assert '\n' not in status.message and idle.state == 'unconfigured'


@pytest.mark.skipif(torch.cuda.is_available(), reason='CUDA is present: asking for it succeeds')
def test_absent_cuda_fails_the_transition_only(idle: FuseGraph) -> None:
    assert idle.set_parameter('device', 'cuda').successful
    assert not idle.configure()
    status = idle.until_status(lambda status: status.level == ERROR)
    assert 'cuda' in status.message and '\n' not in status.message
    assert idle.state == 'unconfigured'
    assert idle.set_parameter('device', 'auto').successful and idle.configure()


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('sync_slop', 'abc', "sync_slop must be 0.0001 to 10.0 (double). Got 'abc' (string)"),
    ('sync_queue_size', 0, 'sync_queue_size must be 1 to 1000 (integer). Got 0 (integer)'),
    ('thermal_percentile_low', 99.5, 'thermal_percentile_low must be below'),
])
def test_bad_parameter_at_start_fails_configure_only(
        ros_domain: int, name: str, value: object, reason: str) -> None:
    with FuseGraph(ros_domain, **{name: value}) as graph:
        assert not graph.configure()
        status = graph.until_status(lambda status: status.level == ERROR)
        assert reason in status.message and '\n' not in status.message
        good = {'sync_slop': 0.1, 'sync_queue_size': 5, 'thermal_percentile_low': 2.0}[name]
        assert graph.set_parameter(name, good).successful
        assert graph.configure()


def test_a_refused_percentile_stays_refused_until_it_is_set(ros_domain: int) -> None:
    with FuseGraph(ros_domain, thermal_percentile_low=200.0) as graph:
        assert graph.set_parameter('thermal_percentile_high', 98.0).successful
        assert not graph.configure()
        assert graph.set_parameter('thermal_percentile_low', 2.0).successful
        assert graph.configure()


def test_a_contradiction_at_start_does_not_lock_the_other_parameters(ros_domain: int) -> None:
    with FuseGraph(ros_domain, thermal_percentile_low=60.0, thermal_percentile_high=50.0) as graph:
        assert graph.set_parameter('sync_slop', 0.1).successful
        assert not graph.configure()
        assert graph.set_parameter('thermal_percentile_high', 98.0).successful
        assert graph.configure()


def test_whole_number_of_seconds_is_a_double(ros_domain: int) -> None:
    with FuseGraph(ros_domain, sync_slop=1) as graph:
        assert graph.node.get_parameter('sync_slop').value == 1.0
        assert graph.configure()


def test_bad_qos_override_fails_activate_only(ros_domain: int) -> None:
    with FuseGraph(ros_domain, **{
        'qos_overrides./thermal/image.subscription.reliability': 'sometimes'}) as graph:
        assert graph.configure() and not graph.activate()
        assert graph.state == 'inactive'
        status = graph.until_status(lambda status: status.level == ERROR)
        assert 'sometimes' in status.message and '\n' not in status.message
        assert graph.visible.get_subscription_count() == 0
        publishers = graph.node._rigs[0]._outputs._publishers
        assert publishers and not any(publisher.is_activated for publisher in publishers)


def test_bad_qos_override_fails_configure_and_leaves_no_topic(ros_domain: int) -> None:
    with FuseGraph(ros_domain, **{
        'qos_overrides./fused/routing.publisher.reliability': 'sometimes'}) as graph:
        for _ in range(2):
            assert not graph.configure() and graph.state == 'unconfigured'
            assert graph.node.count_publishers('/fused/image') == 0


def test_deactivate_sends_the_pair_at_hand(
        idle: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, fuse = threading.Event(), FusionEngine.fuse_batch

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.set()
        time.sleep(0.5)  # long enough for the transition to begin meanwhile
        return fuse(*arguments, **named)

    assert idle.configure() and idle.activate()
    idle.until_fused()
    monkeypatch.setattr(FusionEngine, 'fuse_batch', slow)
    idle.fused.clear()
    idle.until(begun.is_set, each=idle.send)
    assert idle.change_state(Transition.TRANSITION_DEACTIVATE)
    idle.until(lambda: idle.fused)


def test_transitions_can_be_repeated(idle: FuseGraph) -> None:
    for _ in range(2):
        assert idle.configure() and idle.activate()
        idle.until_fused()
        assert idle.change_state(Transition.TRANSITION_DEACTIVATE)
        assert idle.state == 'inactive'
        idle.until(lambda: idle.visible.get_subscription_count() == 0)
        assert idle.change_state(Transition.TRANSITION_CLEANUP)
        assert idle.state == 'unconfigured'
        idle.until(lambda: idle.peer.count_publishers('/fused/image') == 0)
    status = idle.until_status(lambda status: values(status)['state'] == 'unconfigured')
    assert 'model' not in values(status)
    assert idle.configure() and idle.activate()
    assert idle.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert idle.state == 'finalized'


def test_cleanup_frees_the_engine(idle: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[FusionEngine] = []
    monkeypatch.setattr(FusionEngine, 'close', lambda engine: closed.append(engine))
    assert idle.configure() and not closed
    assert idle.change_state(Transition.TRANSITION_CLEANUP) and len(closed) == 1


@pytest.mark.parametrize('pause', [0.0, 0.02, 0.1])
def test_two_interrupts_end_the_process_cleanly(ros_domain: int, pause: float) -> None:
    process = subprocess.Popen(
        [sys.executable, '-m', 'degfuse_ros.fuse_node', '--ros-args', '-p', 'device:=cpu'],
        stderr=subprocess.PIPE, text=True)
    bring_up()
    process.send_signal(signal.SIGINT)
    time.sleep(pause)  # not to wait for anything: the moments of the clean-up differ
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0 and 'Traceback' not in errors, errors
