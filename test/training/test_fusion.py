# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stage 2: whole small runs on a CPU, what they leave alone, and where gradients go."""

import copy
import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from training_pairs import register_tower, street, write_pairs

from degfuse_ros.engine import FusionEngine
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.image_math import luma
from degfuse_ros.network.model_file import ModelFile, ModelFileError, load_model, save_model
from degfuse_ros.training import fusion
from degfuse_ros.training.config import FusionConfig, GuidanceConfig
from degfuse_ros.training.dataset import DataError, load_pairs
from degfuse_ros.training.guidance import train_guidance

STEPS = 30
ROWS = [('made', 'train', name) for name in (
    'clean', 'clean', 'unknown', 'clean', 'low_light', 'low_light', 'fog')]
TOWER: dict[str, Any] = {'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
                         'mlp_ratio': 2.0, 'embed_dim': 16}
SMALL = ModelConfig(widths=(8, 8, 16), hidden=(8, 8, 8), guidance_dim=32, tower=TOWER)


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp('pairs'), ROWS)


@pytest.fixture(scope='module')
def config(data: Path, tmp_path_factory: pytest.TempPathFactory) -> FusionConfig:
    """Short runs of a small network; the guidance's weights are random."""
    folder = tmp_path_factory.mktemp('run')
    torch.manual_seed(3)
    guidance = DegradationGuidance(SMALL)
    guidance.sentences.normal_()
    save_model(folder / 'guidance.safetensors', SMALL, guidance.state_dict(), {}, {})
    return FusionConfig(
        data=str(data), guidance=str(folder / 'guidance.safetensors'),
        out=str(folder / 'small.safetensors'), size=(64, 64), steps=4, batch=4, real=1, warmup=1,
        ema=0.5, device='cpu', log_every=2, save_every=100)


def train(config: FusionConfig, **changes: Any) -> tuple[ModelFile, list[dict[str, float]]]:
    """Run stage 2; return the weight file and the log's rows."""
    config = dataclasses.replace(config, **changes)
    result = fusion.train_fusion(config)
    with Path(config.out).with_suffix('.csv').open(newline='') as file:
        rows = [{name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file)]
    assert result['loss'] == pytest.approx(rows[-1]['loss'], abs=1e-5)
    return load_model(Path(config.out)), rows


def losses_of_a_file(config: FusionConfig) -> dict[str, float]:
    """Loss terms of the weights in `out`, without noise, on a batch that is always the same.

    The log's own rows are means over other batches each, and differ by more than they fall.
    """
    cpu = torch.device('cpu')
    sampler = fusion._Sampler(load_pairs(Path(config.data), 'train'),
                              dataclasses.replace(config, batch=40, real=8, seed=99), cpu)
    guidance, trainee = fusion._load_trainee(dataclasses.replace(config, start=config.out), cpu)
    trainee.eval()
    batch = sampler.draw()
    with torch.no_grad():
        terms = fusion._step_losses(config, guidance, trainee, batch)
    return {name: value.item() for name, value in terms.items()}


def test_both_stages_give_a_model_that_the_engine_fuses_with(data: Path, tmp_path: Path):
    # Layers, channels and experts as shipped; only the tower is small.
    guidance = tmp_path / 'guidance.safetensors'
    train_guidance(GuidanceConfig(
        data=str(data), out=str(guidance), clip_name=register_tower(tmp_path), size=(64, 64),
        steps=2, batch=4, validation_split='train', device='cpu', log_every=1))
    out = tmp_path / 'base.safetensors'
    config = FusionConfig(
        data=str(data), guidance=str(guidance), out=str(out), size=(64, 64), steps=STEPS, batch=6,
        real=1, learning_rate=2e-3, warmup=3, ema=0.5, device='cpu', seed=1, log_every=5)
    train(config, steps=1, log_every=1, learning_rate=0.0)
    before = losses_of_a_file(config)
    file, rows = train(config)
    assert len(rows) == STEPS // 5
    after = losses_of_a_file(config)
    # Each falls by a fifth; other seeds give a tenth to a quarter.
    assert all(after[name] < 0.93 * before[name] for name in ('pixel', 'reconstruction', 'prior'))
    visible, thermal = street(20)
    engine = FusionEngine.load(str(out), 'cpu')
    assert engine.model_hash == file.sha256
    fused = engine.fuse(visible, thermal)
    assert fused.image.shape == visible.shape
    assert fused.image.std() > 10
    assert ((fused.routing > 0).sum(1) == 2).all()


def test_what_stage_1_has_trained_stays_as_it_is(config: FusionConfig, tmp_path: Path):
    file, _ = train(config, out=str(tmp_path / 'out.safetensors'))
    before = load_model(Path(config.guidance)).part('guidance')
    after = file.part('guidance')
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith('mlp.')}


def test_every_part_of_the_network_learns(config: FusionConfig, tmp_path: Path):
    first, _ = train(config, out=str(tmp_path / 'a.safetensors'), learning_rate=0.0)
    after, _ = train(config, out=str(tmp_path / 'b.safetensors'), learning_rate=5e-3, steps=16)
    before, trained = first.part('fusion'), after.part('fusion')
    still = {name for name in before if torch.equal(before[name], trained[name])}
    # An expert that no picture has chosen learns nothing yet.
    assert not {name for name in still if '.experts.' not in name}
    experts = {name for name in before if '.experts.' in name}
    assert len(still) < 0.25 * len(experts)


def test_a_seed_repeats_the_weights(config: FusionConfig, tmp_path: Path):
    hashes = [train(config, out=str(tmp_path / f'{name}.safetensors'), seed=seed)[0].sha256
              for name, seed in (('a', 1), ('b', 1), ('c', 2))]
    assert hashes[0] == hashes[1] != hashes[2]


def test_start_goes_on_from_a_file(config: FusionConfig, tmp_path: Path):
    start, _ = train(config, out=str(tmp_path / 'start.safetensors'), seed=1)
    # At a learning rate of 0 a run ends where it started, whatever its seed.
    same, _ = train(config, out=str(tmp_path / 'same.safetensors'), seed=9, learning_rate=0.0,
                    start=str(tmp_path / 'start.safetensors'))
    assert set(same.tensors) == set(start.tensors)
    # Tensors, not hashes: averaging may turn -0 into 0.
    assert all(torch.equal(start.tensors[name], tensor) for name, tensor in same.tensors.items())
    fresh, _ = train(config, out=str(tmp_path / 'fresh.safetensors'), seed=9, learning_rate=0.0)
    assert not torch.equal(fresh.tensors['fusion.gate.weight'],
                           start.tensors['fusion.gate.weight'])


def test_a_finishing_run_changes_the_curve_stage_alone(config: FusionConfig, tmp_path: Path):
    path = tmp_path / 'start.safetensors'
    start, _ = train(config, out=str(path))
    after, rows = train(config, out=str(tmp_path / 'out.safetensors'), start=str(path), seed=7,
                        curve_only=True, learning_rate=5e-3)
    changed = {name for name, tensor in after.tensors.items()
               if not torch.equal(tensor, start.tensors[name])}
    curve = {name for name in start.tensors if name.startswith('fusion.enhancement.curve.')}
    assert changed == curve
    assert {'prior', 'smoothness', 'exposure'} < set(rows[0]) and 'pixel' not in rows[0]


def test_the_saved_weights_are_a_moving_average(config: FusionConfig, tmp_path: Path):
    # The first step's weights count fully; with a decay of 1 none is ever added.
    first, _ = train(config, out=str(tmp_path / 'a.safetensors'), steps=1, log_every=1, warmup=9)
    frozen, _ = train(config, out=str(tmp_path / 'b.safetensors'), steps=4, warmup=9, ema=1.0)
    newest, _ = train(config, out=str(tmp_path / 'c.safetensors'), steps=4, warmup=9, ema=0.0)
    assert first.sha256 == frozen.sha256 != newest.sha256


def test_weights_are_saved_on_the_way(config: FusionConfig, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch):
    steps = []

    def record(path: Path, model: ModelConfig, guidance: Any, network: Any,
               notes: dict[str, str]) -> str:
        steps.append(notes['steps'])
        return save_model(path, model, guidance, network, notes)
    monkeypatch.setattr(fusion, 'save_model', record)
    train(config, out=str(tmp_path / 'out.safetensors'), steps=5, save_every=2)
    assert steps == ['2', '4', '5']


def perturbed_network() -> FusionNetwork:
    """A network in evaluation mode (no noise) whose every stage does something."""
    torch.manual_seed(0)
    network = FusionNetwork(SMALL).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.03 * torch.randn_like(weight))
    return network


def night_batch(real: int) -> Any:
    """Two pictures, the first `real` of them without a clean original."""
    pairs = [street(seed, 64, 64) for seed in (1, 2)]
    visible = torch.stack([torch.from_numpy(each).permute(2, 0, 1) / 255 for each, _ in pairs])
    thermal = torch.stack([torch.from_numpy(each)[None] / 255 for _, each in pairs])
    dark = 0.3 * visible
    return fusion._Batch(dark, 0.2 * thermal, dark if real == 2 else visible, 0.2 * thermal, real)


def prior_gradients(network: FusionNetwork, loss: Tensor) -> list[Tensor]:
    network.zero_grad()
    loss.backward()
    return [torch.zeros_like(weight) if weight.grad is None else weight.grad.clone()
            for weight in network.get_submodule('enhancement').parameters()]


def test_targets_of_real_night_pictures_are_not_pulled():
    network, batch = perturbed_network(), night_batch(real=1)
    vector = torch.randn(2, SMALL.guidance_dim, generator=torch.Generator().manual_seed(1))
    enhanced = network.enhance(batch.visible, batch.thermal)
    pixel = fusion._losses(network, vector, batch, enhanced)['pixel']
    found = prior_gradients(network, pixel)

    def pixel_by_hand(teacher: FusionNetwork) -> Tensor:
        """Equation 16 with the first picture's target from PKDM of the teacher."""
        fused, _ = network.fuse(network.enhance(batch.visible, batch.thermal),
                                network.route(vector))
        target = teacher.enhance(batch.visible, batch.thermal).visible[:1]
        target = torch.cat((target, batch.clean_visible[1:]))
        return (fused.luma - torch.maximum(luma(target), batch.clean_thermal)).abs().mean()

    # A copy has no share in the network's gradients: as if the target were a given picture.
    by_hand = pixel_by_hand(copy.deepcopy(network))
    torch.testing.assert_close(pixel, by_hand)
    given = prior_gradients(network, by_hand)
    pulled = prior_gradients(network, pixel_by_hand(network))
    for each, expected in zip(found, given):
        torch.testing.assert_close(each, expected, rtol=1e-4, atol=1e-7)
    assert any((one - two).abs().max() > 1e-4 for one, two in zip(given, pulled))


def test_clean_originals_are_the_targets_where_there_are_some():
    network, batch = perturbed_network(), night_batch(real=0)
    vector = torch.zeros(2, SMALL.guidance_dim)
    enhanced = network.enhance(batch.visible, batch.thermal)
    terms = fusion._losses(network, vector, batch, enhanced)
    expected = (enhanced.visible - batch.clean_visible).abs().mean()
    torch.testing.assert_close(terms['prior'], expected)
    assert 'exposure' not in terms


def test_exposure_trains_the_curve_stage_alone():
    network, batch = perturbed_network(), night_batch(real=1)
    enhanced = network.enhance(batch.visible, batch.thermal)
    terms = fusion._losses(network, torch.zeros(2, SMALL.guidance_dim), batch, enhanced)
    network.zero_grad()
    terms['exposure'].backward()
    touched = {name for name, weight in network.named_parameters()
               if weight.grad is not None and weight.grad.any()}
    assert touched and all(name.startswith('enhancement.curve') for name in touched)


def test_batches_mix_real_nights_clean_and_degraded_pictures(config: FusionConfig, data: Path):
    large = dataclasses.replace(config, batch=200, real=40, clean_share=0.3)
    batch = fusion._Sampler(load_pairs(data, 'train'), large, torch.device('cpu')).draw()
    assert batch.real == 40 and batch.visible.shape == (200, 3, 64, 64)
    same = (batch.visible == batch.clean_visible).flatten(1).all(1)
    assert same[:40].all()  # a night is degraded already
    assert 0.15 < same[40:].float().mean() < 0.45  # 0.3 with a deviation of 0.04
    # A night is a tenth as bright as the others' originals.
    assert batch.clean_visible[:40].mean((1, 2, 3)).max() < 0.1
    assert batch.clean_visible[40:].mean((1, 2, 3)).min() > 0.1
    warm = (batch.thermal == batch.clean_thermal).flatten(1).all(1)
    assert 0.35 < warm.float().mean() < 0.65


def test_data_without_clean_pairs_are_refused(config: FusionConfig, tmp_path: Path):
    write_pairs(tmp_path, [('made', 'train', 'low_light')])
    with pytest.raises(DataError, match='clean or unknown'):
        fusion.train_fusion(dataclasses.replace(config, data=str(tmp_path)))


def test_data_without_night_pictures_will_do(config: FusionConfig, tmp_path: Path):
    write_pairs(tmp_path, [('made', 'train', 'clean')] * 2)
    _, rows = train(config, data=str(tmp_path), out=str(tmp_path / 'out.safetensors'))
    assert 'exposure' not in rows[0]


@pytest.mark.parametrize('setting', ['guidance', 'start'])
def test_a_weight_file_that_is_not_there_is_named(config: FusionConfig, tmp_path: Path,
                                                  setting: str):
    path = str(tmp_path / 'none.safetensors')
    changed = dataclasses.replace(config)
    setattr(changed, setting, path)
    with pytest.raises(ModelFileError, match=path):
        fusion.train_fusion(changed)


def test_a_start_of_another_structure_is_named_in_one_line(config: FusionConfig):
    with pytest.raises(ModelFileError) as caught:
        fusion.train_fusion(dataclasses.replace(config, start=config.guidance))
    assert config.guidance in str(caught.value) and '\n' not in str(caught.value)
