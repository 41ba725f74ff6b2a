# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The lean tower against OpenCLIP's own, in weights, shapes and outputs."""

import json
import sys
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch

from degfuse_ros.network.config import TINY_TOWER, TOWER_FOLDER, ModelConfig, tower_sizes
from degfuse_ros.network.vision_tower import VisionTower, build_tower

SMALL: dict[str, Any] = {'image_size': 48, 'patch_size': 8, 'width': 64, 'layers': 3, 'heads': 4,
                         'mlp_ratio': 3.0, 'embed_dim': 40}

def register(folder: Path, name: str, sizes: dict[str, Any], quick_gelu: bool) -> None:
    """Teach OpenCLIP a model of our sizes; its text tower is as small as it can be."""
    config = {
        'embed_dim': sizes['embed_dim'],
        'quick_gelu': quick_gelu,
        'vision_cfg': {
            'image_size': sizes['image_size'], 'patch_size': sizes['patch_size'],
            'width': sizes['width'], 'layers': sizes['layers'], 'mlp_ratio': sizes['mlp_ratio'],
            'head_width': sizes['width'] // sizes['heads']},
        'text_cfg': {'context_length': 8, 'vocab_size': 64, 'width': 32, 'heads': 1, 'layers': 1}}
    (folder / f'{name}.json').write_text(json.dumps(config))
    open_clip.add_model_config(folder)


def scrambled(tower: torch.nn.Module) -> torch.nn.Module:
    """Leave OpenCLIP's gentle initialisation, where many biases are zero and norms are one."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return tower.eval()


@pytest.mark.parametrize('quick_gelu', [False, True])
def test_outputs_equal_openclips(tmp_path: Path, quick_gelu: bool):
    name = f'degfuse-test-{quick_gelu}'
    register(tmp_path, name, SMALL, quick_gelu)
    theirs = scrambled(open_clip.create_model(name, load_weights=False).visual)
    ours = VisionTower(**SMALL, quick_gelu=quick_gelu).eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(3, 3, 48, 48)
    with torch.inference_mode():
        expected, found = theirs(image), ours(image)
    assert expected.shape == (3, 40)
    assert expected.std() > 0.1, 'a collapsed output would make any two towers equal'
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_two_activations_differ():
    torch.manual_seed(2)
    plain = scrambled(VisionTower(**SMALL))
    quick = VisionTower(**SMALL, quick_gelu=True).eval()
    quick.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 48, 48)
    assert (plain(image) - quick(image)).abs().max() > 1e-4


@pytest.mark.parametrize('name', ['ViT-B-32', 'ViT-B-16-quickgelu', 'ViT-L-14-336'])
def test_state_dict_has_openclips_names_and_shapes(name: str):
    with torch.device('meta'):  # up to 300 million parameters: names and shapes suffice
        theirs = open_clip.create_model(name, load_weights=False, device='meta').visual
        ours = build_tower(tower_sizes(name, open_clip.get_model_config(name)))
    assert isinstance(ours, VisionTower)
    expected = {key: tuple(tensor.shape) for key, tensor in theirs.state_dict().items()}
    assert {key: tuple(tensor.shape) for key, tensor in ours.state_dict().items()} == expected
    block = 'transformer.resblocks.0'
    assert ours.get_submodule(block).heads == theirs.get_submodule(f'{block}.attn').num_heads
    activation = f'{block}.mlp.gelu'
    quick = type(theirs.get_submodule(activation)).__name__ == 'QuickGELU'
    assert isinstance(ours.get_submodule(activation), torch.nn.GELU) != quick


def test_the_shipped_tower_equals_what_openclip_builds_from_our_file():
    open_clip.add_model_config(TOWER_FOLDER)
    theirs = scrambled(open_clip.create_model(TINY_TOWER, load_weights=False).visual)
    ours = build_tower(ModelConfig().tower).eval()
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(ours(image), theirs(image), atol=1e-5, rtol=1e-5)


def test_an_openclip_name_builds_openclips_tower(tmp_path: Path):
    register(tmp_path, 'degfuse-test-named', SMALL, False)
    tower = build_tower({'open_clip': 'degfuse-test-named', 'image_size': 48, 'embed_dim': 40})
    assert type(tower).__module__.startswith('open_clip.')
    assert tower(torch.randn(2, 3, 48, 48)).shape == (2, 40)


def test_an_openclip_name_without_openclip_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'open_clip', None)
    with pytest.raises(ModuleNotFoundError) as caught:
        build_tower({'open_clip': 'RN50', 'image_size': 224, 'embed_dim': 1024})
    message = str(caught.value)
    assert '\n' not in message
    for part in ("'RN50'", 'open_clip', 'pip install'):
        assert part in message


def test_a_plain_tower_needs_no_openclip(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'open_clip', None)
    assert build_tower(SMALL)(torch.randn(1, 3, 48, 48)).shape == (1, 40)
