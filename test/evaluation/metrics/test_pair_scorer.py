# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""PairScorer: figures recorded from an independent implementation, batches, refusals, CUDA."""

import json

import numpy as np
import pytest
import torch

from degfuse_ros.evaluation.metrics import QUALITY, ROBUSTNESS, PairScorer, pair_scorer

HEIGHT, WIDTH = 64, 80

# What an independent implementation in NumPy and SciPy, float64, gave for the pair below.
RECORDED = {
    'mean': {'EN': 7.079654347, 'SF': 14.28257953, 'AG': 4.783125926, 'SD': 36.14354396,
             'MI': 4.721472017, 'VIF': 0.5114036757, 'Qabf': 0.4880086672, 'SCD': 1.343807818,
             'SSIM': 0.6154787068, 'vQ': 0.5276607536, 'tQ': 0.4077996031},
    'max': {'EN': 6.93583924, 'SF': 19.34785779, 'AG': 5.407901511, 'SD': 48.3294212,
            'MI': 7.992843393, 'VIF': 0.4933029797, 'Qabf': 0.5429941536, 'SCD': 1.581434991,
            'SSIM': 0.5770231914, 'vQ': 0.5275169885, 'tQ': 0.5743016846},
    'visible': {'EN': 7.554571895, 'SF': 20.39359696, 'AG': 7.76383566, 'SD': 50.40023267,
                'MI': 9.029141097, 'VIF': 1.004958834, 'Qabf': 0.6924447358, 'SCD': 0.6985904214,
                'SSIM': 0.5665173851, 'vQ': 0.974793625, 'tQ': 0.1213035373},
    'thermal': {'EN': 5.688293324, 'SF': 20.42050735, 'AG': 3.318265615, 'SD': 47.20037488,
                'MI': 7.162862527, 'VIF': 1.004033462, 'Qabf': 0.3764006836, 'SCD': 0.6451816724,
                'SSIM': 0.5665173851, 'vQ': 0.08057964538, 'tQ': 0.974793625},
}


def made_pair() -> tuple[np.ndarray, np.ndarray]:
    """Return a checked ramp and a warm disc, both with a little noise."""
    generator = np.random.default_rng(7)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    checks = (rows // 8 + columns // 8) % 2
    disc = (rows - 30) ** 2 + (columns - 45) ** 2 < 300
    visible = 2 * columns + 40 * checks + generator.integers(-6, 7, (HEIGHT, WIDTH))
    thermal = 60 + 120 * disc + rows // 2 + generator.integers(-3, 4, (HEIGHT, WIDTH))
    return visible.clip(0, 255).astype(np.uint8), thermal.clip(0, 255).astype(np.uint8)


VISIBLE, THERMAL = made_pair()
FUSED = {'mean': ((VISIBLE.astype(int) + THERMAL) // 2).astype(np.uint8),
         'max': np.maximum(VISIBLE, THERMAL), 'visible': VISIBLE, 'thermal': THERMAL}


def test_recorded_figures() -> None:
    rows = PairScorer(VISIBLE, THERMAL).quality(list(FUSED.values()))
    for name, row in zip(FUSED, rows):
        assert row == pytest.approx(RECORDED[name], rel=1e-6)
        assert tuple(row) == QUALITY


@pytest.mark.parametrize('pixels', [1, 2 * HEIGHT * WIDTH, 2 ** 24])
def test_a_batch_measures_as_single_images_do(pixels: int,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_scorer, '_PIXELS_AT_ONCE', pixels)
    scorer, images = PairScorer(VISIBLE, THERMAL), list(FUSED.values())
    together = scorer.quality(images)
    robust = scorer.robustness(images)
    for number, image in enumerate(images):
        assert together[number] == pytest.approx(scorer.quality([image])[0], rel=1e-7)
        assert robust[number] == pytest.approx(scorer.robustness([image])[0], rel=1e-7)


def test_no_images_give_no_rows() -> None:
    assert PairScorer(VISIBLE, THERMAL).quality([]) == []


def test_robustness_is_part_of_quality_and_the_headline() -> None:
    scorer, images = PairScorer(VISIBLE, THERMAL), list(FUSED.values())
    for quality, robustness in zip(scorer.quality(images), scorer.robustness(images)):
        assert tuple(robustness) == ROBUSTNESS
        shared = [name for name in ROBUSTNESS if name in QUALITY]
        assert [robustness[name] for name in shared] == [quality[name] for name in shared]


def test_showing_one_camera_does_not_win_the_headline() -> None:
    scores = PairScorer(VISIBLE, THERMAL).robustness(list(FUSED.values()))
    kept = dict(zip(FUSED, (row['kept'] for row in scores)))
    assert kept['visible'] == kept['thermal'] == 0
    assert kept['max'] > 0.05


def test_colour_is_measured_by_its_luma() -> None:
    colour = np.random.default_rng(8).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    grey = np.rint(colour @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    assert PairScorer(colour, THERMAL).quality([colour]) == \
        PairScorer(grey, THERMAL).quality([grey])


@pytest.mark.parametrize('levels', [(0, 0, 0), (0, 255, 90), (255, 255, 255)])
def test_flat_images_give_finite_figures(levels: tuple[int, int, int]) -> None:
    visible, thermal, fused = (np.full((HEIGHT, WIDTH), level, np.uint8) for level in levels)
    scorer = PairScorer(visible, thermal)
    row = {**scorer.robustness([fused])[0], **scorer.quality([fused])[0]}
    json.dumps(row, allow_nan=False)
    nothing = ('kept', 'EN', 'SF', 'AG', 'SD', 'MI', 'SCD')
    assert [str(row[name]) for name in nothing] == ['0.0'] * len(nothing)  # no minus
    assert row['VIF'] == 2
    # Black lies beyond the border, so that only black pictures have no edges.
    assert [row[name] > 0 for name in ('vQ', 'tQ')] == [levels[0] > 0, levels[1] > 0]


def test_a_scorer_leaves_its_images_as_they_are() -> None:
    kept = [image.copy() for image in (VISIBLE, THERMAL, FUSED['max'])]
    PairScorer(VISIBLE, THERMAL).quality([FUSED['max']])
    for before, after in zip(kept, (VISIBLE, THERMAL, FUSED['max'])):
        np.testing.assert_array_equal(before, after)


def test_small_images_are_refused() -> None:
    with pytest.raises(ValueError, match='41 x 41 pixels or larger. Got 40 x 60') as caught:
        PairScorer(np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8))
    assert '\n' not in str(caught.value)
    smallest = np.random.default_rng(9).integers(0, 256, (41, 41)).astype(np.uint8)
    assert PairScorer(smallest, smallest).quality([smallest])[0]['VIF'] == \
        pytest.approx(2, abs=1e-6)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r'same height and width. Got 64 x 80 and 64 x 79'):
        PairScorer(VISIBLE, THERMAL[:, 1:])
    with pytest.raises(ValueError, match=r'same height and width. Got 64 x 80 and 63 x 80'):
        PairScorer(VISIBLE, THERMAL).robustness([VISIBLE[1:]])


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device on this machine')
def test_cuda_agrees_with_the_cpu() -> None:
    images = list(FUSED.values())
    on_cpu, on_cuda = (PairScorer(VISIBLE, THERMAL, device) for device in ('cpu', 'cuda'))
    for mine, theirs in zip([*on_cpu.quality(images), *on_cpu.robustness(images)],
                            [*on_cuda.quality(images), *on_cuda.robustness(images)]):
        assert theirs == pytest.approx(mine, rel=1e-6)
