# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""CLIP models from local files: LoRA against the plain model, from scratch, and what is wrong.

Checkpoints are made here with random weights: nothing is downloaded.
"""

import json
import logging
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from torch import Tensor
from training_pairs import register_tower

from degfuse_ros.engine import FusionEngine
from degfuse_ros.network.config import TINY_TOWER, ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.model_file import save_model
from degfuse_ros.network.vision_tower import VisionTower
from degfuse_ros.training.config import ConfigError
from degfuse_ros.training.open_clip_tower import ClipTower, create_tower

CPU = torch.device('cpu')
RANK = 4


def trained(tower: ClipTower) -> list[torch.Tensor]:
    """What stage 1 trains of a CLIP model."""
    return [weight for weight in tower.clip.parameters() if weight.requires_grad]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where anything is downloaded."""
    def refuse(*arguments: Any) -> None:
        raise AssertionError(f'tried to connect to {arguments[1:]}')
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    monkeypatch.setattr(socket.socket, 'connect', refuse)


@pytest.fixture(scope='module')
def name(tmp_path_factory: pytest.TempPathFactory) -> str:
    return register_tower(tmp_path_factory.mktemp('tower'))


@pytest.fixture
def checkpoint(name: str, tmp_path: Path) -> Path:
    """State dict of a model with random weights that are far from any initialisation."""
    torch.manual_seed(1)
    model = open_clip.create_model(name, load_weights=False)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    torch.save(model.state_dict(), tmp_path / 'clip.pt')
    return tmp_path / 'clip.pt'


@pytest.fixture
def plain(name: str, checkpoint: Path) -> Any:
    """The checkpoint's model as OpenCLIP alone loads it."""
    model = open_clip.create_model(name, load_weights=False)
    model.load_state_dict(torch.load(checkpoint))
    return model.eval()


@pytest.fixture
def adapted(name: str, checkpoint: Path) -> ClipTower:
    return create_tower(name, str(checkpoint), RANK, CPU)


def images(size: int = 64) -> Tensor:
    return torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0))


def count(parameters: Any) -> int:
    return sum(weight.numel() for weight in parameters)


def plain_name(name: str) -> str:
    """Name in the checkpoint of the weight that an entry of an adapted tower belongs to."""
    return re.sub(r'\.0\.lora_up$|\.original$', '', name.replace('parametrizations.', ''))


def train(tower: ClipTower, steps: int = 3) -> None:
    """Push image features and sentence embeddings together."""
    optimiser = torch.optim.SGD(trained(tower), lr=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        features = torch.nn.functional.normalize(tower.visual(images()), dim=-1)
        (features @ tower.embed(['fog', 'rain', 'clear']).T).sum().neg().backward()
        optimiser.step()


def test_only_adapters_train(adapted: ClipTower):
    tower = {name: weight.detach().clone() for name, weight in adapted.visual.named_parameters()}
    text = {name: weight.detach().clone() for name, weight in adapted.clip.named_parameters()
            if not name.startswith('visual')}
    assert adapted.adapted
    learning = {name for name, weight in adapted.visual.named_parameters() if weight.requires_grad}
    assert learning and all('lora_' in name for name in learning)
    train(adapted)
    changed = {name for name, weight in adapted.visual.named_parameters()
               if not torch.equal(weight, tower[name])}
    assert changed == learning
    rest = dict(adapted.clip.named_parameters())
    assert text and all(torch.equal(rest[name], weight) for name, weight in text.items())
    assert not any(rest[name].requires_grad for name in text)


def test_every_block_is_adapted_in_attention_and_mlp(adapted: ClipTower):
    names = [name for name, weight in adapted.visual.named_parameters() if weight.requires_grad]
    for block in range(2):
        for part in ('attn', 'c_fc', 'c_proj'):
            assert any(f'resblocks.{block}.' in name and part in name for name in names)


def test_before_training_it_is_the_checkpoint(adapted: ClipTower, plain: Any, name: str):
    with torch.no_grad():
        torch.testing.assert_close(adapted.visual.eval()(images()), plain.visual(images()))
        embedded = adapted.embed(['a street photo with slight fog and haze'])
        tokens = open_clip.get_tokenizer(name)(['a street photo with slight fog and haze'])
        expected = plain.encode_text(tokens, normalize=True)
    torch.testing.assert_close(embedded, expected)


def test_folded_tower_equals_the_adapted_one_and_not_the_checkpoint(adapted: ClipTower,
                                                                    plain: Any):
    train(adapted)
    with torch.no_grad():
        before = adapted.visual.eval()(images())
        assert (before - plain.visual(images())).abs().max() > 1e-2
        plain.visual.load_state_dict(adapted.plain_state())
        torch.testing.assert_close(plain.visual(images()), before)
        # It is a copy: training can go on.
        assert torch.equal(adapted.visual(images()), before)


def test_base_weights_stay_bit_for_bit_in_training(adapted: ClipTower, checkpoint: Path):
    train(adapted)
    stored = {name.removeprefix('visual.'): weight
              for name, weight in torch.load(checkpoint).items() if name.startswith('visual.')}
    state = adapted.visual.state_dict()
    kept = {plain_name(name): weight for name, weight in state.items() if 'lora_' not in name}
    assert kept.keys() == stored.keys()
    assert all(torch.equal(kept[name], weight) for name, weight in stored.items())
    # What is written are the stored ones plus the adapters' products, each of them once.
    products = {plain_name(name): up @ state[name.replace('_up', '_down')]
                for name, up in state.items() if name.endswith('lora_up')}
    assert len(products) == 8, 'two blocks of two attention and two MLP matrices'
    folded = adapted.plain_state()
    assert folded.keys() == stored.keys()
    for name, weight in folded.items():
        if name in products:
            assert products[name].abs().max() > 1e-3
            torch.testing.assert_close(weight, stored[name] + products[name])
        else:
            assert torch.equal(weight, stored[name])


def test_folded_tower_runs_without_open_clip(adapted: ClipTower):
    train(adapted)
    ours = VisionTower(**adapted.sizes).eval()
    ours.load_state_dict(adapted.plain_state())
    with torch.no_grad():
        torch.testing.assert_close(ours(images()), adapted.visual.eval()(images()), rtol=1e-4,
                                   atol=1e-5)


def test_the_engine_runs_what_was_adapted(adapted: ClipTower, tmp_path: Path):
    train(adapted)
    config = ModelConfig(widths=(6, 8), hidden=(3, 3), guidance_dim=16, sentence_groups=5,
                         tower=adapted.sizes)
    guidance = DegradationGuidance(config).eval()
    guidance.tower.load_state_dict(adapted.plain_state())
    guidance.sentences.normal_()
    guidance.sentence_class.copy_(torch.arange(5))
    path = tmp_path / 'adapted.safetensors'
    save_model(path, config, guidance.state_dict(), FusionNetwork(config).state_dict(), {})
    visible = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    thermal = visible[..., 0].copy()
    found = FusionEngine.load(str(path), 'cpu').fuse(visible, thermal)
    with torch.no_grad():
        expected = guidance(torch.from_numpy(visible).permute(2, 0, 1)[None] / 255,
                            torch.from_numpy(thermal)[None, None] / 255)
    # The file holds half precision.
    np.testing.assert_allclose([*found.degradation.severity.values()], expected.severity[0],
                               atol=2e-3)
    np.testing.assert_allclose([*found.degradation.scores.values()], expected.scores[0],
                               atol=0.02)


def test_rank_sets_the_number_of_parameters(name: str, checkpoint: Path, adapted: ClipTower):
    twice = create_tower(name, str(checkpoint), 2 * RANK, CPU)
    assert count(trained(twice)) == 2 * count(trained(adapted))


def test_lora_of_vit_b_32_is_2_to_3_percent_of_its_vision_tower(tmp_path: Path):
    # OpenCLIP's ViT-B-32 but for the text tower, which is as small as it can be.
    config = open_clip.get_model_config('ViT-B-32')
    config['text_cfg'] = {'context_length': 8, 'vocab_size': 64, 'width': 16, 'heads': 1,
                          'layers': 1}
    (tmp_path / 'degfuse-test-vit-b-32.json').write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path)
    model = open_clip.create_model('degfuse-test-vit-b-32', load_weights=False)
    whole = count(model.visual.parameters())
    assert whole == 87_849_216  # as OpenCLIP publishes it: 87.85 M
    torch.save({key: weight.half() for key, weight in model.state_dict().items()},
               tmp_path / 'clip.pt')
    del model
    tower = create_tower('degfuse-test-vit-b-32', str(tmp_path / 'clip.pt'), 16, CPU)
    assert 0.02 < count(trained(tower)) / whole < 0.03
    assert tower.sizes == {'image_size': 224, 'patch_size': 32, 'width': 768, 'layers': 12,
                           'heads': 12, 'mlp_ratio': 4.0, 'embed_dim': 512, 'quick_gelu': False}


def test_weights_from_scratch_are_nothing_to_warn_of(name: str,
                                                    caplog: pytest.LogCaptureFixture):
    create_tower(name, None, RANK, CPU)
    assert not caplog.records
    logging.getLogger().warning('others')
    assert [record.message for record in caplog.records] == ['others']


def test_without_a_checkpoint_all_of_it_trains():
    tower = create_tower(TINY_TOWER, None, RANK, CPU)
    assert not tower.adapted
    assert count(trained(tower)) == count(tower.clip.parameters())
    assert any(weight is tower.clip.logit_scale for weight in trained(tower))
    assert tower.visual is tower.clip.visual
    VisionTower(**tower.sizes).load_state_dict(tower.plain_state())


def test_sentences_have_unit_length_and_carry_a_gradient(name: str):
    tower = create_tower(name, None, RANK, CPU)
    embedded = tower.embed(['fog', 'a road scene degraded by heavy rain streaks'])
    assert embedded.shape == (2, 64) and embedded.requires_grad
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(2))


def test_towers_of_another_kind_get_adapters_on_their_linear_layers(tmp_path: Path):
    config = {
        'embed_dim': 32,
        'vision_cfg': {'image_size': 32, 'layers': [1, 1, 1, 1], 'width': 8, 'patch_size': None},
        'text_cfg': {'context_length': 77, 'vocab_size': 49408, 'width': 16, 'heads': 1,
                     'layers': 1}}
    (tmp_path / 'degfuse-test-resnet.json').write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path)
    model = open_clip.create_model('degfuse-test-resnet', load_weights=False)
    torch.save(model.state_dict(), tmp_path / 'clip.pt')
    tower = create_tower('degfuse-test-resnet', str(tmp_path / 'clip.pt'), RANK, CPU)
    assert tower.sizes == {'open_clip': 'degfuse-test-resnet', 'image_size': 32, 'embed_dim': 32}
    names = [name for name, weight in tower.visual.named_parameters() if weight.requires_grad]
    assert names and all('lora_' in name for name in names)
    stored = model.visual(images(32)).detach()
    with torch.no_grad():
        for name, weight in tower.visual.named_parameters():
            if 'lora_up' in name and 'attnpool.v_proj' in name:
                weight.fill_(1.0)
    # PyTorch reads the matrices of this attention pool without calling its layers.
    assert (tower.visual(images(32)) - stored).abs().max() > 1e-3
    model.visual.load_state_dict(tower.plain_state())


@pytest.mark.parametrize(('wrong', 'checkpoint', 'said'), [
    ('ViT-B-23', None, 'ViT-B-23'), ('', None, "''"), (TINY_TOWER, 'no/file.pt', 'no/file.pt'),
    # OpenCLIP would download these.
    (TINY_TOWER, 'openai', 'openai'), ('ViT-B-32', 'laion2b_s34b_b79k', 'laion2b_s34b_b79k')])
def test_what_is_not_there_is_named_in_one_line(wrong: str, checkpoint: str | None, said: str):
    with pytest.raises(ConfigError) as caught:
        create_tower(wrong, checkpoint, RANK, CPU)
    assert said in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize('content', [b'no weights', b'', None])
def test_a_checkpoint_that_does_not_fit_is_named_in_one_line(name: str, tmp_path: Path,
                                                             content: bytes | None):
    path = tmp_path / 'wrong.pt'
    if content is None:
        torch.save({'visual.conv1.weight': torch.zeros(3)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        create_tower(name, str(path), RANK, CPU)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)
