# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The stages are those of the engine: same picture, every stage once, in order."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_model import write_small_model

from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.benchmark.pictures import make_pairs
from degfuse_ros.engine.benchmark.staged_fusion import STAGES, StagedFusion
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.network.model_file import load_model

SIZE = 67, 45  # neither side is a multiple of what the network needs


@pytest.mark.parametrize('model', ['base', 'lite'])
def test_the_picture_is_the_engines_bit_for_bit(model: str) -> None:
    engine = FusionEngine.load(model, 'cpu')
    staged = StagedFusion(engine)
    for pair in make_pairs(*SIZE):
        assert np.array_equal(staged.fuse(pair, lambda stage: None), engine.fuse(*pair).image)


@pytest.mark.parametrize('structure', [{}, {'enhancement': False}, {'guidance': 'enhanced'}])
def test_every_stage_begins_once_in_order(tmp_path: Path, structure: dict[str, object]) -> None:
    engine = FusionEngine.load(
        str(write_small_model(tmp_path / 'small.safetensors', **structure)), 'cpu')
    stages: list[str] = []
    StagedFusion(engine).fuse(make_pairs(*SIZE)[0], stages.append)
    assert stages == list(STAGES)


@pytest.mark.parametrize('model', ['base', 'lite'])
def test_what_a_gpu_runs_has_the_same_stages(model: str) -> None:
    engine = FusionEngine.load(model, 'cpu')
    staged = StagedFusion(engine)
    staged._forward = StagedForward(staged._guidance, staged._network, torch.float32)
    pair, stages = make_pairs(*SIZE)[0], list[str]()
    image = staged.fuse(pair, stages.append)
    assert stages == list(STAGES)
    assert np.abs(image.astype(int) - engine.fuse(*pair).image).max() <= 1


def test_training_weights_are_not_counted(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / 'small.safetensors')
    staged = StagedFusion(FusionEngine.load(str(path), 'cpu'))
    buffers = {'guidance.sentences', 'guidance.sentence_class', 'guidance.logit_scale'}
    stored = {name: tensor.numel() for name, tensor in load_model(path).tensors.items()}
    assert staged.parameters == sum(
        size for name, size in stored.items()
        if name not in buffers and '.visible_head.' not in name and '.thermal_head.' not in name)
