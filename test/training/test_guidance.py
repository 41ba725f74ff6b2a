# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: its objective against OpenCLIP's, and whole small runs on a CPU."""

import csv
import dataclasses
import shutil
from pathlib import Path
from typing import Any

import cv2
import open_clip
import pytest
import torch
from open_clip import ClipLoss
from training_pairs import register_tower, write_pairs

from degfuse_ros.network.config import CLASSES, DEGRADATIONS, structure
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.model_file import ModelFile, load_model
from degfuse_ros.training.config import ConfigError, GuidanceConfig
from degfuse_ros.training.dataset import DataError, load_pairs
from degfuse_ros.training.grid import HEADER
from degfuse_ros.training.guidance import contrastive_loss, train_guidance, validate
from degfuse_ros.training.open_clip_tower import create_tower
from degfuse_ros.training.sentences import (
    VISIBLE_GROUPS,
    group_classes,
    sentence_groups,
)
from degfuse_ros.training.stop import TrainingStopped

STEPS = 60
ROWS = [*[('made', 'train', name) for name in (
    'clean', 'clean', 'unknown', 'clean', 'unknown', 'clean', 'low_light', 'low_light')],
    ('made', 'val', 'clean'), ('made', 'val', 'unknown'), ('made', 'val', 'low_light')]


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(values, dim=-1)


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp('pairs'), ROWS)


@pytest.fixture(scope='module')
def config(data: Path, tmp_path_factory: pytest.TempPathFactory) -> GuidanceConfig:
    """A run of seconds: small pictures, and a tower of 64 pixels."""
    name = register_tower(tmp_path_factory.mktemp('tower'))
    return GuidanceConfig(
        data=str(data), out=str(tmp_path_factory.mktemp('run') / 'guidance.safetensors'),
        clip_name=name, size=(64, 96), steps=STEPS, batch=20, learning_rate=2e-3, warmup=5,
        ema=0.8, device='cpu', log_every=10, tensorboard=False)


@dataclasses.dataclass
class Run:
    """What one training run left."""

    result: dict[str, float]
    file: ModelFile
    rows: list[dict[str, float]]

    def guidance(self) -> DegradationGuidance:
        network = DegradationGuidance(self.file.config)
        network.load_state_dict(self.file.part('guidance'))
        return network.eval()


def train(config: GuidanceConfig, **changes: Any) -> Run:
    config = dataclasses.replace(config, **changes)
    result = train_guidance(config)
    with Path(config.out).with_suffix('.csv').open(newline='') as file:
        rows = [{name: float(value) for name, value in row.items()}
                for row in csv.DictReader(file)]
    return Run(result, load_model(Path(config.out)), rows)


@pytest.fixture(scope='module')
def run(config: GuidanceConfig) -> Run:
    return train(config)


@pytest.mark.parametrize('scale', [1.0, 14.3, 100.0])
def test_loss_is_openclips_where_every_image_has_its_own_sentence(scale: float):
    images, sentences = unit(7, 32), unit(7, 32, seed=1)
    expected = ClipLoss()(images, sentences, scale)
    logits = scale * images @ sentences.T
    torch.testing.assert_close(contrastive_loss(logits, torch.arange(7)), expected)
    # Sentences in another order, the groups with them.
    order = torch.randperm(7, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(contrastive_loss(logits[:, order], order.argsort()), expected)


def test_loss_where_images_share_sentences_and_one_sentence_has_none():
    groups = torch.tensor([0, 0, 2, 2, 2, 3])
    logits = 5 * unit(6, 16) @ unit(4, 16, seed=1).T
    table = logits.double().exp()
    by_image = -sum((table[i, g] / table[i].sum()).log() for i, g in enumerate(groups)) / 6
    by_sentence = -sum(  # each sentence's images have equal shares of its one vote
        (table[groups == g, g] / table[:, g].sum()).log().mean() for g in (0, 2, 3)) / 3
    torch.testing.assert_close(contrastive_loss(logits, groups).double(),
                               (by_image + by_sentence) / 2, rtol=1e-5, atol=1e-5)


def test_loss_falls_as_images_turn_to_their_own_sentences():
    sentences, groups = unit(5, 32), torch.tensor([0, 1, 2, 3, 4, 0, 2])
    start = unit(7, 32, seed=1)
    values = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        images = torch.nn.functional.normalize(torch.lerp(start, sentences[groups], share), dim=1)
        values.append(contrastive_loss(10 * images @ sentences.T, groups).item())
    assert all(high > low for high, low in zip(values, values[1:]))
    wrong = 10 * sentences[groups.roll(1)] @ sentences.T
    assert contrastive_loss(wrong, groups) > values[0]


def test_training_lowers_both_losses(run: Run):
    assert [row['step'] for row in run.rows] == list(range(10, STEPS + 1, 10))
    for name in ('contrastive', 'severity'):
        assert run.rows[-1][name] < 0.9 * run.rows[0][name]
        assert run.result[name] == pytest.approx(run.rows[-1][name], abs=1e-5)


def test_it_learns_what_can_be_seen_on_unseen_pictures(run: Run):
    # Five classes: chance is 0.2; other seeds give 0.52 to 0.68. Night is easy.
    assert run.result['synthetic'] > 0.4
    assert run.result['synthetic_low_light'] > 0.6
    assert 0 <= run.result['real_low_light'] <= 1


def test_the_file_loads_and_tells_classes(run: Run, data: Path):
    assert not any(name.startswith('fusion') for name in run.file.tensors)
    guidance = run.guidance()
    pair = load_pairs(data, 'val')[0]
    night = (pair.visible[None].float() / 255) * 0.08
    with torch.no_grad():
        seen = guidance(night, pair.thermal[None].float() / 255)
    assert CLASSES[int(seen.scores.argmax())] == 'low_light'
    assert seen.scores.sum().item() == pytest.approx(1, abs=1e-5)
    assert seen.severity.shape == (1, len(DEGRADATIONS))


def test_stored_sentences_have_unit_length_and_their_classes(run: Run):
    guidance = run.guidance()
    assert guidance.sentences.shape == (VISIBLE_GROUPS, 64)
    # Half precision keeps three digits.
    torch.testing.assert_close(guidance.sentences.norm(dim=1), torch.ones(VISIBLE_GROUPS),
                               rtol=0, atol=2e-3)
    assert torch.equal(guidance.sentence_class.long(), group_classes())
    assert 1 < guidance.logit_scale.item() <= 100


def test_scores_on_unseen_pictures_are_those_of_the_file(run: Run, data: Path):
    scores = validate(run.guidance(), load_pairs(data, 'val'))
    assert set(scores) == {'synthetic', 'real_clean', 'real_low_light',
                           *(f'synthetic_{name}' for name in CLASSES)}
    # Half precision may turn a close decision: one of the 25.
    assert scores['synthetic'] == pytest.approx(run.result['synthetic'], abs=0.05)
    # 2 pictures to degrade by 4 classes at 3 severities, and 1 known to be clean.
    degraded = sum(scores[f'synthetic_{name}'] for name in DEGRADATIONS) * 6
    assert scores['synthetic'] == pytest.approx((degraded + scores['synthetic_clean']) / 25)


def test_a_seed_repeats_the_weights(config: GuidanceConfig, tmp_path: Path):
    short = dataclasses.replace(config, steps=3, log_every=1)
    runs = [train(short, out=str(tmp_path / f'{name}.safetensors'), seed=seed)
            for name, seed in (('a', 4), ('b', 4), ('c', 5))]
    assert runs[0].file.sha256 == runs[1].file.sha256 != runs[2].file.sha256
    losses = [[row['contrastive'] for row in each.rows] for each in runs]
    assert losses[0] == losses[1] != losses[2]


def test_lora_from_a_checkpoint_leaves_a_plain_tower(config: GuidanceConfig, tmp_path: Path):
    clip = create_tower(str(config.clip_name), None, 4, torch.device('cpu')).clip
    torch.save(clip.state_dict(), tmp_path / 'clip.pt')
    run = train(config, steps=4, log_every=2, out=str(tmp_path / 'lora.safetensors'), lora_rank=4,
                clip_checkpoint=str(tmp_path / 'clip.pt'))
    assert not any('lora' in name for name in run.file.tensors)
    tower = run.guidance().tower.state_dict()
    start = clip.visual.state_dict()
    assert set(tower) == set(start)
    moved = {name for name in tower if (tower[name] - start[name]).abs().max() > 1e-3}
    # Adapters reach matrices of the blocks, and nothing else.
    assert moved and all('resblocks' in name and name.endswith('weight') for name in moved)
    # The text tower stays, so that the stored sentences are the checkpoint's.
    frozen = create_tower(str(config.clip_name), str(tmp_path / 'clip.pt'), 4, torch.device('cpu'))
    with torch.no_grad():
        expected = frozen.embed(list(sentence_groups()[3])).mean(0)
    stored = run.guidance().sentences[3]
    torch.testing.assert_close(stored, expected / expected.norm(), rtol=0, atol=1e-3)


def test_a_break_leaves_no_trace(config: GuidanceConfig, tmp_path: Path):
    short = dataclasses.replace(config, steps=4, log_every=3, size=(64, 64), batch=8)
    whole = train(short, out=str(tmp_path / 'whole.safetensors'))
    broken = dataclasses.replace(short, out=str(tmp_path / 'broken.safetensors'))
    with pytest.raises(TrainingStopped, match='after step 1 of 4'):
        train_guidance(dataclasses.replace(broken, minutes=1e-9))
    resumed = train(broken, resume=True)
    assert resumed.file.sha256 == whole.file.sha256

    def timeless(run: Run) -> list[dict[str, float]]:
        return [{**row, 'seconds': 0} for row in run.rows]
    assert timeless(resumed) == timeless(whole)
    # 3 and the last one; every number beside the seconds the same.
    assert [row['step'] for row in whole.rows] == [3, 4]
    assert {**resumed.result, 'seconds': 0} == {**whole.result, 'seconds': 0}


def test_lora_goes_on_from_a_break_too(config: GuidanceConfig, tmp_path: Path):
    clip = create_tower(str(config.clip_name), None, 4, torch.device('cpu')).clip
    torch.save(clip.state_dict(), tmp_path / 'clip.pt')
    short = dataclasses.replace(config, steps=3, size=(64, 64), batch=4, lora_rank=4,
                                clip_checkpoint=str(tmp_path / 'clip.pt'))
    whole = train(short, out=str(tmp_path / 'whole.safetensors'))
    broken = dataclasses.replace(short, out=str(tmp_path / 'broken.safetensors'))
    with pytest.raises(TrainingStopped):
        train_guidance(dataclasses.replace(broken, minutes=1e-9))
    # Adapters alone: the checkpoint's weights need not hold the tower.
    state = torch.load(tmp_path / 'broken.checkpoint.pt', weights_only=True)
    assert {'lora' in name or 'severity_head' in name for name in state['weights']} == {True}
    assert train(broken, resume=True).file.sha256 == whole.file.sha256


def test_lite_is_named_once(config: GuidanceConfig, tmp_path: Path):
    run = train(config, steps=1, batch=4, size=(64, 64), model='lite', clip_name=None,
                out=str(tmp_path / 'lite.safetensors'))
    assert run.file.config == structure('lite')


def test_pictures_say_what_is_seen_in_them(run: Run, config: GuidanceConfig):
    folder = Path(config.out).with_suffix('.grids')
    picture = cv2.imread(str(folder / f'step_{STEPS:06}.png'))
    assert picture is not None
    # A heading, and five captions with pictures of 64 x 96, visible beside thermal.
    assert picture.shape == (HEADER + 5 * (HEADER + 64), 192, 3)
    night = picture[2 * HEADER + 2 * (HEADER + 64):][:64]
    day = picture[2 * HEADER:][:64]
    assert night[:, :96].mean() < 0.5 * day[:, :96].mean()
    assert abs(night[:, 96:].mean() - day[:, 96:].mean()) < 80


def test_data_without_clean_pairs_are_refused(config: GuidanceConfig, tmp_path: Path):
    write_pairs(tmp_path, [('made', 'train', 'fog'), ('made', 'val', 'clean')])
    with pytest.raises(DataError, match='clean or unknown'):
        train_guidance(dataclasses.replace(config, data=str(tmp_path)))


def test_adapters_do_not_go_on_with_another_checkpoint(config: GuidanceConfig, tmp_path: Path):
    """Their names and shapes would fit: only the weights below them tell."""
    for number in (1, 2):
        torch.manual_seed(number)
        model = open_clip.create_model(str(config.clip_name), load_weights=False)
        torch.save(model.state_dict(), tmp_path / f'clip_{number}.pt')
    (tmp_path / 'moved').mkdir()
    shutil.copy(tmp_path / 'clip_1.pt', tmp_path / 'moved' / 'clip.pt')
    own = dataclasses.replace(config, out=str(tmp_path / 'out.safetensors'), steps=2, batch=4,
                              minutes=1e-9, clip_checkpoint=str(tmp_path / 'clip_1.pt'))
    with pytest.raises(TrainingStopped):
        train_guidance(own)
    own.resume, own.minutes = True, None
    for other in (None, str(tmp_path / 'clip_2.pt')):
        with pytest.raises(ConfigError, match='content of clip_checkpoint'):
            train_guidance(dataclasses.replace(own, clip_checkpoint=other))
    own.clip_checkpoint = str(tmp_path / 'moved' / 'clip.pt')
    assert train_guidance(own)['steps'] == 2


def test_data_without_a_validation_split_are_refused_before_training(config: GuidanceConfig,
                                                                    tmp_path: Path):
    write_pairs(tmp_path, [('made', 'train', 'clean')])
    out = tmp_path / 'run' / 'guidance.safetensors'
    with pytest.raises(DataError, match="'val'"):
        train_guidance(dataclasses.replace(config, data=str(tmp_path), out=str(out)))
    assert not out.parent.exists()
