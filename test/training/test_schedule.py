# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Seeds, the learning rate's course against values known by hand, and the log's means."""

import csv
from pathlib import Path

import pytest
import torch

from degfuse_ros.training.config import ConfigError
from degfuse_ros.training.schedule import (
    TrainingLog,
    learning_rate_factor,
    seed_everything,
    training_device,
)


def test_warm_up_is_linear():
    factors = [learning_rate_factor(step, 100, 10) for step in range(10)]
    assert factors == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def test_cosine_of_known_angles():
    # 60, 90, 120 and 180 degrees of half a cosine from 1 to 0.01.
    for step, expected in ((10, 1.0), (40, 0.7525), (55, 0.505), (70, 0.2575), (100, 0.01)):
        assert learning_rate_factor(step, 100, 10) == pytest.approx(expected)


def test_cosine_never_rises():
    factors = [learning_rate_factor(step, 50, 0) for step in range(50)]
    assert factors[0] == 1 and all(high > low for high, low in zip(factors, factors[1:]))


def test_course_without_a_cosine_is_finite():
    assert learning_rate_factor(5, 5, 5) == pytest.approx(1)
    assert learning_rate_factor(4, 5, 20) == pytest.approx(0.25)


def test_rows_are_means(tmp_path: Path):
    log = TrainingLog(tmp_path / 'deep' / 'log.csv', 7, 3)
    for step in range(7):
        log.add(step, {'loss': torch.tensor(float(step)), 'other': torch.tensor(2.0 * step + 1)})
    assert log.close() >= 0
    with (tmp_path / 'deep' / 'log.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['step'] for row in rows] == ['3', '6']
    assert [float(row['loss']) for row in rows] == [1.0, 4.0]
    assert [float(row['other']) for row in rows] == [3.0, 9.0]
    assert all(float(row['seconds']) >= 0 for row in rows)
    assert log.last == {'loss': 4.0, 'other': 9.0}


def test_a_new_log_replaces_an_old_one(tmp_path: Path):
    for value in (1.0, 5.0):
        log = TrainingLog(tmp_path / 'log.csv', 2, 1)
        for step in range(2):
            log.add(step, {'loss': torch.tensor(value)})
        log.close()
    with (tmp_path / 'log.csv').open(newline='') as file:
        assert [float(row['loss']) for row in csv.DictReader(file)] == [5.0, 5.0]


def test_the_log_lets_go_of_the_graph(tmp_path: Path):
    log = TrainingLog(tmp_path / 'log.csv', 2, 1)
    weight = torch.tensor(3.0, requires_grad=True)
    log.add(0, {'loss': weight * 2})
    assert weight.grad is None and log.last == {'loss': 6.0}
    log.close()


def test_a_seed_repeats_all_three_streams():
    def draws(seed: int) -> list[float]:
        host, device = seed_everything(seed, torch.device('cpu'))
        return [torch.rand(1).item(), torch.rand(1, generator=host).item(),
                torch.rand(1, generator=device).item()]
    assert draws(1) == draws(1) != draws(2)


def test_a_device_that_is_there():
    assert training_device('cpu') == torch.device('cpu')


@pytest.mark.parametrize('name', ['coda', 'cuda:77', ''])
def test_a_device_that_is_not_there_is_refused_in_one_line(name: str):
    with pytest.raises(ConfigError) as caught:
        training_device(name)
    message = str(caught.value)
    assert repr(name) in message and 'device=cpu' in message and '\n' not in message


def test_a_loss_that_is_not_finite_ends_training(tmp_path: Path):
    log = TrainingLog(tmp_path / 'log.csv', 4, 2)
    log.add(0, {'loss': torch.tensor(1.0)})
    with pytest.raises(ConfigError, match='not finite at step 2.*learning_rate') as refused:
        log.add(1, {'loss': torch.tensor(float('nan'))})
    assert '\n' not in str(refused.value) and not (tmp_path / 'log.csv').exists()
