# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Batches of stage 1: labels fit the pictures, and nothing claims to know what it does not."""


import pytest
import torch
from torch import Tensor
from training_pairs import write_pairs

from degfuse_ros.training.config import GuidanceConfig
from degfuse_ros.training.dataset import Pair, load_pairs
from degfuse_ros.training.guidance_sampler import GuidanceBatch, GuidanceSampler, real_severity
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.schedule import Randomness
from degfuse_ros.training.sentences import VISIBLE_GROUPS, group_classes, sentence_groups

ALONE = Parallel(0, 1, torch.device('cpu'))
ROWS = [('made', 'train', name) for name in (
    'clean', 'clean', 'unknown', 'clean', 'low_light', 'low_light')]


def numbered(sentences: list[str]) -> Tensor:
    """A tokenizer: the place of each sentence among all."""
    known = [sentence for group in sentence_groups() for sentence in group]
    return torch.tensor([[known.index(sentence)] for sentence in sentences])


def draw(pairs: list[Pair], step: int = 0, batch: int = 200) -> GuidanceBatch:
    """A large batch in which every low light picture is a real one."""
    config = GuidanceConfig(data='', out='', size=(64, 96), batch=batch, real_share=1.0)
    randomness = Randomness(2, 0, ALONE.device)
    randomness.begin(step)
    return GuidanceSampler(pairs, config, numbered, ALONE).draw(step, randomness)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    return load_pairs(write_pairs(tmp_path_factory.mktemp('pairs'), ROWS), 'train')


@pytest.fixture(scope='module')
def batch(pairs: list[Pair]) -> GuidanceBatch:
    return draw(pairs)


def test_sentences_of_a_batch_fit_its_severities(batch: GuidanceBatch):
    visible, thermal = batch.groups.chunk(2)
    assert visible.max() < VISIBLE_GROUPS <= thermal.min()
    classes = group_classes()[visible]
    # Five classes, evenly.
    assert (classes.bincount(minlength=5) - 40).abs().max() < 25
    for label in (1, 3, 4):  # degraded by us
        severity = batch.severity[classes == label]
        assert (severity.argmax(1) == label - 1).all() and severity.amax(1).min() >= 0.2
        words = {'slight': (0.2, 0.45), 'moderate': (0.45, 0.7), 'heavy': (0.7, 1)}
        for worst, group in zip(severity.amax(1).tolist(), visible[classes == label].tolist()):
            low, high = next(each for word, each in words.items()
                             if word in sentence_groups()[group][0])
            assert low <= worst <= high
    assert not batch.severity[classes == 0].any()


def test_a_real_picture_stays_as_it_is_and_its_own_severity_is_not_judged(batch: GuidanceBatch):
    real = group_classes()[batch.groups[:200]] == 2
    assert real.any() and not batch.severity[real].any()
    # Dark by their file, with no noise of ours: a tenth of a street's brightness.
    assert batch.visible[real].amax((1, 2, 3)).max() <= 0.1
    expected = torch.ones(200, 4)
    expected[real, 1] = 0
    assert torch.equal(batch.known, expected)
    # Very dark ones get the heavy words.
    assert {'heavy' in sentence_groups()[int(group)][0]
            for group in batch.groups[:200][real]} == {True}


@pytest.mark.parametrize(('condition', 'brightness', 'expected'), [
    ('low_light', 0.2, 0.4), ('low_light', 0.1, 0.7), ('low_light', 0.0, 1.0),
    ('low_light', 0.4, 0.2), ('overexposed', 0.5, 0.4), ('overexposed', 0.65, 0.7),
    ('overexposed', 0.2, 0.2), ('fog', 0.5, 0.6)])
def test_real_pictures_are_judged_by_their_brightness(condition: str, brightness: float,
                                                      expected: float):
    assert real_severity(condition, brightness) == pytest.approx(expected)


def test_clean_pictures_have_a_cameras_flaws_too(pairs: list[Pair], batch: GuidanceBatch,
                                                 monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr('degfuse_ros.training.guidance_sampler.camera_flaws',
                        lambda image, strength, random: image)
    without = draw(pairs).visible
    flawed = (batch.visible != without).flatten(1).any(1)
    classes = group_classes()[batch.groups[:200]]
    for label in (0, 1, 3, 4):
        assert 0.2 < flawed[classes == label].float().mean() < 0.8
    assert not flawed[classes == 2].any()  # real ones have their own


def test_wordings_take_turns(pairs: list[Pair]):
    groups = sentence_groups()
    known = [sentence for group in groups for sentence in group]
    seen = []
    for step in range(len(groups[0])):
        tokens = draw(pairs, step, batch=5).tokens[:, 0].tolist()
        sentences = [known[token] for token in tokens]
        assert all(sentence in group for sentence, group in zip(sentences, groups))
        seen += sentences
    assert sorted(seen) == sorted(known)
