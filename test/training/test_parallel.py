# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Two gloo processes against one that averages the gradients of the same two half batches."""

import csv
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from parallel_training import train_in_processes
from torch import Tensor
from training_pairs import write_pairs

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.model_file import load_model, save_model
from degfuse_ros.training.config import ConfigError, FusionConfig
from degfuse_ros.training.fusion import FusionStage
from degfuse_ros.training.parallel import Parallel, parallel
from degfuse_ros.training.schedule import Randomness, learning_rate_factor

CPU = torch.device('cpu')
STEPS = 3
SMALL = ModelConfig(
    widths=(8, 8, 16), hidden=(6, 6, 8), guidance_dim=32,
    tower={'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
           'mlp_ratio': 2.0, 'embed_dim': 16})


@pytest.fixture(scope='module')
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp('parallel')
    write_pairs(folder, [('made', split, name) for split, name in (
        ('train', 'clean'), ('train', 'unknown'), ('train', 'low_light'), ('val', 'clean'))])
    torch.manual_seed(3)
    guidance = DegradationGuidance(SMALL)
    save_model(folder / 'guidance.safetensors', SMALL, guidance.state_dict(), {}, {})
    return {'data': str(folder), 'guidance': str(folder / 'guidance.safetensors'),
            'out': str(folder / 'out.safetensors'), 'size': (64, 64), 'steps': STEPS, 'batch': 6,
            'real': 2, 'warmup': 1, 'learning_rate': 1e-2, 'ema': 0.0, 'device': 'cpu',
            'log_every': 1, 'tensorboard': False}


@pytest.fixture(scope='module')
def weights(settings: dict[str, Any],
            tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    """The weights with which two processes end that were stopped on the way."""
    folder = tmp_path_factory.mktemp('weights')
    # The second process alone is out of time; both must stop at the same step.
    stopped, finished = train_in_processes(
        [{**settings, 'minutes': 1e-9}, {**settings, 'resume': True}], folder)
    for name in stopped[0]:
        assert torch.equal(stopped[0][name], stopped[1][name])
    assert any(not torch.equal(stopped[0][name], finished[0][name]) for name in stopped[0])
    return finished


def by_hand(config: FusionConfig) -> dict[str, torch.Tensor]:
    """Train alone, with the mean gradient of the batches that two processes would draw."""
    torch.manual_seed(config.seed)
    stages = []
    for rank in range(2):
        torch.manual_seed(config.seed)
        stages.append(FusionStage(config, Parallel(rank, 2, CPU)))
    trained = [list(stage.trained().values()) for stage in stages]
    optimiser = torch.optim.AdamW(trained[0], weight_decay=config.weight_decay)
    for step in range(config.steps):
        for rank, stage in enumerate(stages):
            randomness = Randomness(config.seed, rank, CPU)
            randomness.begin(step)
            terms = stage.module(stage.draw(step, randomness))
            stage.module.zero_grad()
            sum(getattr(config, f'{name}_weight') * term
                for name, term in terms.items()).backward()
        means = [(cast(Tensor, one.grad) + cast(Tensor, two.grad)) / 2
                 for one, two in zip(*trained)]
        length = float(torch.stack([mean.norm() for mean in means]).norm())
        for weight, mean in zip(trained[0], means):
            weight.grad = mean * min(1.0, 1 / (length + 1e-6))
        optimiser.param_groups[0]['lr'] = config.learning_rate * learning_rate_factor(
            step, config.steps, config.warmup)
        optimiser.step()
        with torch.no_grad():
            for one, two in zip(*trained):
                two.copy_(one)
    return {name: weight.detach() for name, weight in stages[0].trained().items()}


def test_both_processes_end_with_equal_weights(weights: list[dict[str, torch.Tensor]]):
    first, second = weights
    assert set(first) == set(second)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_they_are_those_of_the_mean_gradient(settings: dict[str, Any],
                                             weights: list[dict[str, torch.Tensor]]):
    config = FusionConfig(**settings)
    expected = by_hand(config)
    torch.manual_seed(config.seed)
    start = FusionStage(config, Parallel(0, 1, CPU)).trained()
    assert set(expected) == set(weights[0]) == set(start)
    for name, weight in weights[0].items():
        # Adam divides by the gradient's size: where it is all but 0, rounding decides the sign.
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=2e-4)
    assert any((weight - start[name]).abs().max() > 1e-2 for name, weight in weights[0].items())


def test_the_first_process_alone_writes(settings: dict[str, Any],
                                        weights: list[dict[str, torch.Tensor]]):
    folder = Path(settings['data'])
    assert {path.name for path in folder.iterdir()} == {
        'pairs.csv', 'made', 'guidance.safetensors', 'out.safetensors', 'out.csv',
        'out.checkpoint.pt', 'out.grids'}
    saved = load_model(folder / 'out.safetensors').part('fusion')
    for name, weight in saved.items():  # ema 0: the newest weights, in half precision
        torch.testing.assert_close(weight, weights[0][f'network.{name}'], rtol=1e-3, atol=1e-6)
    with (folder / 'out.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == STEPS


def test_the_logged_losses_are_means_over_both_processes(settings: dict[str, Any],
                                                         weights: list[dict[str, Tensor]]):
    config = FusionConfig(**settings)
    losses = []
    for rank in range(2):
        torch.manual_seed(config.seed)
        stage = FusionStage(config, Parallel(rank, 2, CPU))
        randomness = Randomness(config.seed, rank, CPU)
        randomness.begin(0)
        losses.append(stage.module(stage.draw(0, randomness))['pixel'].item())
    assert losses[0] != pytest.approx(losses[1], rel=1e-3)
    with Path(settings['out']).with_suffix('.csv').open(newline='') as file:
        first = next(csv.DictReader(file))
    assert float(first['pixel']) == pytest.approx(sum(losses) / 2, abs=2e-6)


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('WORLD_SIZE', '4')
    with pytest.raises(ConfigError, match='multiple of the 4 processes. Got 6'), \
            parallel('cpu', 6):
        pass


def test_a_gpu_that_is_named_is_the_one_where_graphs_are_made(monkeypatch: pytest.MonkeyPatch):
    chosen: list[torch.device] = []
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    monkeypatch.setattr('degfuse_ros.training.parallel.training_device', torch.device)
    monkeypatch.setattr(torch.cuda, 'set_device', chosen.append)
    with parallel('cuda:1', 8) as processes:
        assert chosen == [processes.device] == [torch.device('cuda:1')]


def test_several_processes_on_one_gpu_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(ConfigError, match="device=cuda.*Got 'cuda:1'"), parallel('cuda:1', 8):
        pass


def test_alone_by_default(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    with parallel('cpu', 7) as processes:
        assert processes == Parallel(0, 1, CPU)
        assert processes.any(True) and not processes.any(False)
        value = torch.tensor([1.0, 2.0])
        processes.average([value])
        processes.agree([value])
        assert value.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(('count', 'processes'), [(32, 1), (32, 4), (5, 4), (3, 8), (0, 2)])
def test_shares_add_up_and_are_even(count: int, processes: int):
    shares = [Parallel(rank, processes, CPU).share(count) for rank in range(processes)]
    assert sum(shares) == count and max(shares) - min(shares) <= 1
