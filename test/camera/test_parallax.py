# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Two cameras beside each other before the built-in street: what each registration leaves.

    DEGFUSE_PICTURES=docs python -m pytest -rP test/camera/test_parallax.py

prints the table in docs/calibration.md and makes docs/registration.jpg.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from parallax_rig import ParallaxRig

from degfuse_ros.camera.alignment import Alignment
from degfuse_ros.camera.calibration import Calibration, to_text
from degfuse_ros.camera.calibration_edges import calibrate_from_edges
from degfuse_ros.camera.homography import project
from degfuse_ros.camera.overlay import overlay
from degfuse_ros.camera.registration import Registration
from degfuse_ros.demo.stream import DemoFrame, DemoStream
from degfuse_ros.demo.timeline import Condition
from degfuse_ros.engine import FusionEngine

SIZE, THERMAL_SIZE = (640, 480), (320, 256)
# Metres from the camera, in which the table is cut.
RANGES = ((0.0, 6.0), (6.0, 12.0), (12.0, 30.0), (30.0, 1e9))
SHOWN = (Condition('clean', 0.0), Condition('low_light', 0.8))


@pytest.fixture(scope='module')
def stream() -> DemoStream:
    return DemoStream(SIZE, seconds=40.0, rate=1.0)


@pytest.fixture(scope='module')
def frames(stream: DemoStream) -> list[DemoFrame]:
    return [stream.frame(index, Condition('clean', 0.0)) for index in range(0, 40, 5)]


@pytest.fixture(scope='module')
def rig(stream: DemoStream) -> ParallaxRig:
    return ParallaxRig(stream.camera, THERMAL_SIZE)


@pytest.fixture(scope='module')
def calibrations(frames: list[DemoFrame], rig: ParallaxRig) -> dict[str, Calibration]:
    """By what the table calls them: of the stretched image, from edges, and the true rig."""
    def made(**how: object) -> Calibration:
        return Calibration(SIZE, THERMAL_SIZE, 1.0, 1.0, '', '', **how)  # type: ignore[arg-type]

    found = calibrate_from_edges(
        [cv2.cvtColor(frame.visible, cv2.COLOR_RGB2GRAY) for frame in frames],
        [rig.thermal(frame) for frame in frames])
    stretched = np.diag([SIZE[0] / THERMAL_SIZE[0], SIZE[1] / THERMAL_SIZE[1], 1.0])
    return {'stretched': made(homography=stretched), 'edges': made(homography=found.homography),
            'full': made(rig=rig.rig)}


def places_taken(registration: Registration) -> np.ndarray:
    """Return the thermal x and y that each visible pixel shows, H x W x 2.

    It warps ramps of six grey levels per pixel, one behind the other: 42 pixels fill one.
    """
    rows, columns = np.mgrid[:THERMAL_SIZE[1], :THERMAL_SIZE[0]]
    return np.dstack([sum(
        registration.warp(np.clip(6 * (along - start), 0, 252).astype(np.uint8)) / 6.0
        for start in range(0, max(THERMAL_SIZE), 42)) for along in (columns, rows)])


def apart(calibration: Calibration, frame: DemoFrame, rig: ParallaxRig) -> np.ndarray:
    """Return how far from its visible pixel a thermal one is shown, H x W; NaN where unseen."""
    true = rig.places(frame).astype(np.float64)
    seen = ((true >= 0.0) & (true <= np.array(THERMAL_SIZE) - 1.0)).all(axis=2)
    rows, columns = np.mgrid[:SIZE[1], :SIZE[0]]
    if calibration.homography is not None:
        shown = project(calibration.homography, true.reshape(-1, 2)).reshape(true.shape)
        distance = np.linalg.norm(shown - np.dstack([columns, rows]), axis=2)
    else:
        taken = places_taken(Registration(calibration, SIZE, THERMAL_SIZE))
        # Thermal pixels to visible ones: both lenses have one focal length each way.
        scale = (rig.rig.lens('visible').matrix[0, 0] / rig.rig.lens('thermal').matrix[0, 0])
        distance = np.linalg.norm(taken - true, axis=2) * scale
    return np.where(seen, distance, np.nan)


def test_what_is_left_by_distance(stream: DemoStream, rig: ParallaxRig,
                                  calibrations: dict[str, Calibration],
                                  frames: list[DemoFrame]) -> None:
    print('| Metres | ' + ' | '.join(calibrations) + ' |\n|---|' + '---|' * len(calibrations))
    left = {name: apart(each, frames[0], rig) for name, each in calibrations.items()}
    medians: dict[str, list[float]] = {name: [] for name in left}
    for low, high in RANGES:
        inside = (frames[0].distance > low) & (frames[0].distance <= high)
        for name, distance in left.items():
            medians[name].append(float(np.nanmedian(distance[inside])))
        label = f'{low:.0f} to {high:.0f}' if high < 1e6 else f'over {low:.0f}'
        print(f'| {label} | ' + ' | '.join(f'{each[-1]:.1f}' for each in medians.values()) + ' |')
    near, _, middle, far = medians['edges']
    assert near < 10.0 and middle < 2.5 and far < 2.5
    assert min(medians['stretched']) > 5 * max(middle, far)
    # The true rig is exact at its plane of 15 m, and off by what parallax says elsewhere.
    plane = np.abs(frames[0].distance / stream.camera.range_factor() - 15.0)
    assert (plane < 0.1).sum() > 100 and np.nanmax(left['full'][plane < 0.1]) < 1.0
    assert medians['full'][0] > 3.0


def test_the_thermal_picture_covers_the_scene_it_shows(
        calibrations: dict[str, Calibration], rig: ParallaxRig, frames: list[DemoFrame],
        tmp_path: Path) -> None:
    aligned = {}
    for name, calibration in calibrations.items():
        (tmp_path / f'{name}.yaml').write_text(to_text(calibration))
        aligned[name] = Alignment().align(frames[0].visible, rig.thermal(frames[0]),
                                          str(tmp_path / f'{name}.yaml'))
    truth = frames[0].thermal.astype(int)
    core = np.zeros(truth.shape, bool)
    core[80:400, 80:560] = True
    wrong = {name: float(np.abs(each.thermal - truth)[core].mean())
             for name, each in aligned.items()}
    assert wrong['edges'] < 0.5 * wrong['stretched'] and wrong['full'] < 0.5 * wrong['stretched']
    coverage = aligned['edges'].coverage
    assert coverage is not None and 0.6 < coverage.mean() < 0.9


def test_pictures(stream: DemoStream, calibrations: dict[str, Calibration], rig: ParallaxRig,
                  tmp_path: Path) -> None:
    folder = os.environ.get('DEGFUSE_PICTURES')
    if not folder:
        pytest.skip('DEGFUSE_PICTURES names no folder for docs/registration.jpg')
    (tmp_path / 'edges.yaml').write_text(to_text(calibrations['edges']))
    engine, rows = FusionEngine.load(device='cpu'), []
    for condition in SHOWN:
        frame = stream.frame(12, condition)
        thermal = rig.thermal(frame)
        tiles = []
        for path in ('', str(tmp_path / 'edges.yaml')):
            aligned = Alignment().align(frame.visible, thermal, path)
            fusion = engine.fuse(frame.visible, aligned.thermal, aligned.coverage)
            tiles += [overlay(frame.visible, aligned.thermal, aligned.coverage), fusion.image]
        rows.append(np.hstack([cv2.resize(tile, (320, 240), interpolation=cv2.INTER_AREA)
                               for tile in tiles]))
    picture = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
    assert cv2.imwrite(str(Path(folder) / 'registration.jpg'), picture,
                       [cv2.IMWRITE_JPEG_QUALITY, 85])
