# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Sentences: what they say, and which of them belongs to an image."""

import open_clip
import pytest
import torch

from degfuse_ros.network.config import CLASSES, DEGRADATIONS, ModelConfig
from degfuse_ros.training.sentences import (
    SEVERITY_WORDS,
    VISIBLE_GROUPS,
    group_classes,
    sentence_groups,
    severity_word,
    thermal_group,
    visible_group,
)

# A word by which a reader knows each class.
KEYWORDS = {'fog': 'fog', 'low_light': 'low light', 'overexposed': 'overexposure', 'rain': 'rain'}


def test_groups_are_distinct_and_say_the_same_in_several_ways():
    groups = sentence_groups()
    assert len({len(group) for group in groups}) == 1 and len(groups[0]) > 1
    sentences = [sentence for group in groups for sentence in group]
    assert len(set(sentences)) == len(sentences)


def test_a_model_stores_the_visible_groups():
    assert VISIBLE_GROUPS == ModelConfig().sentence_groups == len(group_classes())
    assert len(sentence_groups()) > VISIBLE_GROUPS


def test_visible_sentences_name_their_class_and_no_other():
    for group, label in zip(sentence_groups(), group_classes().tolist()):
        for sentence in group:
            named = {name for name, word in KEYWORDS.items() if word in sentence}
            assert named == ({CLASSES[label]} if label else set())
            assert 'thermal' not in sentence and 'infrared' not in sentence


def test_thermal_sentences_say_so():
    for group in sentence_groups()[VISIBLE_GROUPS:]:
        assert all('thermal' in sentence or 'infrared' in sentence for sentence in group)


@pytest.mark.parametrize('name', DEGRADATIONS)
@pytest.mark.parametrize(('severity', 'word'), [
    (0.2, 'slight'), (0.4, 'slight'), (0.5, 'moderate'), (0.65, 'moderate'), (0.75, 'heavy'),
    (1.0, 'heavy')])
def test_an_image_gets_the_sentences_of_its_class_and_severity(name: str, severity: float,
                                                              word: str):
    label = CLASSES.index(name)
    group = int(visible_group(torch.tensor([label]), torch.tensor([severity]))[0])
    assert all(word in sentence and KEYWORDS[name] in sentence
               for sentence in sentence_groups()[group])
    assert int(group_classes()[group]) == label
    assert SEVERITY_WORDS[int(severity_word(torch.tensor(severity)))] == word


def test_clean_images_get_the_clean_sentences_whatever_their_severity():
    groups = visible_group(torch.tensor([0, 0, 1]), torch.tensor([0.0, 0.9, 0.9]))
    assert groups[:2].tolist() == [0, 0] and groups[2] != 0
    assert all('clean' in s or 'clear' in s or 'good' in s or 'without' in s
               for s in sentence_groups()[0])


def test_thermal_images_get_sentences_by_noise():
    groups = thermal_group(torch.tensor([0.0, 0.1, 0.5, 0.6, 1.0]))
    words = [sentence_groups()[int(group)][0] for group in groups]
    assert ['clear' in words[0], 'slightly noisy' in words[1], 'slightly noisy' in words[2],
            'very noisy' in words[3], 'very noisy' in words[4]] == [True] * 5


def test_no_sentence_is_cut_by_the_tokenizer():
    tokens = open_clip.get_tokenizer('ViT-B-32')(
        [sentence for group in sentence_groups() for sentence in group])
    end_of_text = 49407
    assert (tokens == end_of_text).any(1).all() and tokens[:, -1].sum() == 0
