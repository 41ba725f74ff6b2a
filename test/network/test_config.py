# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A model's structure survives the weight file and refuses sizes that cannot work."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors import safe_open

from degfuse_ros.network.config import (
    CLASSES,
    DEGRADATIONS,
    LITE_TOWER,
    MODELS,
    TINY_TOWER,
    TOWER_FOLDER,
    ModelConfig,
    structure,
    tower_sizes,
)
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.model_file import load_model

SHIPPED = Path(__file__).resolve().parents[2] / 'models' / 'base.safetensors'


def test_classes_are_those_of_the_ros_contract():
    assert CLASSES == ('clean', 'fog', 'low_light', 'overexposed', 'rain')
    assert DEGRADATIONS == ('fog', 'low_light', 'overexposed', 'rain')


@pytest.mark.parametrize('config', [
    ModelConfig(),
    ModelConfig(widths=(8, 16), hidden=(4, 6), kernels=((1, 3), (3, 1), (3, 3)), active=1,
                guidance_dim=24, sentence_groups=5),
    ModelConfig(tower={'open_clip': 'RN50', 'image_size': 224, 'embed_dim': 1024}),
    ModelConfig(enhancement=False, guidance='constant'),
    structure('lite'),
])
def test_json_round_trip(config: ModelConfig):
    text = config.to_json()
    assert '\n' not in text
    restored = ModelConfig.from_json(text)
    assert restored == config
    assert isinstance(restored.kernels[0], tuple), 'lists would make two equal configs differ'


def test_equal_configs_write_equal_json():
    assert ModelConfig().to_json() == ModelConfig.from_json(ModelConfig().to_json()).to_json()


def test_files_from_before_the_ablations_have_pkdm_and_read_raw_images():
    values = json.loads(ModelConfig().to_json())
    del values['enhancement'], values['guidance']
    restored = ModelConfig.from_json(json.dumps(values))
    assert restored == ModelConfig()
    assert restored.enhancement is True and restored.guidance == 'raw'


@pytest.mark.parametrize('levels, multiple', [(2, 4), (4, 16), (5, 32)])
def test_multiple_is_two_to_the_number_of_levels(levels: int, multiple: int):
    assert ModelConfig(widths=(8,) * levels, hidden=(4,) * levels).multiple == multiple


@pytest.mark.parametrize('changes, got', [
    ({'widths': (8, 16), 'hidden': (4,)}, '(8, 16)'),
    ({'widths': (8,), 'hidden': (4,)}, '(8,)'),
    ({'active': 0}, '0'),
    ({'active': 9}, '9'),
    ({'kernels': ((3, 3), (2, 3)), 'active': 1}, '(2, 3)'),
    ({'tower': {'image_size': 32}}, "{'image_size': 32}"),
    ({'guidance': 'cooked'}, "'cooked'"),
    ({'guidance': None}, 'None'),
    ({'guidance': 'enhanced', 'enhancement': False}, 'False'),
])
def test_impossible_sizes_are_refused_with_what_was_got(changes: dict[str, Any], got: str):
    with pytest.raises(ValueError) as caught:
        dataclasses.replace(ModelConfig(), **changes)
    message = str(caught.value)
    assert got in message and '\n' not in message


@pytest.mark.parametrize('text', [
    '', 'widths', '[]', 'null', '3', '{}', '{"widths": [8, 16]}',
    ModelConfig().to_json()[:-20],
    json.dumps({**json.loads(ModelConfig().to_json()), 'wings': 2}),
    json.dumps({**json.loads(ModelConfig().to_json()), 'kernels': 3}),
    json.dumps({**json.loads(ModelConfig().to_json()), 'active': 'two'}),
    json.dumps({**json.loads(ModelConfig().to_json()), 'active': 99}),
    json.dumps({**json.loads(ModelConfig().to_json()), 'tower': None}),
])
def test_unreadable_json_is_a_value_error_on_one_line(text: str):
    with pytest.raises(ValueError) as caught:
        ModelConfig.from_json(text)
    message = str(caught.value)
    assert '\n' not in message and 'ot ' in message and len(message) < 400


def test_files_from_before_lite_have_pkdm_as_wide_as_base():
    values = json.loads(ModelConfig().to_json())
    del values['prior_channels'], values['derain_channels']
    assert ModelConfig.from_json(json.dumps(values)) == ModelConfig()


def test_the_shipped_base_file_loads_bit_for_bit():
    with safe_open(str(SHIPPED), framework='pt') as file:
        stored = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    loaded = load_model(SHIPPED)
    guidance, network = DegradationGuidance(loaded.config), FusionNetwork(loaded.config)
    guidance.load_state_dict(loaded.part('guidance'))
    network.load_state_dict(loaded.part('fusion'))
    built = {**{f'guidance.{name}': weight for name, weight in guidance.state_dict().items()},
             **{f'fusion.{name}': weight for name, weight in network.state_dict().items()}}
    assert built.keys() == stored.keys()
    assert all(torch.equal(built[name], weight) for name, weight in stored.items())


def test_base_is_the_default_structure():
    assert structure('base') == ModelConfig()


def test_lite_keeps_the_contracts_of_base_and_is_smaller():
    base, lite = structure('base'), structure('lite')
    for same in ('kernels', 'active', 'guidance_dim', 'sentence_groups', 'enhancement',
                 'guidance', 'multiple'):
        assert getattr(lite, same) == getattr(base, same)
    sizes = [sum(weight.numel() for weight in FusionNetwork(config).parameters())
             for config in (base, lite)]
    assert sizes[1] < sizes[0] / 2
    assert FusionNetwork(lite).layer_names == FusionNetwork(base).layer_names


@pytest.mark.parametrize('name', MODELS)
def test_budgets_of_parameters_and_of_the_weight_file(name: str):
    config = structure(name)
    parts = [DegradationGuidance(config).state_dict(), FusionNetwork(config).state_dict()]
    counts = [sum(weight.numel() for weight in part.values()) for part in parts]
    assert max(counts) <= 8_000_000
    assert 2 * sum(counts) < 16 * 2 ** 20, 'the file holds two bytes for each'


@pytest.mark.parametrize('name', ['', 'Base', 'light', 'lite.safetensors'])
def test_an_unknown_structure_is_named_beside_the_known_ones(name: str):
    with pytest.raises(ValueError) as caught:
        structure(name)
    assert repr(name) in str(caught.value) and 'base, lite' in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('name', 'model'), [(TINY_TOWER, 'base'), (LITE_TOWER, 'lite')])
def test_our_towers_are_described_by_our_openclip_configs(name: str, model: str):
    described = json.loads((TOWER_FOLDER / f'{name}.json').read_text())
    tower = structure(model).tower
    assert tower['patch_size'] == described['vision_cfg']['patch_size']
    assert tower['embed_dim'] == described['embed_dim'] == 512
    assert tower['width'] == tower['heads'] * described['vision_cfg']['head_width']


@pytest.mark.parametrize('name, features', [
    ('RN50', 1024), ('convnext_base', 512), ('ViT-B-16-SigLIP', 768)])
def test_a_tower_that_is_no_plain_transformer_is_left_to_openclip(name: str, features: int):
    sizes = tower_sizes(name, open_clip.get_model_config(name))
    assert sizes['open_clip'] == name
    assert sizes['embed_dim'] == features
    assert sizes['image_size'] == 224
