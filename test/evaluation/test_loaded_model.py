# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Models under evaluation: loaded whole, or refused in one line."""

from pathlib import Path

import pytest
from small_model import SIZES, write_small_model

from degfuse_ros.engine import DeviceError, EngineError, ModelError
from degfuse_ros.evaluation.loaded_model import LoadedModel
from degfuse_ros.network.config import ModelConfig


def test_a_model_has_its_name_structure_and_experts(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / 'm.safetensors', kernels=((1, 3), (5, 1), (3, 3)))
    model = LoadedModel.load('mine', str(path), 'cpu')
    assert model.name == 'mine'
    assert model.kernels == ['1x3', '5x1', '3x3']  # height first
    assert model.config == ModelConfig(**SIZES, kernels=((1, 3), (5, 1), (3, 3)))
    assert model.engine.model_path == path
    assert model.engine.device == 'cpu'


def test_without_a_path_it_is_the_shipped_model() -> None:
    model = LoadedModel.load('base', None, 'cpu')
    assert model.engine.model_path.name == 'base.safetensors'
    assert model.kernels == ['1x3', '1x5', '1x7', '3x1', '5x1', '7x1', '3x3', '5x5']


def test_a_file_without_reconstruction_heads_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / 'bare.safetensors', heads=False)
    with pytest.raises(ModelError, match=r'bare\.safetensors has no reconstruction heads') as info:
        LoadedModel.load('bare', str(path), 'cpu')
    assert '\n' not in str(info.value)
    assert isinstance(info.value, EngineError)


@pytest.mark.parametrize('content', [None, b'', b'no weights'], ids=['missing', 'empty', 'text'])
def test_what_is_no_weight_file_is_refused_in_one_line(tmp_path: Path,
                                                       content: bytes | None) -> None:
    path = tmp_path / 'm.safetensors'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r'm\.safetensors') as info:
        LoadedModel.load('mine', str(path), 'cpu')
    assert '\n' not in str(info.value)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(DeviceError, match='abacus'):
        LoadedModel.load('base', None, 'abacus')
