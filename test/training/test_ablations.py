# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The ablations: each trains, is saved, runs in the engine, and leaves out what it says."""

import csv
import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from training_pairs import street, write_pairs

from degfuse_ros.engine import Fusion, FusionEngine
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.model_file import ModelFile, ModelFileError, load_model, save_model
from degfuse_ros.training import fusion
from degfuse_ros.training.config import ConfigError, FusionConfig, load_config

SHIPPED = Path(__file__).resolve().parents[2] / 'config' / 'train'
LINES = [line.split() for line in (SHIPPED / 'ablations.txt').read_text().splitlines()
         if not line.startswith('#')]
ABLATIONS = {line[0]: line[1:] for line in LINES}
SMALL = ModelConfig(
    widths=(8, 8, 16), hidden=(6, 6, 8), guidance_dim=32,
    tower={'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
           'mlp_ratio': 2.0, 'embed_dim': 16})
PKDM_TERMS = {'prior', 'smoothness', 'exposure', 'colour', 'spatial'}


class Trained(NamedTuple):
    """One ablation's weight file, the columns of its log, and two pictures that it fused."""

    file: ModelFile
    columns: set[str]
    day: Fusion
    night: Fusion


def settings(folder: Path, name: str, *overrides: str) -> FusionConfig:
    """Settings of a short run of an ablation on the data and guidance in a folder."""
    return load_config(FusionConfig, SHIPPED / 'fusion.yaml', [
        f'data={folder}', f'guidance={folder}/guidance.safetensors',
        f'out={folder}/{name}.safetensors', 'device=cpu', 'size=[64, 64]', 'steps=4', 'batch=4',
        'real=2', 'warmup=1', 'ema=0.5', 'learning_rate=5e-3', 'log_every=2', 'tensorboard=false',
        *ABLATIONS[name],
        *overrides])


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up pairs and a guidance with random weights."""
    folder = tmp_path_factory.mktemp('ablations')
    write_pairs(folder, [('made', split, name) for split, name in (
        ('train', 'clean'), ('train', 'clean'), ('train', 'low_light'),
        ('train', 'overexposed'), ('val', 'clean'))])
    torch.manual_seed(3)
    guidance = DegradationGuidance(SMALL)
    guidance.sentences.normal_()
    guidance.sentence_class.copy_(torch.arange(13) % 5)
    save_model(folder / 'guidance.safetensors', SMALL, guidance.state_dict(), {}, {})
    return folder


@pytest.fixture(scope='module')
def trained(folder: Path) -> dict[str, Trained]:
    """Every ablation after a few steps, and what the engine makes of a day and a night."""
    visible, thermal = street(20)
    result = {}
    for name in ABLATIONS:
        config = settings(folder, name)
        fusion.train_fusion(config)
        engine = FusionEngine.load(config.out, 'cpu')
        with Path(config.out).with_suffix('.csv').open(newline='') as file:
            columns = set(next(csv.reader(file)))
        result[name] = Trained(
            load_model(Path(config.out)), columns, engine.fuse(visible, thermal),
            engine.fuse(visible // 8, thermal[::-1]))
    return result


def test_the_first_is_what_is_shipped_and_every_other_differs_from_it(folder: Path):
    assert list(ABLATIONS)[0] == 'base' and not ABLATIONS['base']
    configs = [dataclasses.replace(settings(folder, name), out='') for name in ABLATIONS]
    assert all(one != other for index, one in enumerate(configs) for other in configs[:index])


@pytest.mark.parametrize('name', ABLATIONS)
def test_the_engine_runs_it_and_says_what_it_sees(trained: dict[str, Trained], name: str):
    experts = len(trained[name].file.config.kernels)
    for result in (trained[name].day, trained[name].night):
        assert result.image.shape == (72, 96, 3) and result.image.std() > 3
        assert result.routing.shape == (8, experts)
        np.testing.assert_allclose(result.routing.sum(1), 1, atol=1e-6)
    day, night = trained[name].day.degradation, trained[name].night.degradation
    assert day.scores != night.scores and day.severity != night.severity


@pytest.mark.parametrize('name, active', [
    ('base', 2), ('no_pkdm', 2), ('constant', 2), ('enhanced', 2), ('one_expert', 1),
    ('all_experts', 8), ('dense', 1)])
def test_as_many_experts_work_as_it_says(trained: dict[str, Trained], name: str, active: int):
    assert ((trained[name].day.routing > 0).sum(1) == active).all()
    assert trained[name].file.config.active == active


def test_a_dense_layer_has_one_square_expert_of_twice_the_channels(trained: dict[str, Trained]):
    base, dense = trained['base'].file.part('fusion'), trained['dense'].file.part('fusion')
    first = 'visible_encoder.levels.0.experts.'
    assert base[f'{first}6.shape.weight'].shape == (6, 8, 3, 3)
    assert {name for name in dense if name.startswith(first)} == {
        f'{first}0.{part}' for part in ('shape.weight', 'shape.bias', 'back.weight', 'back.bias')}
    assert dense[f'{first}0.shape.weight'].shape == (12, 8, 3, 3)
    assert (trained['dense'].day.routing == 1).all()


def test_without_pkdm_neither_its_weights_nor_its_losses_exist(trained: dict[str, Trained]):
    with_it, without = trained['base'], trained['no_pkdm']
    missing = set(with_it.file.tensors) - set(without.file.tensors)
    assert missing == {name for name in with_it.file.tensors
                       if name.startswith('fusion.enhancement.')} != set()
    assert with_it.columns - without.columns == PKDM_TERMS


@pytest.mark.parametrize('name, alike', [
    ('base', False), ('no_pkdm', False), ('enhanced', False), ('all_experts', False),
    ('constant', True), ('dense', True)])
def test_only_without_guidance_or_a_choice_are_all_routed_alike(trained: dict[str, Trained],
                                                                name: str, alike: bool):
    day, night = trained[name].day.routing, trained[name].night.routing
    assert np.array_equal(day, night) == alike


def test_no_gradient_reaches_the_guidance_of_a_constant(folder: Path,
                                                        trained: dict[str, Trained]):
    before = load_model(folder / 'guidance.safetensors').part('guidance.mlp')
    after = {name: trained[name].file.part('guidance.mlp') for name in ('base', 'constant')}
    assert all(torch.equal(before[name], after['constant'][name]) for name in before)
    assert not any(torch.equal(before[name], after['base'][name]) for name in before)


def test_a_constant_is_not_asked_to_balance_its_experts(folder: Path):
    def auxiliary(name: str) -> float:
        """L_aux of the network before its first step."""
        fusion.train_fusion(settings(
            folder, name, 'steps=1', 'log_every=1', f'out={folder}/x.safetensors'))
        with (folder / 'x.csv').open(newline='') as file:
            return float(next(csv.DictReader(file))['auxiliary'])
    # L_mi lies between -3 ln 2 and 0; L_load adds eleven sums of squares.
    assert auxiliary('constant') <= 0 < auxiliary('base')


def test_the_guidance_of_enhanced_images_reads_what_pkdm_makes(
        folder: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[torch.Tensor] = []
    read = DegradationGuidance.encode

    def record(self: Any, visible: torch.Tensor, thermal: torch.Tensor) -> Any:
        if len(visible) > 1:  # a batch, not a picture to judge by
            seen.append(visible.detach().clone())
        return read(self, visible, thermal)
    monkeypatch.setattr(DegradationGuidance, 'encode', record)
    for name in ('base', 'enhanced'):
        fusion.train_fusion(settings(
            folder, name, 'learning_rate=0.02', f'out={folder}/y.safetensors'))
    steps = len(seen) // 2
    raw, enhanced = seen[:steps], seen[steps:]
    # PKDM starts as the identity, up to rounding, and leaves it with the first steps.
    torch.testing.assert_close(raw[0], enhanced[0], atol=1e-5, rtol=0)
    assert (raw[-1] - enhanced[-1]).abs().max() > 0.01


@pytest.mark.parametrize('name', [name for name in ABLATIONS if name != 'base'])
def test_no_run_goes_on_from_another_structure(folder: Path, trained: dict[str, Trained],
                                               name: str):
    start = f'{folder}/base.safetensors'
    with pytest.raises(ModelFileError, match='another start') as caught:
        fusion.train_fusion(settings(
            folder, name, f'start={start}', f'out={folder}/z.safetensors'))
    assert start in str(caught.value) and '\n' not in str(caught.value)


def test_more_experts_than_there_are_is_refused_in_one_line(folder: Path):
    with pytest.raises(ConfigError, match=r'active must lie in 1\.\.8.*Got 9') as caught:
        fusion.train_fusion(settings(folder, 'base', 'active=9', f'out={folder}/z.safetensors'))
    assert '\n' not in str(caught.value)
