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
from degfuse_ros.network.config import ModelConfig, structure
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.image_math import luma
from degfuse_ros.network.losses import pixel_loss
from degfuse_ros.network.model_file import ModelFile, ModelFileError, load_model, save_model
from degfuse_ros.training import fusion
from degfuse_ros.training.config import ConfigError, FusionConfig, GuidanceConfig
from degfuse_ros.training.dataset import DataError
from degfuse_ros.training.fusion_sampler import FusionBatch
from degfuse_ros.training.guidance import train_guidance
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.schedule import Randomness
from degfuse_ros.training.stop import TrainingStopped

STEPS = 15
ALONE = Parallel(0, 1, torch.device('cpu'))
ROWS = [*[('made', 'train', name) for name in (
    'clean', 'clean', 'unknown', 'clean', 'low_light', 'low_light', 'overexposed')],
    *[('made', 'val', 'clean')] * 2]
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
        ema=0.5, device='cpu', log_every=2, save_every=100, tensorboard=False)


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
    stage = fusion.FusionStage(
        dataclasses.replace(config, batch=20, real=4, start=config.out), ALONE)
    stage.module.network.eval()
    randomness = Randomness(99, 0, ALONE.device)
    randomness.begin(0)
    with torch.no_grad():
        terms = stage.module(stage.draw(0, randomness))
    return {name: value.item() for name, value in terms.items()}


def test_both_stages_give_a_model_that_the_engine_fuses_with(data: Path, tmp_path: Path):
    # Layers, channels and experts of lite; only the tower is smaller.
    guidance = tmp_path / 'guidance.safetensors'
    train_guidance(GuidanceConfig(
        data=str(data), out=str(guidance), clip_name=register_tower(tmp_path), model='lite',
        size=(64, 64), steps=2, batch=4, device='cpu', log_every=1, tensorboard=False))
    out = tmp_path / 'base.safetensors'
    config = FusionConfig(
        data=str(data), guidance=str(guidance), out=str(out), size=(64, 64), steps=STEPS, batch=6,
        real=1, learning_rate=2e-3, warmup=3, ema=0.5, device='cpu', seed=1, log_every=5,
        tensorboard=False)
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


def test_the_saved_weights_are_a_moving_average(config: FusionConfig, tmp_path: Path):
    def weights(name: str, **changes: Any) -> Tensor:
        file, _ = train(config, out=str(tmp_path / f'{name}.safetensors'), warmup=9, **changes)
        return file.tensors['fusion.gate.weight'].float()
    start = weights('start', steps=1, learning_rate=0.0)
    first, newest = (weights(f'newest{steps}', steps=steps, ema=0.0) for steps in (1, 2))
    # Decays of the first two updates: 1/10 and 2/11. The course does not depend on `steps`, since
    # all of it lies in the warm-up.
    average = 0.1 * start + 0.9 * first
    expected = (2 * average + 9 * newest) / 11
    found = weights('average', steps=2, ema=0.9)
    # Half precision: three digits of weights of 0.02.
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    assert not torch.equal(found, newest)


def test_a_break_leaves_no_trace(config: FusionConfig, tmp_path: Path):
    whole, expected = train(config, out=str(tmp_path / 'whole.safetensors'), steps=5)
    broken = dataclasses.replace(config, out=str(tmp_path / 'broken.safetensors'), steps=5)
    for done in (1, 2):
        with pytest.raises(TrainingStopped, match=f'after step {done} of 5'):
            fusion.train_fusion(dataclasses.replace(broken, minutes=1e-9, resume=done > 1))
    resumed, rows = train(broken, resume=True)
    assert resumed.sha256 == whole.sha256
    for row in (*rows, *expected):
        row.pop('seconds')
    assert rows == expected and [row['step'] for row in rows] == [2, 4, 5]


def test_other_guidance_under_the_same_name_is_no_way_to_go_on(config: FusionConfig,
                                                               tmp_path: Path):
    path = tmp_path / 'guidance.safetensors'
    path.write_bytes(Path(config.guidance).read_bytes())
    own = dataclasses.replace(config, guidance=str(path), out=str(tmp_path / 'out.safetensors'))
    with pytest.raises(TrainingStopped):
        fusion.train_fusion(dataclasses.replace(own, minutes=1e-9))
    other = DegradationGuidance(SMALL)
    save_model(path, SMALL, other.state_dict(), {}, {})
    with pytest.raises(ConfigError, match='content of guidance'):
        fusion.train_fusion(dataclasses.replace(own, resume=True))


def test_a_teacher_is_learnt_from(config: FusionConfig, tmp_path: Path):
    teacher = str(tmp_path / 'teacher.safetensors')
    before, _ = train(config, out=teacher)
    after, rows = train(config, out=str(tmp_path / 'out.safetensors'), teacher=teacher, seed=8)
    assert rows[0]['distillation'] > 0
    without, rows = train(config, out=str(tmp_path / 'alone.safetensors'), seed=8)
    assert 'distillation' not in rows[0] and without.sha256 != after.sha256
    assert load_model(Path(teacher)).sha256 == before.sha256


def test_a_named_model_behind_the_tower_of_the_file(config: FusionConfig, tmp_path: Path):
    file, _ = train(config, out=str(tmp_path / 'out.safetensors'), model='lite', steps=1)
    lite = structure('lite')
    assert (file.config.widths, file.config.hidden) == (lite.widths, lite.hidden)
    assert file.config.tower == TOWER and file.config.guidance_dim == SMALL.guidance_dim


def test_losses_are_float32_where_the_network_is_not(config: FusionConfig, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch):
    exact, rows = train(config, out=str(tmp_path / 'exact.safetensors'))
    kinds = set()

    def half(device: torch.device, precision: str) -> torch.autocast:
        return torch.autocast('cpu', torch.bfloat16)

    def record(outputs: fusion.Outputs, *arguments: Any) -> dict[str, Tensor]:
        assert not torch.is_autocast_enabled('cpu')
        for value in (outputs.visible, outputs.curves, outputs.luma, outputs.clean_visible,
                      outputs.decisions[0].gates):
            assert value is not None
            kinds.add(value.dtype)
        terms = losses_of_outputs(outputs, *arguments)
        kinds.update(term.dtype for term in terms.values())
        return terms
    losses_of_outputs = fusion._losses
    monkeypatch.setattr(fusion, 'autocast', half)
    monkeypatch.setattr(fusion, '_losses', record)
    rough, rough_rows = train(config, out=str(tmp_path / 'rough.safetensors'))
    assert kinds == {torch.float32} and rough.sha256 != exact.sha256
    # The same course to bf16's two digits.
    for one, two in zip(rows, rough_rows):
        assert two['loss'] == pytest.approx(one['loss'], rel=0.05)


def perturbed_network() -> FusionNetwork:
    """A network in evaluation mode (no noise) whose every stage does something."""
    torch.manual_seed(0)
    network = FusionNetwork(SMALL).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.03 * torch.randn_like(weight))
    return network


def night_batch(real: int, nights: int | None = None) -> Any:
    """Two pictures, the first `real` of them without a clean original, of night unless said."""
    pairs = [street(seed, 64, 64) for seed in (1, 2)]
    visible = torch.stack([torch.from_numpy(each).permute(2, 0, 1) / 255 for each, _ in pairs])
    thermal = torch.stack([torch.from_numpy(each)[None] / 255 for _, each in pairs])
    dark = 0.3 * visible
    return FusionBatch(dark, 0.2 * thermal, dark if real == 2 else visible, 0.2 * thermal,
                       torch.zeros(2), real, nights=real if nights is None else nights)


def losses(network: FusionNetwork, batch: FusionBatch) -> dict[str, Tensor]:
    """Loss terms, with the guidance's random weights."""
    torch.manual_seed(1)
    config = FusionConfig(data='', guidance='', out='')
    trainee = fusion._Trainee(config, DegradationGuidance(SMALL).eval(), network, None)
    return trainee(batch)


def prior_gradients(network: FusionNetwork, loss: Tensor) -> list[Tensor]:
    network.zero_grad()
    loss.backward()
    return [torch.zeros_like(weight) if weight.grad is None else weight.grad.clone()
            for weight in network.get_submodule('enhancement').parameters()]


def test_targets_of_real_night_pictures_are_not_pulled():
    network, batch = perturbed_network(), night_batch(real=1)
    pixel = losses(network, batch)['pixel']
    found = prior_gradients(network, pixel)

    def pixel_by_hand(teacher: FusionNetwork) -> Tensor:
        """The loss with the first picture's target from PKDM of the teacher."""
        torch.manual_seed(1)
        guidance = DegradationGuidance(SMALL).eval()
        with torch.no_grad():
            f_visible, f_thermal = guidance.encode(batch.visible, batch.thermal)
        fused, _ = network.fuse(network.enhance(batch.visible, batch.thermal),
                                network.route(guidance.mlp(f_visible * f_thermal)))
        target = teacher.enhance(batch.visible, batch.thermal).visible[:1]
        target = torch.cat((target, batch.clean_visible[1:]))
        return pixel_loss(fused.luma, luma(target), batch.clean_thermal)

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
    terms = losses(network, batch)
    enhanced = network.enhance(batch.visible, batch.thermal)
    expected = (enhanced.visible - batch.clean_visible).abs().mean()
    torch.testing.assert_close(terms['prior'], expected)
    assert 'exposure' not in terms


@pytest.mark.parametrize(('name', 'nights'), [
    ('exposure', 1), ('colour', 0), ('spatial', 0), ('prior', 1), ('smoothness', 1)])
def test_what_pkdm_answers_for_trains_pkdm_alone(name: str, nights: int):
    network, batch = perturbed_network(), night_batch(real=1, nights=nights)
    terms = losses(network, batch)
    network.zero_grad()
    terms[name].backward()
    touched = {each for each, weight in network.named_parameters()
               if weight.grad is not None and weight.grad.any()}
    assert touched and all(each.startswith('enhancement.') for each in touched)


def test_data_without_clean_pairs_are_refused(config: FusionConfig, tmp_path: Path):
    write_pairs(tmp_path, [('made', split, 'low_light') for split in ('train', 'val')])
    with pytest.raises(DataError, match='clean or unknown'):
        fusion.train_fusion(dataclasses.replace(config, data=str(tmp_path)))


def test_data_without_night_pictures_will_do(config: FusionConfig, tmp_path: Path):
    write_pairs(tmp_path, [('made', split, 'clean') for split in ('train', 'train', 'val')])
    _, rows = train(config, data=str(tmp_path), out=str(tmp_path / 'out.safetensors'))
    assert 'exposure' not in rows[0]


def test_excluded_sources_neither_train_nor_judge(config: FusionConfig, tmp_path: Path):
    write_pairs(tmp_path, [('mine', 'train', 'clean'), ('theirs', 'train', 'clean'),
                           ('theirs', 'val', 'clean')])
    own = dataclasses.replace(config, data=str(tmp_path), exclude_sources=('theirs',))
    with pytest.raises(DataError, match='leaves out: theirs'):
        fusion.FusionStage(own, ALONE)
    stage = fusion.FusionStage(dataclasses.replace(own, validation_split='train'), ALONE)
    assert stage.found.startswith('1 pairs') and 'mine' in stage.found


@pytest.mark.parametrize('setting', ['guidance', 'start', 'teacher'])
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
