# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""DAGM: its views, CLIP's preprocessing, equations 6 and 7 and the class scores."""

from typing import Any

import numpy as np
import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from scipy.special import erf, softmax
from torch import Tensor, nn

from degfuse_ros.network.config import CLASSES, DEGRADATIONS, ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance

SIZE = 32
TOWER: dict[str, Any] = {'image_size': SIZE, 'patch_size': 8, 'width': 32, 'layers': 2, 'heads': 2,
                         'mlp_ratio': 2.0, 'embed_dim': 16}


def guidance(groups: int = 7) -> DegradationGuidance:
    """A small guidance network with random weights and sentences."""
    torch.manual_seed(0)
    made = DegradationGuidance(ModelConfig(guidance_dim=24, tower=TOWER, sentence_groups=groups))
    made.sentences.normal_()
    made.sentence_class.copy_(torch.arange(groups) % len(CLASSES))
    return made.eval()


class Spy(nn.Module):
    """Stands in for the tower: keeps the views it is given, returns prepared features."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features
        self.views = torch.empty(0)

    def forward(self, views: Tensor) -> Tensor:
        self.views = views
        return self.features


def views_of(visible: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The whole visible image, its crop and the thermal image, CLIP's normalisation undone."""
    network, spy = guidance(), Spy(torch.ones(3 * len(visible), 16))
    network.tower = spy
    network.encode(visible, thermal)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1)
                 for values in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    whole, crop, heat = (spy.views * std + mean).chunk(3)
    return whole, crop, heat


def test_normalisation_is_clips():
    visible = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    whole, crop, heat = views_of(visible, torch.full((1, 1, 64, 64), 0.4))
    torch.testing.assert_close(whole, visible[..., :SIZE, :SIZE])
    torch.testing.assert_close(crop, visible[..., :SIZE, :SIZE])
    torch.testing.assert_close(heat, torch.full((1, 3, SIZE, SIZE), 0.4))


def test_a_one_pixel_pattern_vanishes_in_the_resize_but_reaches_the_crop():
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing='ij')
    board = ((rows + columns) % 2).float().expand(1, 3, 64, 64)
    whole, crop, _ = views_of(board, torch.zeros(1, 1, 64, 64))
    torch.testing.assert_close(whole, torch.full_like(whole, 0.5))
    torch.testing.assert_close(crop, board[..., 16:48, 16:48])


def test_the_crop_is_the_centre_of_a_wide_image():
    visible = torch.rand(2, 3, 40, 90)
    _, crop, _ = views_of(visible, torch.rand(2, 1, 40, 90))
    torch.testing.assert_close(crop, visible[..., 4:36, 29:61])


@pytest.mark.parametrize('height, width', [(8, 12), (32, 20), (20, 200), (33, 31)])
def test_images_smaller_than_the_tower_are_enlarged(height: int, width: int):
    visible = torch.rand(1, 3, height, width)
    whole, crop, heat = views_of(visible, torch.rand(1, 1, height, width))
    for view in (whole, crop, heat):
        assert view.shape == (1, 3, SIZE, SIZE)
        assert view.min() >= -1e-6 and view.max() <= 1 + 1e-6
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = visible[..., top:top + side, left:left + side]
    np.testing.assert_allclose(crop.mean(), square.mean(), atol=0.02)


def test_thermal_is_given_to_all_three_channels():
    thermal = torch.rand(2, 1, SIZE, SIZE)
    _, _, heat = views_of(torch.rand(2, 3, SIZE, SIZE), thermal)
    torch.testing.assert_close(heat, thermal.expand(2, 3, SIZE, SIZE))


def test_guidance_vector_follows_equations_6_and_7():
    random = np.random.default_rng(1)
    whole, crop, heat = (random.normal(size=(2, 16)) for _ in range(3))
    network = guidance()
    network.tower = Spy(torch.from_numpy(np.concatenate((whole, crop, heat))).float())
    images = torch.rand(2, 3, 40, 40), torch.rand(2, 1, 40, 40)

    def unit(rows: np.ndarray) -> np.ndarray:
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    seen, felt = 4 * unit(unit(whole) + unit(crop)), 4 * unit(heat)  # length sqrt(16)
    f_visible, f_thermal = network.encode(*images)
    np.testing.assert_allclose(f_visible.numpy(), seen, atol=1e-5)
    np.testing.assert_allclose(f_thermal.numpy(), felt, atol=1e-5)
    weights = [tensor.numpy() for tensor in network.mlp.state_dict().values()]
    hidden = (seen * felt) @ weights[0].T + weights[1]
    hidden = hidden * 0.5 * (1 + erf(hidden / np.sqrt(2)))  # GELU
    with torch.no_grad():
        found = network(*images)
    np.testing.assert_allclose(found.vector.numpy(), hidden @ weights[2].T + weights[3], atol=1e-5)


def test_scores_are_the_softmax_over_sentences_summed_per_class():
    network = guidance(groups=7)
    random = np.random.default_rng(2)
    sentences, features = random.normal(size=(7, 16)), random.normal(size=(3, 16))
    classes = [0, 1, 1, 2, 3, 4, 4]
    network.sentences.copy_(torch.from_numpy(sentences))
    network.sentence_class.copy_(torch.tensor(classes))
    network.logit_scale.fill_(6.5)
    lengths = np.linalg.norm(features, axis=1)[:, None] * np.linalg.norm(sentences, axis=1)
    share = softmax(6.5 * features @ sentences.T / lengths, axis=1)
    expected = np.zeros((3, len(CLASSES)))
    for group, number in enumerate(classes):
        expected[:, number] += share[:, group]
    found = network.class_scores(torch.from_numpy(features).float()).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_an_image_like_a_sentence_scores_best_for_that_sentences_class():
    network = guidance(groups=5)
    order = [3, 0, 4, 1, 2]  # stored in another order than the classes
    network.sentences.copy_(torch.eye(5, 16))
    network.sentence_class.copy_(torch.tensor(order))
    scores = network.class_scores(torch.eye(5, 16))
    assert scores.argmax(1).tolist() == order


def test_shapes_and_ranges():
    network = guidance()
    with torch.no_grad():
        found = network(torch.rand(3, 3, 50, 70), torch.rand(3, 1, 50, 70))
    assert found.vector.shape == (3, 24)
    assert found.scores.shape == (3, len(CLASSES))
    assert found.severity.shape == (3, len(DEGRADATIONS))
    assert found.severity.min() >= 0 and found.severity.max() <= 1
    torch.testing.assert_close(found.scores.sum(1), torch.ones(3))


def test_class_and_severity_come_from_the_visible_image_the_vector_from_both():
    network = guidance()
    visible, thermal = torch.rand(1, 3, 40, 40), torch.rand(1, 1, 40, 40)
    with torch.no_grad():
        plain = network(visible, thermal)
        warmer, brighter = network(visible, thermal ** 2), network(visible ** 2, thermal)
    torch.testing.assert_close(warmer.scores, plain.scores)
    torch.testing.assert_close(warmer.severity, plain.severity)
    for other in (brighter.scores - plain.scores, brighter.severity - plain.severity,
                  brighter.vector - plain.vector, warmer.vector - plain.vector):
        assert other.abs().max() > 1e-4


def test_each_image_of_a_batch_is_judged_alone():
    network = guidance()
    visible, thermal = torch.rand(3, 3, 40, 48), torch.rand(3, 1, 40, 48)
    with torch.no_grad():
        together = network(visible, thermal)
        for index in range(3):
            alone = network(visible[index:index + 1], thermal[index:index + 1])
            torch.testing.assert_close(alone.vector[0], together.vector[index])
            torch.testing.assert_close(alone.scores[0], together.scores[index])


def test_gradients_reach_the_tower_and_both_heads():
    network = guidance().train()
    found = network(torch.rand(2, 3, 40, 40), torch.rand(2, 1, 40, 40))
    loss = found.vector.square().mean() + found.scores[:, 0].log().mean() + found.severity.mean()
    loss.backward()
    silent = [name for name, parameter in network.named_parameters()
              if parameter.grad is None or not parameter.grad.any()]
    assert silent == []
