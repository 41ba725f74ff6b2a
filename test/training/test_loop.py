# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The shared loop on a toy stage: what it writes, and that a break leaves no trace."""

import csv
import os
import signal
from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from toy_stage import toy_config, toy_train

from degfuse_ros.training.checkpoint import checkpoint_path
from degfuse_ros.training.config import ConfigError, FusionConfig
from degfuse_ros.training.stop import TrainingStopped


def rows(config: FusionConfig) -> list[dict[str, str]]:
    """Rows of the CSV without their times."""
    with Path(config.out).with_suffix('.csv').open(newline='') as file:
        return [{name: value for name, value in row.items() if name != 'seconds'}
                for row in csv.DictReader(file)]


def left(config: FusionConfig) -> tuple[Any, ...]:
    """What a run left, but for times: weights, log, and the checkpoint's parts."""
    state = torch.load(checkpoint_path(config.out), weights_only=True)
    parts = [*state['weights'].values(), *state['averages'].values(),
             *(value for each in state['optimiser'].values() for value in each.values()),
             *load_file(config.out).values()]
    return state['step'], rows(config), [part.tolist() for part in parts]


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """What a run without a break leaves."""
    config = toy_config(tmp_path_factory.mktemp('whole'))
    toy_train(config)
    return left(config)


def test_it_learns_and_says_what_came_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = toy_config(tmp_path, steps=200, log_every=20, tensorboard=True)
    result = toy_train(config)
    log = rows(config)
    assert [row['step'] for row in log] == [str(step) for step in range(20, 201, 20)]
    assert float(log[-1]['loss']) < 0.2 * float(log[0]['loss'])
    for row in log:  # weights of the two terms: 2 and 10
        assert float(row['loss']) == pytest.approx(
            2 * float(row['pixel']) + 10 * float(row['gradient']), abs=1e-5)
    assert result['steps'] == 200 and result['distance'] < 0.1
    assert result['loss'] == pytest.approx(float(log[-1]['loss']))
    with safe_open(config.out, 'pt') as file:
        notes = file.metadata()
    assert notes['steps'] == '200' and notes['distance'] == f"{result['distance']:.4f}"
    output = capsys.readouterr().out.splitlines()
    assert output[0] == 'toy: numbers; 200 steps of 8'
    assert 'seconds to go' in output[1]
    assert not list(tmp_path.glob('.*'))  # nothing unfinished


@pytest.mark.parametrize('steps', [1, 3, 7])
def test_a_run_shorter_than_a_row_still_writes_one(tmp_path: Path, steps: int):
    config = toy_config(tmp_path, steps=steps, warmup=0, log_every=50)
    result = toy_train(config)
    assert [row['step'] for row in rows(config)] == [str(steps)]
    assert result['loss'] > 0


def test_a_seed_repeats_a_run_and_another_does_not(tmp_path: Path, whole: tuple[Any, ...]):
    same, other = toy_config(tmp_path / 'same'), toy_config(tmp_path / 'other', seed=5)
    toy_train(same)
    toy_train(other)
    assert left(same) == whole != left(other)


def test_a_break_after_every_step_leaves_no_trace(tmp_path: Path, whole: tuple[Any, ...]):
    breaks = 0
    config = toy_config(tmp_path, minutes=1e-9)
    while True:
        try:
            result = toy_train(config)
            break
        except TrainingStopped as stop:
            breaks += 1
            assert stop.status == 0 and str(checkpoint_path(config.out)) in str(stop)
            assert f'after step {breaks} of 12' in str(stop)
            assert Path(config.out).is_file()  # weights to look at
        config.resume = True
    assert breaks == 11 and result['steps'] == 12
    assert left(config) == whole


@pytest.mark.parametrize('kind', [signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_writes_its_checkpoint_first(tmp_path: Path, whole: tuple[Any, ...],
                                                  kind: signal.Signals):
    config = toy_config(tmp_path)
    before = signal.getsignal(kind)

    def kill(step: int) -> None:
        if step == 4:
            os.kill(os.getpid(), kind)
    with pytest.raises(TrainingStopped, match=f'after step 5 of 12.*{kind.name}') as stop:
        toy_train(config, kill)
    assert stop.value.status == 128 + kind and signal.getsignal(kind) is before
    config.resume = True
    toy_train(config)
    assert left(config) == whole


def test_after_a_crash_it_goes_on_from_the_last_checkpoint(tmp_path: Path,
                                                           whole: tuple[Any, ...]):
    def crash(step: int) -> None:
        if step == 11:
            raise MemoryError
    config = toy_config(tmp_path, save_every=4)
    with pytest.raises(MemoryError):
        toy_train(config, crash)
    # The row of step 10 was written after the checkpoint of step 8.
    assert [row['step'] for row in rows(config)] == ['5', '10']
    config.resume = True
    seen: list[int] = []
    toy_train(config, seen.append)
    assert seen == [8, 9, 10, 11]
    assert left(config) == whole


def test_a_finished_run_is_judged_again_and_stays_as_it_is(tmp_path: Path,
                                                           whole: tuple[Any, ...]):
    config = toy_config(tmp_path)
    first = toy_train(config)
    config.resume = True
    again = toy_train(config, lambda step: pytest.fail('it trained'))
    assert left(config) == whole
    assert {**again, 'seconds': 0} == {**first, 'seconds': 0}


@pytest.mark.parametrize(('name', 'value'), [
    ('batch', 16), ('learning_rate', 0.2), ('seed', 9), ('steps', 13), ('ema', 0.5),
    ('warmup', 3), ('zoom', (1.0, 1.5)), ('precision', 'float32'), ('pixel_weight', 1.0)])
def test_a_checkpoint_of_other_settings_is_refused_by_name(tmp_path: Path, name: str, value: Any):
    config = toy_config(tmp_path, minutes=1e-9)
    with pytest.raises(TrainingStopped):
        toy_train(config)
    saved = checkpoint_path(config.out).read_bytes()
    with pytest.raises(ConfigError, match=rf'\b{name} was .* and is now') as refused:
        toy_train(toy_config(tmp_path, resume=True, **{name: value}))
    assert '\n' not in str(refused.value)
    assert checkpoint_path(config.out).read_bytes() == saved


def test_other_data_are_refused_wherever_they_are(tmp_path: Path):
    with pytest.raises(TrainingStopped):
        toy_train(toy_config(tmp_path, minutes=1e-9))
    with pytest.raises(ConfigError, match='content of data'):
        toy_train(toy_config(tmp_path, resume=True), inputs={'data': 'letters'})


def test_a_teacher_that_is_no_longer_given_is_missed(tmp_path: Path):
    with pytest.raises(TrainingStopped):
        toy_train(toy_config(tmp_path, minutes=1e-9), inputs={'teacher': 'old master'})
    with pytest.raises(ConfigError, match='content of teacher was .* and is now None'):
        toy_train(toy_config(tmp_path, resume=True))


def test_a_new_run_says_that_it_replaces_a_checkpoint(tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]):
    config = toy_config(tmp_path, minutes=1e-9)
    for resume, told in ((False, False), (True, False), (False, True)):
        config.resume = resume
        with pytest.raises(TrainingStopped):
            toy_train(config)
        output = capsys.readouterr().out
        assert (f'{checkpoint_path(config.out)} of an earlier run' in output) == told


def test_what_changes_no_result_may_change(tmp_path: Path, whole: tuple[Any, ...]):
    with pytest.raises(TrainingStopped):
        toy_train(toy_config(tmp_path, minutes=1e-9))
    config = toy_config(tmp_path, resume=True, minutes=5.0, save_every=3, grid_every=4,
                        tensorboard=True)
    toy_train(config)
    assert left(config) == whole


def test_nothing_to_go_on_from_is_one_line(tmp_path: Path):
    config = toy_config(tmp_path, resume=True)
    path = checkpoint_path(config.out)
    for content in (None, b'', b'text', b'PK\x03\x04', 'tensor'):
        if content == 'tensor':
            torch.save({'step': 3}, path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        with pytest.raises(ConfigError, match='resume=false') as refused:
            toy_train(config)
        assert str(path) in str(refused.value) and '\n' not in str(refused.value)


def test_weights_that_are_not_finite_are_never_written(tmp_path: Path):
    config = toy_config(tmp_path, learning_rate=float('inf'), warmup=0, save_every=3)
    with pytest.raises(ConfigError, match='not finite at step 3.*learning_rate') as refused:
        toy_train(config)
    assert '\n' not in str(refused.value)
    assert not Path(config.out).exists() and not checkpoint_path(config.out).exists()


def test_weights_that_the_last_step_broke_are_not_written(tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch):
    # Its loss is finite: only the next one would tell.
    shorten = torch.nn.utils.clip_grad_norm_

    def broken(weights: list[torch.Tensor], longest: float) -> torch.Tensor:
        for weight in weights:
            assert weight.grad is not None
            weight.grad.fill_(float('nan'))
        return shorten(weights, longest)
    monkeypatch.setattr(torch.nn.utils, 'clip_grad_norm_', broken)
    config = toy_config(tmp_path, steps=1)
    with pytest.raises(ConfigError, match='weights are not finite after step 1'):
        toy_train(config)
    assert not Path(config.out).exists() and not checkpoint_path(config.out).exists()


def test_the_average_is_saved_and_the_newest_weights_go_on(tmp_path: Path):
    config = toy_config(tmp_path, ema=1.0, steps=2)
    toy_train(config)
    state = torch.load(checkpoint_path(config.out), weights_only=True)
    saved = load_file(config.out)
    for name, average in state['averages'].items():
        assert torch.equal(saved[name], average)
        assert not torch.equal(state['weights'][name], average)


def test_pictures_every_so_many_steps_and_at_the_end(tmp_path: Path):
    toy_train(toy_config(tmp_path, grid_every=5))
    folder = tmp_path / 'toy.grids'
    assert sorted(path.name for path in folder.iterdir()) == [
        'step_000005.png', 'step_000010.png', 'step_000012.png']
    picture = cv2.imread(str(folder / 'step_000005.png'))
    assert picture is not None
    assert picture[-16, 16].tolist() == [0, 0, 200]  # blue, green, red
    assert picture[-16, 48].tolist() == [0, 100, 0]
