# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A model's structure survives the weight file and refuses sizes that cannot work."""

import dataclasses
import json
from typing import Any

import open_clip
import pytest

from degfuse_ros.network.config import (
    CLASSES,
    DEGRADATIONS,
    TINY_TOWER,
    TOWER_FOLDER,
    ModelConfig,
    tower_sizes,
)


def test_classes_are_those_of_the_ros_contract():
    assert CLASSES == ('clean', 'fog', 'low_light', 'overexposed', 'rain')
    assert DEGRADATIONS == ('fog', 'low_light', 'overexposed', 'rain')


@pytest.mark.parametrize('config', [
    ModelConfig(),
    ModelConfig(widths=(8, 16), hidden=(4, 6), kernels=((1, 3), (3, 1), (3, 3)), active=1,
                guidance_dim=24, sentence_groups=5),
    ModelConfig(tower={'open_clip': 'RN50', 'image_size': 224, 'embed_dim': 1024}),
    ModelConfig(enhancement=False, guidance='constant'),
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


def test_the_shipped_tower_is_described_by_our_openclip_config():
    described = json.loads((TOWER_FOLDER / f'{TINY_TOWER}.json').read_text())
    tower = ModelConfig().tower
    assert tower['embed_dim'] == described['embed_dim'] == 512
    assert tower['width'] == tower['heads'] * described['vision_cfg']['head_width']


@pytest.mark.parametrize('name, features', [
    ('RN50', 1024), ('convnext_base', 512), ('ViT-B-16-SigLIP', 768)])
def test_a_tower_that_is_no_plain_transformer_is_left_to_openclip(name: str, features: int):
    sizes = tower_sizes(name, open_clip.get_model_config(name))
    assert sizes['open_clip'] == name
    assert sizes['embed_dim'] == features
    assert sizes['image_size'] == 224
