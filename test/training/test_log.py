# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The log's means against values known by hand, in the CSV and in TensorBoard's own reader."""

import builtins
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from degfuse_ros.training.config import ConfigError
from degfuse_ros.training.log import TrainingLog

CPU = torch.device('cpu')


def filled(path: Path, steps: int, every: int, values: Any = float,
           tensorboard: bool = False) -> TrainingLog:
    """A closed log of terms `loss` = value(step) and `other` = 2 value(step) + 1."""
    log = TrainingLog(path, steps, every, tensorboard)
    log.open(0)
    for step in range(steps):
        loss = torch.tensor(values(step))
        log.add(step, {'loss': loss, 'other': 2 * loss + 1}, CPU)
    log.picture(np.full((4, 6, 3), 90, np.uint8), steps)
    log.scores({'psnr': 21.5}, steps)
    log.close()
    return log


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_rows_are_means_and_the_last_may_be_short(tmp_path: Path):
    log = filled(tmp_path / 'deep' / 'log.csv', 8, 3)
    rows = read(tmp_path / 'deep' / 'log.csv')
    assert [row['step'] for row in rows] == ['3', '6', '8']
    assert [float(row['loss']) for row in rows] == [1.0, 4.0, 6.5]
    assert [float(row['other']) for row in rows] == [3.0, 9.0, 14.0]
    assert all(float(row['seconds']) >= 0 for row in rows)
    assert log.last == {'loss': 6.5, 'other': 14.0}


def test_a_new_log_replaces_an_old_one(tmp_path: Path):
    for value in (1.0, 5.0):
        filled(tmp_path / 'log.csv', 2, 1, lambda step, value=value: value)
    assert [float(row['loss']) for row in read(tmp_path / 'log.csv')] == [5.0, 5.0]


def test_it_neither_holds_the_graph_nor_what_it_is_given(tmp_path: Path):
    log = TrainingLog(tmp_path / 'log.csv', 2, 2, False)
    log.open(0)
    weight, terms = torch.tensor(3.0, requires_grad=True), torch.zeros(1)
    log.add(0, {'loss': weight * 2 + terms.sum()}, CPU)
    reused = torch.tensor(10.0)  # a captured step hands out the same memory again
    log.add(1, {'loss': reused}, CPU)
    log.close()
    assert log.last == {'loss': 8.0} and reused == 10.0


def test_tensorboard_reads_the_same_numbers(tmp_path: Path):
    filled(tmp_path / 'log.csv', 6, 3, tensorboard=True)
    events = EventAccumulator(str(tmp_path / 'log.tensorboard')).Reload()
    assert [(event.step, event.value) for event in events.Scalars('loss/loss')] == [
        (3, 1.0), (6, 4.0)]
    assert [(event.step, event.value) for event in events.Scalars('val/psnr')] == [(6, 21.5)]
    assert [(event.step, event.width) for event in events.Images('pictures')] == [(6, 6)]


def test_without_tensorboard_it_says_so_once_and_goes_on(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    load = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name.startswith('torch.utils.tensorboard'):
            raise ModuleNotFoundError(name)
        return load(name, *arguments)
    monkeypatch.setattr(builtins, '__import__', refuse)
    filled(tmp_path / 'log.csv', 4, 2, tensorboard=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and 'pip install tensorboard' in lines[0]
    assert len(read(tmp_path / 'log.csv')) == 2


@pytest.mark.parametrize(('steps', 'said'), [(21, 1), (20, 0), (5, 0)])
def test_it_says_how_long_it_will_take_where_it_takes_longer(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], steps: int, said: int):
    filled(tmp_path / 'log.csv', steps, 50)
    assert capsys.readouterr().out.count('to go') == said


def test_another_process_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    log = TrainingLog(None, 2, 1, True)
    log.open(0)
    log.add(0, {'loss': torch.tensor(1.0)}, CPU)
    log.close()
    assert not list(tmp_path.iterdir()) and log.last == {'loss': 1.0}


def test_a_loss_that_is_not_finite_ends_training(tmp_path: Path):
    log = TrainingLog(tmp_path / 'log.csv', 4, 2, False)
    log.open(0)
    log.add(0, {'loss': torch.tensor(1.0)}, CPU)
    with pytest.raises(ConfigError, match='not finite at step 2.*learning_rate') as refused:
        log.add(1, {'loss': torch.tensor(float('nan'))}, CPU)
    assert '\n' not in str(refused.value) and not (tmp_path / 'log.csv').exists()
