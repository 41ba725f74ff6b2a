# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Choosing the part of a pair that is worth a closer look."""

import numpy as np

from degfuse_ros.evaluation.sample import choose_crop

RANDOM = np.random.default_rng(0)


def textured(*windows: tuple[int, int, int]) -> np.ndarray:
    """Return a grey image, 60 x 80, with noise of an amplitude in 10 x 10 windows."""
    image = np.full((60, 80), 128, np.uint8)
    for top, left, amplitude in windows:
        image[top:top + 10, left:left + 10] = 128 + RANDOM.integers(
            -amplitude, amplitude, (10, 10))
    return image


def test_finds_the_window_that_both_cameras_see() -> None:
    # Either camera sees one place better than the one that they share.
    visible = textured((5, 5, 120), (40, 60, 40))
    thermal = textured((5, 50, 120), (40, 60, 40))
    top, left, height, width = choose_crop(visible, thermal, (12, 12))
    assert (height, width) == (12, 12)
    assert top <= 40 and left <= 60
    assert top + 12 >= 50 and left + 12 >= 70


def test_equals_a_search_by_hand() -> None:
    visible, thermal = (RANDOM.integers(0, 256, (20, 24), np.uint8) for _ in range(2))

    def edges(image: np.ndarray) -> np.ndarray:
        grey = np.pad(image.astype(float), 1, mode='reflect')
        across = sum(weight * (grey[row:row + 20, 2:] - grey[row:row + 20, :-2])
                     for row, weight in enumerate((1, 2, 1)))
        down = sum(weight * (grey[2:, column:column + 24] - grey[:-2, column:column + 24])
                   for column, weight in enumerate((1, 2, 1)))
        return np.rint(np.hypot(across, down))

    seen, heat = edges(visible), edges(thermal)
    worth = {(top, left): seen[top:top + 6, left:left + 7].sum()
             * heat[top:top + 6, left:left + 7].sum()
             for top in range(15) for left in range(18)}
    assert choose_crop(visible, thermal, (6, 7)) == (*max(worth, key=lambda at: worth[at]), 6, 7)


def test_window_is_cut_to_the_image() -> None:
    flat = np.zeros((60, 80), np.uint8)
    assert choose_crop(flat, flat, (100, 100)) == (0, 0, 60, 80)
    assert choose_crop(flat, flat, (30, 100)) == (0, 0, 30, 80)
