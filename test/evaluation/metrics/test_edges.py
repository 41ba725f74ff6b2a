# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Edge transfer: step edges, limits, and a headline score that no single camera wins."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from degfuse_ros.evaluation.metrics.edges import (
    TILE,
    EdgeMap,
    combined_transfer,
    edge_transfer,
    find_edges,
    kept_from_both,
    kept_strength,
    tile_weights,
    transfer_in_tiles,
)

SIZE = 48


def sigmoid(value: float) -> float:
    """Return the logistic function."""
    return 1 / (1 + math.exp(-value))


# What is kept of an edge at full strength and angle.
ALL_KEPT = 0.9994 * sigmoid(15 * 0.5) * 0.9879 * sigmoid(22 * 0.2)


def picture(seed: int) -> torch.Tensor:
    """Return a picture of random blocks, 48 x 48 uint8."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 6)).astype(np.uint8)
    return torch.from_numpy(blocks.repeat(8, 0).repeat(8, 1))


def step(height: int) -> torch.Tensor:
    """Return a vertical edge between 0 and a grey level, on black of 48 x 48 pixels.

    The bright part is a bar that leaves the border black, where filters see zeros.
    """
    image = torch.zeros(SIZE, SIZE, dtype=torch.uint8)
    image[:, 20:40] = height
    return image


def transfer(sources: EdgeMap, fused: EdgeMap) -> torch.Tensor:
    """Return the share of each source's edges that is kept."""
    return edge_transfer(sources, kept_strength(sources, fused))


def test_edges_of_a_step() -> None:
    edges = find_edges(step(50)[None])
    middle = edges.strength[0, 24]
    assert middle[[19, 20, 39, 40]].tolist() == [200] * 4  # (1 + 2 + 1) x 50
    assert middle.sum().item() == 800
    assert edges.angle[0, 24, [19, 20, 39, 40]].abs().tolist() == [0] * 4
    # No slope across the columns counts as upright, flat places too.
    assert edges.angle[0, 24, 5].item() == pytest.approx(math.pi / 2)


def test_edges_agree_with_scipy() -> None:
    image = picture(1)
    levels = image.double().numpy()
    across = ndimage.sobel(levels, axis=1, mode='constant')
    down = ndimage.sobel(levels, axis=0, mode='constant')
    edges = find_edges(image[None])
    np.testing.assert_allclose(edges.strength[0], np.hypot(across, down), rtol=1e-6)
    slanted = across != 0
    np.testing.assert_allclose(edges.angle[0].numpy()[slanted],
                               np.arctan(-down[slanted] / across[slanted]), atol=1e-6)


def test_the_same_image_keeps_all_edges() -> None:
    edges = find_edges(picture(1)[None])
    assert transfer(edges, edges).item() == pytest.approx(ALL_KEPT)


def test_a_paler_step_loses_by_its_strength_alone() -> None:
    # Two bars of the same shape: all angles agree, all strengths have the same ratio.
    source, pale = find_edges(step(200)[None]), find_edges(step(120)[None])
    expected = 0.9994 * sigmoid(15 * (0.6 - 0.5)) * 0.9879 * sigmoid(22 * 0.2)
    assert transfer(source, pale).item() == pytest.approx(expected)
    # Too strong an edge is as wrong as too weak a one.
    assert transfer(pale, source).item() == pytest.approx(expected)


def test_no_edges() -> None:
    flat = find_edges(torch.zeros(1, SIZE, SIZE, dtype=torch.uint8))
    some = find_edges(picture(1)[None])
    assert transfer(flat, some).tolist() == [[0]]
    assert transfer(some, flat).item() < 0.001
    assert combined_transfer(flat, transfer(flat, some)).tolist() == [0]


def test_shuffled_image_keeps_little() -> None:
    image = picture(1)
    order = np.random.default_rng(2).permutation(image.numel())
    shuffled = image.flatten()[order].view_as(image)
    assert transfer(find_edges(image[None]), find_edges(shuffled[None])).item() < 0.2


def test_combined_transfer_weights_each_source_with_its_edges() -> None:
    strong, weak = step(200), step(50)
    sources = find_edges(torch.stack((strong, weak)))
    shares = transfer(sources, find_edges(weak[None]))
    # Edges scale with the step: weights 4 to 1.
    assert combined_transfer(sources, shares).item() == \
        pytest.approx(0.8 * shares[0].item() + 0.2 * shares[1].item())


def kept(fused: list[torch.Tensor], visible: torch.Tensor, thermal: torch.Tensor) -> list[float]:
    """Return `kept` of fused images."""
    sources = find_edges(torch.stack((visible, thermal)))
    own = transfer_in_tiles(sources, kept_strength(sources, sources))
    shares = transfer_in_tiles(sources, kept_strength(sources, find_edges(torch.stack(fused))))
    return kept_from_both(shares, own, tile_weights(sources)).tolist()


def test_neither_camera_alone_keeps_anything() -> None:
    # Edges of the one lie between those of the other.
    visible, thermal = picture(1), picture(2).roll((4, 4), (0, 1))
    both = torch.maximum(visible, thermal)
    scores = kept([visible, thermal, both], visible, thermal)
    assert scores[:2] == [0, 0]
    assert 0.1 < scores[2] < 1


def test_a_split_screen_keeps_little() -> None:
    # 4 x 4 tiles, cut in the middle between two of them: no tile shows both cameras.
    visible, thermal = (torch.cat([torch.cat([picture(seed + 10 * row + column)[:33, :33]
                                              for column in range(4)], 1)
                                   for row in range(4)]) for seed in (100, 200))
    side = 4 * TILE + 2
    visible, thermal = visible[:side, :side], thermal[:side, :side]
    split = torch.cat((visible[:, :side // 2], thermal[:, side // 2:]), 1)
    scores = kept([split, torch.maximum(visible, thermal)], visible, thermal)
    assert scores[0] < 0.2 * scores[1]


def test_all_edges_of_both_cameras_are_the_full_score() -> None:
    # Two bars that do not touch; their sum keeps every edge of both.
    visible = torch.zeros(SIZE, SIZE, dtype=torch.uint8)
    thermal = visible.clone()
    visible[10:16] = 90
    thermal[20:26] = 200
    scores = kept([visible + thermal], visible, thermal)
    assert scores == [pytest.approx(1, abs=1e-6)]


def test_tiles_are_counted_by_hand() -> None:
    # 66 x 50 inner pixels: three rows of tiles, the last of 2 pixels, and two columns.
    strength = torch.zeros(1, 68, 52)
    strength[0, 1, 1], strength[0, 33, 1], strength[0, 66, 50], strength[0, 0, 7] = 10, 5, 4, 99
    source = EdgeMap(strength, torch.zeros_like(strength))
    shares = transfer_in_tiles(source, strength[None] / 2)
    assert shares.shape == (1, 1, 6)
    assert shares[0, 0].tolist() == [0.5, 0, 0.5, 0, 0, 0.5]
    both = EdgeMap(torch.cat((strength, 4 * strength)), torch.zeros(2, 68, 52))
    assert tile_weights(both).tolist() == pytest.approx([10 / 19, 0, 5 / 19, 0, 0, 4 / 19])


def test_kept_is_the_weighted_mean_of_geometric_means() -> None:
    own = torch.tensor([[0.9, 0.1], [0.3, 0.8]], dtype=torch.float64)[..., None].expand(2, 2, 2)
    shares = torch.tensor([[0.5, 0.05, 0.95], [0.4, 0.8, 0.9]], dtype=torch.float64)
    tiles = torch.stack((shares, shares.flip(1)), -1)  # the second tile counts three times
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64)
    first = [math.sqrt(0.5 * 0.2), 0, 1]
    assert kept_from_both(tiles, own, weights).tolist() == pytest.approx(
        [0.25 * one + 0.75 * other for one, other in zip(first, reversed(first))])


def test_equal_cameras_keep_nothing_beyond_each_other() -> None:
    assert kept([picture(1), picture(2)], picture(1), picture(1)) == [0, 0]
