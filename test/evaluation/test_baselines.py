# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Baselines: cases that can be worked out by hand, and the published rows of real pairs.

Real pairs are checked where DEGFUSE_DATA names their folder:

    DEGFUSE_DATA=FOLDER python -m pytest -rs test/evaluation/test_baselines.py
"""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from degfuse_ros.camera.pair_files import PairFiles
from degfuse_ros.evaluation.baselines import (
    BASELINES,
    auto_levels,
    colour,
    laplacian_pyramid,
)

# EN, SF and SD of published.csv for the pairs whose names end so: enough to tell levels, rules and
# roundings apart, in numpy alone.
PUBLISHED = {
    'D': {
        'visible only': (7.3486, 13.9219, 50.9662),
        'thermal only': (5.3645, 5.0975, 16.9207),
        'mean': (6.2983, 7.5050, 26.5907),
        'max': (7.3137, 13.9462, 49.8217),
        'Laplacian pyramid': (6.9118, 14.4829, 35.5145),
        'auto-levels + Laplacian pyramid': (7.0258, 16.3977, 40.3639),
    },
    'N': {
        'visible only': (5.7302, 7.4860, 30.2367),
        'thermal only': (5.1715, 5.1651, 15.9747),
        'mean': (5.2462, 4.7184, 18.0668),
        'max': (6.0616, 8.3737, 30.7337),
        'Laplacian pyramid': (5.7659, 8.8361, 25.3771),
        'auto-levels + Laplacian pyramid': (6.1738, 11.7604, 33.8007),
    },
}


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def grey(image: np.ndarray) -> np.ndarray:
    """An RGB picture whose luma is the image."""
    return np.repeat(image[..., None], 3, axis=2)


def test_rows_stand_in_the_order_of_the_tables() -> None:
    assert list(BASELINES) == ['visible only', 'thermal only', 'mean', 'max', 'Laplacian pyramid',
                               'auto-levels + Laplacian pyramid']


@pytest.mark.parametrize('name', BASELINES)
def test_every_row_is_a_luma_of_the_same_size_and_leaves_its_inputs_alone(name: str) -> None:
    visible, thermal = noise(61, 85, 3), noise(61, 85, seed=1)
    before = visible.copy(), thermal.copy()
    fused = BASELINES[name](visible, thermal)
    assert fused.shape == (61, 85) and fused.dtype == np.uint8
    assert np.array_equal(visible, before[0]) and np.array_equal(thermal, before[1])


def test_rows_without_a_pyramid_by_hand() -> None:
    visible = grey(np.array([[0, 1, 10, 255]], np.uint8))
    thermal = np.array([[1, 2, 4, 254]], np.uint8)
    expected = {'visible only': [0, 1, 10, 255], 'thermal only': [1, 2, 4, 254],
                'mean': [0, 2, 7, 254], 'max': [1, 2, 10, 255]}  # halves to the even level
    for name, levels in expected.items():
        assert BASELINES[name](visible, thermal).tolist() == [levels], name
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert BASELINES['visible only'](red, thermal[:, :1]).tolist() == [[76]]  # 0.299 * 255


@pytest.mark.parametrize('size', [(480, 640), (161, 351), (41, 43)])
def test_pyramid_of_equal_images_is_the_image(size: tuple[int, int]) -> None:
    image = noise(*size)
    assert np.array_equal(laplacian_pyramid(image, image), image)


def test_pyramid_averages_the_coarse_and_keeps_the_stronger_detail() -> None:
    rows, columns = np.indices((96, 128))
    checks = np.where((rows + columns) % 2 == 0, 120, 80).astype(np.uint8)
    weak = np.where(rows % 2 == 0, 165, 155).astype(np.uint8)
    fused = laplacian_pyramid(checks, weak)
    # Coarse 100 and 160 average to 130; the checks' 20 beat the stripes' 5 everywhere.
    inside = np.s_[32:-32, 32:-32]
    expected = np.where((rows + columns) % 2 == 0, 150, 110)
    assert np.abs(fused[inside].astype(int) - expected[inside]).max() <= 1
    assert np.array_equal(fused, laplacian_pyramid(weak, checks))


def test_auto_levels_stretch_between_the_percentiles_and_cut_off() -> None:
    image = np.arange(101, dtype=np.uint8)[None]  # percentiles 1 and 99 are 1 and 99
    expected = [int(min(max((level - 1) * 255 / 98, 0), 255)) for level in range(101)]
    assert auto_levels(image)[0].tolist() == expected
    assert expected[50] == 127  # from 127.5: rounding gives 128
    flat = np.full((5, 5), 77, np.uint8)
    assert np.array_equal(auto_levels(flat), flat)


def test_colour_keeps_colour_differences_and_takes_the_luma() -> None:
    visible = noise(40, 50, 3) // 3 + 80
    luma = BASELINES['visible only'](visible, visible[..., 0])
    assert np.array_equal(colour(visible, luma), visible)
    brighter = colour(visible, luma + 20)
    assert np.array_equal(brighter, visible + 20)
    # At the ends of the range a colour is clipped and does not wrap round.
    assert colour(np.array([[[250, 20, 20]]], np.uint8), np.array([[200]], np.uint8)).max() == 255


def figures(image: np.ndarray) -> tuple[float, float, float]:
    """Entropy, spatial frequency and standard deviation as published.csv's notes define them."""
    share = np.bincount(image.ravel(), minlength=256) / image.size
    share = share[share > 0]
    values = image.astype(float)
    changes = [np.mean(np.diff(values, axis=axis) ** 2) for axis in (0, 1)]
    return float(-(share * np.log2(share)).sum()), float(np.sqrt(sum(changes))), values.std()


@pytest.mark.parametrize('group', PUBLISHED)
def test_real_pairs_repeat_the_published_rows(group: str) -> None:
    if 'DEGFUSE_DATA' not in os.environ:
        pytest.skip('DEGFUSE_DATA names no folder of real pairs')
    folder = Path(os.environ['DEGFUSE_DATA'])
    with (folder / 'pairs.csv').open() as file:
        rows = [row for row in csv.DictReader(file) if row['name'].endswith(group)
                and (row['source'], row['split']) == ('msrs', 'val')]
    assert len(rows) == 21
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in BASELINES}
    for row in rows:
        pair = PairFiles(row['name'], folder / row['visible_path'], folder / row['thermal_path'])
        visible, thermal = pair.read()
        for name, fuse in BASELINES.items():
            found[name].append(figures(fuse(visible, thermal)))
    for name, expected in PUBLISHED[group].items():
        # Published with four digits. Another OpenCV may round a pixel in ten thousand otherwise.
        assert np.mean(found[name], axis=0) == pytest.approx(expected, abs=2e-4), name
