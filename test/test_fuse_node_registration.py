# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Calibrations in the running node, over real DDS: taken, changed, refused, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuse_graph import FuseGraph
from fuse_peer import values
from image_messages import HEIGHT, WIDTH, image
from sensor_msgs.msg import CameraInfo, Image

from degfuse_ros.camera.alignment import Alignment
from degfuse_ros.camera.calibration import Calibration, Rig, to_text
from degfuse_ros.camera.homography import similarity
from degfuse_ros.engine import FusionEngine

SIZE = (WIDTH, HEIGHT)
# The thermal camera sees the middle of the visible camera's view, half as wide and high.
MIDDLE = Calibration(SIZE, SIZE, 0.5, 1.0, '', '', similarity(0.0, 0.5, (0.0, 0.0), SIZE, SIZE))
ROWS, COLUMNS = slice(HEIGHT // 4, 3 * HEIGHT // 4), slice(WIDTH // 4, 3 * WIDTH // 4)
# The same by lenses: both look alike, the thermal one with twice the focal length.
K = [80.0, 0.0, (WIDTH - 1) / 2, 0.0, 80.0, (HEIGHT - 1) / 2, 0.0, 0.0, 1.0]
THERMAL_K = [160.0, 0.0, (WIDTH - 1) / 2, 0.0, 160.0, (HEIGHT - 1) / 2, 0.0, 0.0, 1.0]
LENSLESS = replace(MIDDLE, homography=None,
                   rig=Rig(None, None, np.eye(3), np.zeros(3), 10.0))


def written(folder: Path, calibration: Calibration, name: str = 'calibration.yaml') -> str:
    (folder / name).write_text(to_text(calibration))
    return str(folder / name)


@pytest.fixture
def graph(ros_domain: int) -> Iterator[FuseGraph]:
    # The thermal images are all the same here.
    with FuseGraph(ros_domain, model='lite', frozen_after=0) as made:
        yield made


def pixels(message: Image) -> np.ndarray:
    """Return an rgb8 image's pixels, H x W x 3 int."""
    assert (message.encoding, message.height, message.width) == ('rgb8', HEIGHT, WIDTH)
    return np.frombuffer(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3).astype(int)


@pytest.fixture(scope='module')
def restored() -> np.ndarray:
    """What the engine makes of the test's visible image alone."""
    visible = np.frombuffer(image(0).data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    return FusionEngine.load('lite', device='cpu').restore(visible).image.astype(int)


def beside(fused: np.ndarray, restored: np.ndarray) -> float:
    """Return by how much an image differs from the restored one beside the thermal view."""
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[ROWS, COLUMNS] = False
    return float(np.abs(fused - restored)[outside].max())


def until_told(graph: FuseGraph, words: str) -> dict[str, str]:
    """Send pairs until the node reports some words; return the report's values."""
    return values(graph.until_status(lambda status: words in status.message, graph.send))


def test_a_calibration_takes_effect_while_running_and_a_bad_one_none(
        graph: FuseGraph, tmp_path: Path, restored: np.ndarray) -> None:
    assert graph.configure() and graph.activate()
    assert beside(pixels(graph.until_fused()), restored) > 20
    answer = graph.set_parameter('calibration', str(tmp_path / 'none.yaml'))
    assert not answer.successful and 'none.yaml cannot be read' in answer.reason
    folding = replace(MIDDLE, homography=np.array([[1.0, 0, 0], [0, 1, 0], [-0.1, 0, 1]]))
    answer = graph.set_parameter('calibration', written(tmp_path, folding, 'folding.yaml'))
    assert not answer.successful and 'folds the image' in answer.reason
    assert graph.get_parameter('calibration') == ''
    assert beside(pixels(graph.until_fused()), restored) > 20
    good = written(tmp_path, MIDDLE)
    assert graph.set_parameter('calibration', good).successful
    graph.until_fused()  # the pair at hand may still have been the former way
    fused = pixels(graph.until_fused())
    assert beside(fused, restored) <= 2
    assert np.abs(fused - restored)[ROWS, COLUMNS].mean() > 5
    assert graph.set_parameter('calibration', '').successful
    graph.until_fused()
    assert beside(pixels(graph.until_fused()), restored) > 20


def test_a_bad_calibration_at_the_start_fails_the_transition_with_its_reason(
        ros_domain: int, tmp_path: Path) -> None:
    mirrored = written(tmp_path, replace(MIDDLE, homography=np.diag([-1.0, 1.0, 1.0])))
    with FuseGraph(ros_domain, model='lite', calibration=mirrored) as graph:
        assert not graph.configure() and graph.state == 'unconfigured'
        status = graph.until_status(lambda status: 'configure failed' in status.message)
        assert 'mirrors the image' in status.message
        assert graph.set_parameter('calibration', written(tmp_path, MIDDLE)).successful
        assert graph.configure() and graph.state == 'inactive'


def test_images_of_another_aspect_are_counted_and_told_of(
        graph: FuseGraph, tmp_path: Path) -> None:
    other = replace(MIDDLE, thermal_size=(WIDTH, WIDTH))
    assert graph.set_parameter('calibration', written(tmp_path, other)).successful
    assert graph.configure() and graph.activate()
    counted = until_told(graph, f'made for thermal images of {WIDTH} x {WIDTH}')
    assert int(counted['dropped.thermal.unregistered']) > 0 and not graph.fused
    assert graph.set_parameter('calibration', written(tmp_path, MIDDLE, 'good.yaml')).successful
    graph.until_fused()


def test_lenses_come_from_both_camera_infos(graph: FuseGraph, tmp_path: Path,
                                            restored: np.ndarray) -> None:
    thermal_info = graph.peer.create_publisher(CameraInfo, 'thermal/camera_info', 5)
    assert graph.set_parameter('calibration', written(tmp_path, LENSLESS)).successful
    assert graph.configure() and graph.activate()
    until_told(graph, 'visible/camera_info, and none has come')

    def send(visible: dict[str, Any], thermal: dict[str, Any]) -> None:
        graph.camera_info.publish(CameraInfo(**visible))
        thermal_info.publish(CameraInfo(**thermal))
        graph.send()

    good = {'width': WIDTH, 'height': HEIGHT, 'k': K}
    good_thermal = {**good, 'k': THERMAL_K}
    status = graph.until_status(
        lambda status: 'refused /thermal/camera_info' in status.message,
        lambda: send(good, {**good, 'k': [0.0] * 9}))
    assert 'focal length 0' in status.message
    assert int(values(status)['dropped.thermal.camera_info']) > 0
    graph.until_status(lambda status: 'camera_info describes images of 64x64' in status.message,
                       lambda: send(good, {**good_thermal, 'width': 64, 'height': 64}))
    # Until then the thermal camera is of no use, and the visible image is alone.
    assert all(np.array_equal(pixels(message), restored) for message in graph.fused)
    graph.until(lambda: any((pixels(message) != restored).any() for message in graph.fused),
                each=lambda: send(good, good_thermal))
    assert beside(pixels(graph.until_fused()), restored) <= 2


def test_the_overlay_shows_thermal_edges_where_the_thermal_camera_sees(
        graph: FuseGraph, tmp_path: Path) -> None:
    drawn: list[Image] = []
    graph.peer.create_subscription(Image, 'fused/overlay', drawn.append, 10)
    assert graph.set_parameter('calibration', written(tmp_path, MIDDLE)).successful
    assert graph.configure() and graph.activate()
    hot = np.full((HEIGHT, WIDTH), 40, np.uint8)
    hot[HEIGHT // 2:, :] = 200  # an edge along the middle row
    stamps: list[int] = []

    def send() -> None:
        stamps.append(graph.stamp())
        graph.visible.publish(image(stamps[-1], data=bytes([90]) * (3 * WIDTH * HEIGHT)))
        graph.thermal.publish(image(stamps[-1], 'mono8', data=hot.tobytes()))

    graph.until(lambda: drawn, each=send)
    seen = pixels(drawn[0])
    assert drawn[0].header.frame_id == 'camera'
    red = seen[..., 0] - seen[..., 1] > 60
    assert red[HEIGHT // 2 - 1:HEIGHT // 2 + 1, WIDTH // 2].any()
    assert not red[:ROWS.start].any() and not red[:, :COLUMNS.start].any()
    assert not red[:, COLUMNS.stop:].any()
    report = values(graph.until_status(
        lambda status: 'registration_score' in values(status), each=send))
    assert float(report['registration_usual']) == pytest.approx(
        float(report['registration_score']), abs=0.05)


def test_a_score_that_cannot_be_had_is_told_and_delays_nothing(
        graph: FuseGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(alignment: Alignment) -> None:
        raise RuntimeError('no edges')

    monkeypatch.setattr(Alignment, 'follow', fail)
    assert graph.configure() and graph.activate()
    graph.until_fused()
    status = graph.until_status(lambda status: 'no edges' in status.message, graph.send)
    assert ('whether the registration still holds cannot be told: RuntimeError: no edges'
            in status.message)
    assert 'dropped.inference' not in values(status)
    graph.fused.clear()
    graph.until_fused()
