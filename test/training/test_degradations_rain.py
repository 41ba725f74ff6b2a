# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Rain: what streaks do to what is behind them, and how much they differ."""

import pytest
import torch
from degraded import BATCH, at, generator, plain
from torch import Tensor

from degfuse_ros.training.degradations import rain
from degfuse_ros.training.degradations.rain import _Layers, _streaks


def directions(image: Tensor) -> tuple[Tensor, Tensor]:
    """Angle of the streaks from vertical in radians and coherence, B each, by structure tensor."""
    down, right = torch.gradient(image.mean(1), dim=(1, 2))
    rows, columns, mixed = (part.mean((1, 2)) for part in
                            (down * down, right * right, down * right))
    angle = 0.5 * torch.atan2(2 * mixed, columns - rows)  # of the gradient, from horizontal
    coherence = torch.hypot(columns - rows, 2 * mixed) / (columns + rows)
    return angle.abs(), coherence


def test_rain_is_bright_streaks_near_vertical_over_the_dark():
    dark = plain(0.1, side=96)
    for severity in (0.3, 0.8):
        result = at(rain, severity, dark)
        assert result.min() >= 0.1 - 1e-6  # drops show the sky: none is darker than the night
        angle, coherence = directions(result)
        assert angle.mean() < 0.5 and coherence.median() > 0.2
        gradient = [result.diff(dim=axis).square().mean() for axis in (2, 3)]
        assert gradient[1] > 1.5 * gradient[0]


def test_wind_tilts_a_pictures_streaks_its_own_way():
    angle, _ = directions(at(rain, 0.8, plain(0.1, side=96)))
    assert angle.max() - angle.min() > 0.2


def test_most_rain_is_not_seen_before_the_sky():
    # Streaks are what is left when the smooth mist is taken away.
    def detail(value: float) -> Tensor:
        return at(rain, 0.6, plain(value, batch=48)).diff(dim=-1).abs().mean((1, 2, 3))

    sky, trees = detail(1.0), detail(0.1)
    assert sky.mean() < 0.3 * trees.mean()
    assert (sky < 0.02 * trees).float().mean() > 0.4


def test_streaks_are_seen_on_grey_ground_in_every_look():
    for seed in range(3):
        result = at(rain, 0.6, plain(0.5, batch=24, side=96), seed)
        assert (result.diff(dim=-1).abs().amax((1, 2, 3)) > 3 / 255).all()


def test_looks_differ_widely():
    rainy = torch.cat([at(rain, 0.6, plain(0.2, side=96), seed) for seed in range(4)]).mean(1)
    light = rainy - rainy.amin((1, 2), keepdim=True)
    covered = (light > 0.5 * light.amax((1, 2), keepdim=True)).float().mean((1, 2))
    assert covered.max() > 10 * covered.clamp(min=1e-4).min()  # few drops and many
    along = rainy.diff(dim=1).abs().mean((1, 2)) / rainy.diff(dim=2).abs().mean((1, 2))
    assert along.max() > 2 * along.min()  # dots and lines
    veil = rainy.flatten(1).quantile(0.05, 1) - 0.2
    assert veil.min() < 0.01 and veil.max() > 0.05


def one_layer(**looks: float) -> _Layers:
    """Layers of which the first has drops, BATCH x 4 x 1 x 1 each."""
    usual = {'length': 30.0, 'width': 1.0, 'opacity': 0.8, 'cover': 0.01, 'hardness': 1.0,
             'tilt': 0.0, 'spread': 0.0}
    parts = {name: torch.full((BATCH, 4, 1, 1), value) for name, value in
             {**usual, **looks}.items()}
    parts['cover'][:, 1:] = 0
    return _Layers(**parts)


@pytest.mark.parametrize('tilt', [0.0, 0.4, -0.6])
def test_streaks_lie_along_the_wind(tilt: float):
    drops = _streaks((96, 128), one_layer(tilt=tilt, length=80.0), generator())[:, 0]
    # Ten rows further down a streak is ten times the tilt further right.
    likeness = [(drops[:, 10:, 10:-10] * drops[:, :-10, 10 - shift:118 - shift]).sum()
                for shift in range(-10, 11)]
    assert torch.stack(likeness).argmax().item() - 10 == round(10 * tilt)


@pytest.mark.parametrize('cover', [0.005, 0.03, 0.1])
def test_cover_is_the_mean_opacity(cover: float):
    for length, opacity in ((10.0, 0.9), (50.0, 0.6)):
        drops = _streaks((96, 128), one_layer(cover=cover, length=length, opacity=opacity),
                         generator())
        # Drops that overlap hide one another.
        assert 0.7 * cover < drops.mean().item() < 1.15 * cover
        assert drops.max() <= opacity + 1e-6


def test_a_streak_is_as_long_and_as_wide_as_said():
    drops = _streaks((400, 200), one_layer(cover=0.0002, length=60.0, width=3.0), generator())
    seen = (drops[:, 0] > 0.5 * 0.3 * 0.8)
    runs = seen[:, 1:-1].sum(1)  # rows in each column, B x W
    assert 20 <= runs[runs > 0].float().median() <= 70
    across = seen.sum(2)
    assert 2 <= across[across > 0].float().median() <= 8
