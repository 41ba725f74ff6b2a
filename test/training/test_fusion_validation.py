# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Quick scores and pictures of stage 2 with a network that changes nothing yet."""

import numpy as np
import pytest
import torch
from training_pairs import write_pairs

from degfuse_ros.network.config import CLASSES, ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.losses import brightness_target
from degfuse_ros.training.config import FusionConfig
from degfuse_ros.training.dataset import DataError, Pair, load_pairs
from degfuse_ros.training.fusion_validation import COLUMNS, FusionValidation, psnr

SMALL = ModelConfig(
    widths=(8, 8, 16), hidden=(6, 6, 8), guidance_dim=32,
    tower={'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
           'mlp_ratio': 2.0, 'embed_dim': 16})
CONFIG = FusionConfig(data='', guidance='', out='', size=(64, 80))
CONDITIONS = ('clean', 'unknown', 'clean', 'clean', 'unknown', 'low_light', 'clean')


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    root = write_pairs(tmp_path_factory.mktemp('pairs'),
                       [('made', 'val', name) for name in CONDITIONS])
    # Sides that are no multiples of what the network needs.
    return [Pair(pair.name, pair.condition, pair.visible[:, :70, :91], pair.thermal[:, :70, :91])
            for pair in load_pairs(root, 'val')]


@pytest.fixture(scope='module')
def validation(pairs: list[Pair]) -> FusionValidation:
    return FusionValidation(pairs, CONFIG, torch.device('cpu'))


@pytest.fixture(scope='module')
def networks() -> tuple[DegradationGuidance, FusionNetwork]:
    """An untrained network: PKDM and the fused head start as the identity."""
    torch.manual_seed(2)
    return DegradationGuidance(SMALL).eval(), FusionNetwork(SMALL)


def test_psnr_of_known_errors():
    image = torch.rand(3, 8, 9)
    assert psnr(image, image + 0.1).item() == pytest.approx(20, abs=1e-3)
    assert psnr(image, image - 0.01).item() == pytest.approx(40, abs=1e-2)
    assert psnr(image, image).item() == pytest.approx(100)


def test_scores_of_a_network_that_changes_nothing(
        pairs: list[Pair], validation: FusionValidation,
        networks: tuple[DegradationGuidance, FusionNetwork]):
    scores = validation.scores(*networks)
    assert set(scores) == {f'{name}_psnr{part}' for name in ('visible', 'fused')
                           for part in ('', *(f'_{each}' for each in CLASSES))}
    # Six usable pairs: the classes take turns, and the sixth is clean again.
    assert scores['visible_psnr_clean'] > 70  # rounding
    assert all(5 < scores[f'visible_psnr_{name}'] < 40 for name in CLASSES[1:])
    others = sum(scores[f'visible_psnr_{name}'] for name in CLASSES[1:])
    assert scores['visible_psnr'] == pytest.approx(
        (2 * scores['visible_psnr_clean'] + others) / 6, rel=1e-5)
    # By hand for the clean ones: what starts as the brighter source, against its target.
    expected = []
    for pair in (pairs[0], pairs[6]):
        visible = pair.visible.double() / 255
        bright = (0.299 * visible[0] + 0.587 * visible[1] + 0.114 * visible[2])[None, None]
        heat = pair.thermal[None].double() / 255
        error = (torch.maximum(bright, heat) - brightness_target(bright, heat)).square().mean()
        expected.append(float(-10 * torch.log10(error)))
    assert scores['fused_psnr_clean'] == pytest.approx(np.mean(expected), abs=0.01)


def test_few_pairs_are_judged_in_every_class(
        pairs: list[Pair], networks: tuple[DegradationGuidance, FusionNetwork]):
    scores = FusionValidation(pairs[:1], CONFIG, torch.device('cpu')).scores(*networks)
    assert {f'visible_psnr_{name}' for name in CLASSES} <= set(scores)


def test_scores_repeat_and_leave_the_network_in_training(
        validation: FusionValidation, networks: tuple[DegradationGuidance, FusionNetwork]):
    assert validation.scores(*networks) == validation.scores(*networks)
    assert networks[1].training and not networks[0].training


def test_pictures_show_what_their_columns_say(
        validation: FusionValidation, networks: tuple[DegradationGuidance, FusionNetwork]):
    rows = validation.pictures(*networks)
    assert [caption for caption, _ in rows] == [*CLASSES, 'real low_light']
    for caption, pictures in rows:
        assert len(pictures) == len(COLUMNS)
        assert all(picture.shape == (64, 80, 3) for picture in pictures)
        visible, thermal, fused, restored, clean = (each.astype(int) for each in pictures)
        assert np.abs(visible - restored).max() <= 1  # PKDM is the identity
        assert (np.ptp(thermal, axis=2) == 0).all() and thermal.std() > 5
        if caption in CLASSES[1:]:
            assert np.abs(visible - clean).mean() > 5
        else:
            np.testing.assert_array_equal(visible, clean)
        # The brighter source's luminance, clipped where its chroma leads out of the range.
        light = np.array([0.299, 0.587, 0.114])
        brighter = np.maximum(restored @ light, thermal @ light)
        assert np.median(np.abs(fused @ light - brighter)) <= 1


def test_validation_needs_pairs_to_degrade(pairs: list[Pair]):
    with pytest.raises(DataError, match='validation_split'):
        FusionValidation([pair for pair in pairs if pair.condition == 'low_light'], CONFIG,
                         torch.device('cpu'))
