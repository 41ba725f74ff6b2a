# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Agreement with an independent NumPy implementation on 40 real pairs.

DEGFUSE_REFERENCE is the path of that file (a class Pair with a method measure, a function
edge_transfer); DEGFUSE_DATA is a folder with pairs.csv, of which the val pairs of RoadScene and
MSRS are used.
"""

import csv
import importlib.util
import os
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from degfuse_ros.camera.pair_files import PairFiles
from degfuse_ros.evaluation.metrics import QUALITY, PairScorer, luma, psnr

SETS, PER_SET = ('roadscene', 'msrs'), 20


def given(variable: str) -> Path:
    """Return the path in an environment variable, or skip."""
    value = os.environ.get(variable)
    if not value:
        pytest.skip(f'{variable} is not set')
    return Path(value)


@pytest.fixture(scope='module')
def reference() -> ModuleType:
    """The independent implementation."""
    spec = importlib.util.spec_from_file_location('reference', given('DEGFUSE_REFERENCE'))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def pairs() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Names, visible (RGB) and thermal images of 40 pairs, evenly spaced in the two sets."""
    folder = given('DEGFUSE_DATA')
    with (folder / 'pairs.csv').open(newline='') as file:
        rows = [row for row in csv.DictReader(file) if row['split'] == 'val']
    found = []
    for name in SETS:
        own = [row for row in rows if row['source'] == name]
        for number in np.linspace(0, len(own) - 1, PER_SET).round().astype(int):
            row = own[number]
            files = PairFiles(
                row['name'], folder / row['visible_path'], folder / row['thermal_path'])
            found.append((files.name, *files.read()))
    return found


def fuse(number: int, visible: np.ndarray, thermal: np.ndarray) -> np.ndarray:
    """Return one of five simple fusions, RGB or luma."""
    seen = luma(visible)
    return [lambda: cv2.addWeighted(seen, 0.5, thermal, 0.5, 0),
            lambda: np.maximum(seen, thermal),
            lambda: visible,
            lambda: cv2.GaussianBlur(np.maximum(seen, thermal), (0, 0), 1.5),
            lambda: cv2.addWeighted(seen, 1.2, thermal, 0.8, -40)][number % 5]()


def test_metrics_agree(
        reference: ModuleType, pairs: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    assert len({name for name, _, _ in pairs}) == len(SETS) * PER_SET
    for number, (name, visible, thermal) in enumerate(pairs):
        fused = fuse(number, visible, thermal)
        mine = PairScorer(visible, thermal).quality([fused])[0]
        grey = reference.luma(fused)
        theirs = {**reference.Pair(visible, thermal).measure(fused),
                  'vQ': reference.edge_transfer(reference.luma(visible), grey),
                  'tQ': reference.edge_transfer(thermal, grey)}
        assert set(theirs) == set(QUALITY)
        # A thousandth would do; only edges, in float32, are not equal to the last digits.
        assert mine == pytest.approx(theirs, rel=1e-6, abs=1e-9), name


def test_luma_and_psnr_agree(
        reference: ModuleType, pairs: list[tuple[str, np.ndarray, np.ndarray]]) -> None:
    for _, visible, thermal in pairs[::8]:
        seen = luma(visible)
        np.testing.assert_array_equal(seen, reference.luma(visible))
        assert psnr(visible, thermal) == pytest.approx(reference.psnr(seen, thermal), rel=1e-5)
