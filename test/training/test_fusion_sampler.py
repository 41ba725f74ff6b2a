# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Batches of stage 2: what they mix, and what of a pair moves together."""

import dataclasses
from typing import Any

import pytest
import torch
from training_pairs import write_pairs

from degfuse_ros.training import fusion_sampler
from degfuse_ros.training.config import FusionConfig
from degfuse_ros.training.dataset import Pair, load_pairs
from degfuse_ros.training.fusion_sampler import FusionBatch, FusionSampler
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.schedule import Randomness

CPU = torch.device('cpu')
ALONE = Parallel(0, 1, CPU)
CONFIG = FusionConfig(data='', guidance='', out='', size=(64, 64), batch=100, real=30)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    root = write_pairs(tmp_path_factory.mktemp('pairs'), [('made', 'train', name) for name in (
        'clean', 'unknown', 'clean', 'low_light', 'low_light', 'overexposed')])
    found = load_pairs(root, 'train')
    # As a washed-out picture is: all of it bright.
    return [dataclasses.replace(pair, visible=200 + pair.visible // 6)
            if pair.condition == 'overexposed' else pair for pair in found]


def draw(pairs: list[Pair], processes: Parallel = ALONE, step: int = 0,
         **changes: Any) -> FusionBatch:
    sampler = FusionSampler(pairs, dataclasses.replace(CONFIG, **changes), processes)
    randomness = Randomness(1, processes.rank, CPU)
    randomness.begin(step)
    return sampler.draw(randomness)


@pytest.fixture(scope='module')
def batch(pairs: list[Pair]) -> FusionBatch:
    return draw(pairs)


def test_nights_come_first_then_washed_out_pictures_then_clean_ones(batch: FusionBatch):
    assert (batch.real, batch.nights) == (30, 20)
    brightness = batch.clean_visible.mean((1, 2, 3))
    assert brightness[:20].max() < 0.1 < brightness[30:].min()
    assert brightness[20:30].min() > 0.75 > brightness[30:].max()


def test_real_pictures_stay_as_the_camera_gave_them(batch: FusionBatch):
    same = (batch.visible == batch.clean_visible).flatten(1).all(1)
    assert same[:30].all()
    # Of the others 0.3 are not degraded, and half of these have no flaws either.
    assert 0.03 < same[30:].float().mean() < 0.3


def test_pictures_are_degraded_to_all_degrees(batch: FusionBatch):
    error = (batch.visible - batch.clean_visible)[30:].abs().mean((1, 2, 3))
    assert error.max() > 0.2 and ((error > 0.005) & (error < 0.05)).any()
    assert batch.visible.min() >= 0 and batch.visible.max() <= 1


def test_half_of_the_thermal_images_are_degraded(batch: FusionBatch):
    same = (batch.thermal == batch.clean_thermal).flatten(1).all(1)
    assert 0.35 < same.float().mean() < 0.65


def test_shift_and_gain_reach_input_and_target_alike(pairs: list[Pair],
                                                     monkeypatch: pytest.MonkeyPatch):
    for name in ('degrade_thermal', 'fog_in_infrared'):
        monkeypatch.setattr(fusion_sampler, name, lambda image, severity, random: image)
    moved = draw(pairs)
    assert torch.equal(moved.thermal, moved.clean_thermal)
    for name in ('misregister', 'automatic_gain'):
        monkeypatch.setattr(fusion_sampler, name, lambda image, strength, random: image)
    still = draw(pairs)
    assert torch.equal(moved.clean_visible, still.clean_visible)
    same = (moved.clean_thermal == still.clean_thermal).flatten(1).all(1)
    assert 0.1 < same.float().mean() < 0.45  # a half of a half


@pytest.mark.parametrize(('left_out', 'real', 'nights'), [
    ('overexposed', 30, 30), ('low_light', 30, 0), (None, 30, 20)])
def test_with_what_there_is(pairs: list[Pair], left_out: str | None, real: int, nights: int):
    batch = draw([pair for pair in pairs if pair.condition != left_out])
    assert (batch.real, batch.nights) == (real, nights) and len(batch.visible) == 100


def test_processes_share_a_batch_and_draw_their_own(pairs: list[Pair]):
    parts = [draw(pairs, Parallel(rank, 4, CPU), batch=8, real=3) for rank in range(4)]
    assert [len(part.visible) for part in parts] == [2] * 4
    assert sum(part.real for part in parts) == 3
    pictures = {part.visible[-1].sum().item() for part in parts}
    assert len(pictures) == 4


def test_a_step_repeats_and_the_next_differs(pairs: list[Pair], batch: FusionBatch):
    again, other = draw(pairs), draw(pairs, step=1)
    for name in ('visible', 'thermal', 'clean_visible', 'clean_thermal'):
        assert torch.equal(getattr(batch, name), getattr(again, name))
        assert not torch.equal(getattr(batch, name), getattr(other, name))
