# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The stages are those of the engine: same picture, every stage once, in order."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from small_model import write_small_model
from torch import Tensor

from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.benchmark.cost import count
from degfuse_ros.engine.benchmark.pictures import make_pairs
from degfuse_ros.engine.benchmark.staged_fusion import STAGES, StagedFusion
from degfuse_ros.engine.fusion import Answer
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.network.model_file import load_model

SIZE = 67, 45  # neither side is a multiple of what the network needs


@pytest.mark.parametrize('model', ['base', 'lite'])
def test_the_picture_is_the_engines_bit_for_bit(model: str) -> None:
    engine = FusionEngine.load(model, 'cpu')
    staged = StagedFusion(engine)
    pairs = make_pairs(*SIZE)
    for pair, image in zip(pairs, staged.fuse(pairs, lambda stage: None), strict=True):
        assert np.array_equal(image, engine.fuse(*pair).image)


@pytest.mark.parametrize('structure', [{}, {'enhancement': False}, {'guidance': 'enhanced'}])
def test_every_stage_begins_once_in_order(tmp_path: Path, structure: dict[str, object]) -> None:
    engine = FusionEngine.load(
        str(write_small_model(tmp_path / 'small.safetensors', **structure)), 'cpu')
    stages: list[str] = []
    staged = StagedFusion(engine)
    staged.fuse(make_pairs(*SIZE)[:1], stages.append)
    assert stages == list(STAGES)
    staged.fuse(make_pairs(*SIZE)[:2], stages.append)  # one after another, as the engine does
    assert stages == 3 * list(STAGES)


@pytest.mark.parametrize('model', ['base', 'lite'])
def test_what_a_gpu_runs_has_the_same_stages(model: str) -> None:
    engine = FusionEngine.load(model, 'cpu')
    staged = StagedFusion(engine)
    staged._forward = StagedForward(staged._guidance, staged._network, torch.float32)
    pairs, stages = make_pairs(*SIZE)[:3], list[str]()
    images = staged.fuse(pairs, stages.append)
    assert stages == list(STAGES)  # all pairs together
    for pair, image in zip(pairs, images, strict=True):
        assert np.abs(image.astype(int) - engine.fuse(*pair).image).max() <= 1


class Elsewhere:
    """A forward pass whose images lie on another device."""

    def __call__(self, visible: Tensor, thermal: Tensor) -> Tensor:
        self.shapes = [tuple(visible.shape), tuple(thermal.shape)]
        assert visible.is_meta and thermal.is_meta
        return torch.zeros(len(visible), 1)

    def unpack(self, block: Tensor, height: int, width: int) -> Answer:
        return Answer(np.zeros((height, width, 3), np.uint8), [], [], np.zeros((0, 0), np.float32))


def test_all_pairs_of_a_batch_go_to_the_gpu(tmp_path: Path) -> None:
    engine = FusionEngine.load(str(write_small_model(tmp_path / 'small.safetensors')), 'cpu')
    staged, pairs, forward = StagedFusion(engine), make_pairs(*SIZE), Elsewhere()
    staged.device, staged._forward = torch.device('meta'), forward  # type: ignore[assignment]
    costs = count(partial(staged.fuse, pairs[:4]))
    width, height = SIZE
    assert forward.shapes == [(4, height, width, 3), (4, height, width)]
    assert costs['copy in'].host_traffic == 4 * sum(image.nbytes for image in pairs[0])


def test_training_weights_are_not_counted(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / 'small.safetensors')
    staged = StagedFusion(FusionEngine.load(str(path), 'cpu'))
    buffers = {'guidance.sentences', 'guidance.sentence_class', 'guidance.logit_scale'}
    stored = {name: tensor.numel() for name, tensor in load_model(path).tensors.items()}
    assert staged.parameters == sum(
        size for name, size in stored.items()
        if name not in buffers and '.visible_head.' not in name and '.thermal_head.' not in name)
