# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Measures: each says what it can be fooled by, and is fooled by just that."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from degfuse_ros.evaluation.measures import MEASURES
from degfuse_ros.evaluation.metrics import QUALITY, ROBUSTNESS, PairScorer

RANDOM = np.random.default_rng(5)
SHAPE = (128, 128)


def blobs(size: int) -> np.ndarray:
    """Return a picture of smooth blobs, H x W uint8."""
    noise = cv2.GaussianBlur(RANDOM.normal(size=SHAPE), (0, 0), size)
    return np.clip(128 + 40 * noise / noise.std(), 0, 255).astype(np.uint8)


VISIBLE, THERMAL = blobs(2), blobs(3)
MEAN = ((VISIBLE.astype(int) + THERMAL) // 2).astype(np.uint8)
SUM = np.clip(VISIBLE.astype(int) + THERMAL - 128, 0, 255).astype(np.uint8)
NOISY = np.clip(MEAN + RANDOM.normal(0, 25, SHAPE), 0, 255).astype(np.uint8)
CONTRAST = np.clip((MEAN.astype(float) - 128) * 2 + 128, 0, 255).astype(np.uint8)
SCORES = dict(zip(('visible', 'thermal', 'mean', 'sum', 'noise', 'contrast'), PairScorer(
    VISIBLE, THERMAL).quality([VISIBLE, THERMAL, MEAN, SUM, NOISY, CONTRAST])))


def test_every_measure_says_what_fools_it() -> None:
    assert {*QUALITY, *ROBUSTNESS, 'PSNR', 'recall', 'precision', 'AP50'} <= set(MEASURES)
    for key, measure in MEASURES.items():
        assert bool(measure.fooled) == (key != 'images')
        assert measure.explanation.startswith(measure.meaning)
        assert measure.explanation.endswith(measure.fooled)


@pytest.mark.parametrize('key', ['EN', 'SF', 'AG', 'SD'])
def test_noise_and_contrast_fool_what_looks_at_the_fused_image_alone(key: str) -> None:
    for cause in ('noise', 'contrast'):
        assert (SCORES[cause][key] > SCORES['mean'][key]) == (cause in MEASURES[key].fooled)


@pytest.mark.parametrize(('key', 'copies'), [
    ('MI', ('visible', 'thermal')), ('VIF', ('visible', 'thermal')), ('Qabf', ('visible',)),
    ('vQ', ('visible',)), ('tQ', ('thermal',))])
def test_copies_win(key: str, copies: tuple[str, ...]) -> None:
    # The finer visible blobs have more edges.
    for copy in copies:
        assert SCORES[copy][key] > max(SCORES['mean'][key], SCORES['sum'][key])


def test_a_fine_mosaic_fools_kept_but_no_copy_and_no_split_screen() -> None:
    columns = np.arange(SHAPE[1])
    split, mosaic = (np.where(columns // width % 2, VISIBLE, THERMAL) for width in (64, 8))
    visible, thermal, halves, pieces = (row['kept'] for row in PairScorer(
        VISIBLE, THERMAL).robustness([VISIBLE, THERMAL, split, mosaic]))
    assert visible == thermal == 0
    assert halves < 0.1 * pieces and pieces > 0.2


def test_the_sum_of_both_wins_scd_and_their_mean_ssim() -> None:
    assert SCORES['sum']['SCD'] == max(row['SCD'] for row in SCORES.values())
    assert SCORES['contrast']['SCD'] > SCORES['mean']['SCD']
    assert SCORES['mean']['SSIM'] == max(row['SSIM'] for row in SCORES.values())
