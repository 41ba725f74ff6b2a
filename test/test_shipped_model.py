# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Facts about the shipped weights that models/MODEL_CARD.md states.

The built-in scenes are always checked. Real pairs are, where DEGFUSE_DATA names their folder:

    DEGFUSE_DATA=FOLDER python -m pytest -rP test/test_shipped_model.py
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from degfuse_ros.demo.stream import DemoStream
from degfuse_ros.engine import CLASSES, FusionEngine
from degfuse_ros.evaluation.routing import distance
from degfuse_ros.training.dataset import CLEAN_CONDITIONS, Pair, load_pairs
from degfuse_ros.training.degradations import degrade_visible
from degfuse_ros.training.guidance import validate

SEED = 1


@pytest.fixture(scope='module', params=['base', 'lite'])
def engine(request: pytest.FixtureRequest) -> FusionEngine:
    """Load shipped weights."""
    return FusionEngine.load(request.param, 'cpu')


@pytest.fixture(scope='module')
def pairs() -> list[Pair]:
    """Read the val split, where there is one."""
    folder = os.environ.get('DEGFUSE_DATA')
    if not folder:
        pytest.skip('DEGFUSE_DATA names no folder of real pairs')
    return load_pairs(Path(folder), 'val')


def as_uint8(image: torch.Tensor) -> np.ndarray:
    """Turn 1 x C x H x W in [0, 1] into H x W x C uint8."""
    return (image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)


@pytest.fixture(scope='module')
def routing(engine: FusionEngine, pairs: list[Pair]) -> dict[str, np.ndarray]:
    """Mean routing of the clean val pairs per class, layers x experts, severity 0.6."""
    generator = torch.Generator().manual_seed(SEED)
    result = {}
    clean = [pair for pair in pairs if pair.condition in CLEAN_CONDITIONS]
    for index, name in enumerate(CLASSES):
        severity = torch.zeros(1, 4)
        if index:
            severity[0, index - 1] = 0.6
        rows = []
        for pair in clean:
            visible = degrade_visible(pair.visible[None].float() / 255, severity, generator)
            rows.append(engine.fuse(as_uint8(visible), pair.thermal[0].numpy()).routing)
        result[name] = np.mean(rows, 0)
    return result


def test_recognition_on_val(engine: FusionEngine, pairs: list[Pair]):
    found = validate(engine._guidance, pairs, SEED)
    print({name: round(value, 4) for name, value in found.items()})
    assert found['synthetic'] >= 0.9
    assert found['real_low_light'] >= 0.9 and found['real_fog'] >= 0.9


def test_hardly_an_expert_is_unused_on_val(routing: dict[str, np.ndarray]):
    load = np.mean(list(routing.values()), 0)
    print('mean gate weight per layer (rows) and expert over all classes:')
    print(np.array2string(load, precision=3, suppress_small=True))
    # Balance is asked for in training, with noise: without it one of 88 is never chosen.
    assert (load > 0).mean() > 0.98


def test_routing_differs_between_degradations_on_val(routing: dict[str, np.ndarray]):
    table = {f'{a} {b}': distance(routing[a], routing[b])
             for i, a in enumerate(CLASSES) for b in CLASSES[i + 1:]}
    print({name: round(value, 3) for name, value in table.items()})
    # 0 is the same routing, 1 bit means that no expert is shared.
    assert min(table.values()) > 0.05


def test_class_and_routing_follow_the_built_in_scenes(engine: FusionEngine):
    stream = DemoStream(size=(640, 480), seconds=30.0, rate=1.0, seed=0)
    right: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    routes: dict[str, list[np.ndarray]] = {}
    for index in range(30):
        frame = stream.frame(index)
        truth = frame.condition
        if truth.label != 'clean' and truth.severity < 0.4:
            continue  # fading in or out: either answer is right
        fusion = engine.fuse(frame.visible, frame.thermal)
        seen[truth.label] += 1
        right[truth.label] += fusion.degradation.label == truth.label
        routes.setdefault(truth.label, []).append(fusion.routing)
    assert set(seen) == set(CLASSES)
    assert sum(right.values()) >= 0.9 * sum(seen.values()), (right, seen)
    means = {name: np.mean(rows, 0) for name, rows in routes.items()}
    closest = min(distance(means[a], means[b])
                  for i, a in enumerate(CLASSES) for b in CLASSES[i + 1:])
    assert closest > 0.05
