# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The loop that both stages share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor

from degfuse_ros.training.average import MovingAverage
from degfuse_ros.training.captured import CapturedGradients
from degfuse_ros.training.checkpoint import (
    checkpoint_path,
    identity,
    read_checkpoint,
    write_checkpoint,
)
from degfuse_ros.training.config import ConfigError, TrainingConfig
from degfuse_ros.training.files import replaced
from degfuse_ros.training.grid import sheet
from degfuse_ros.training.log import TrainingLog
from degfuse_ros.training.parallel import Parallel, parallel
from degfuse_ros.training.schedule import Randomness, learning_rate_factor
from degfuse_ros.training.stage import Stage
from degfuse_ros.training.stop import AGREE_EVERY, StopRequest

# Longest gradient of all weights together; usual, and seldom reached after the warm-up.
LONGEST_GRADIENT = 1.0


class _Run:
    """A stage, its optimiser, average and log, and where they are written."""

    def __init__(self, stage: Stage, config: TrainingConfig, processes: Parallel) -> None:
        self.stage, self.config, self.processes = stage, config, processes
        self.weights = stage.trained()
        self.average = MovingAverage(list(self.weights.values()), config.ema)
        self.optimiser = torch.optim.AdamW(
            list(self.weights.values()), config.learning_rate, weight_decay=config.weight_decay,
            fused=processes.device.type == 'cuda')
        self.out = Path(config.out)
        self.log = TrainingLog(self.out.with_suffix('.csv') if processes.rank == 0 else None,
                               config.steps, config.log_every, config.tensorboard)
        processes.agree(list(self.weights.values()))
        captured = config.capture and processes.device.type == 'cuda'
        self._captured = CapturedGradients(
            self._gradients, list(self.weights.values())) if captured else None
        self._identity = identity(config, processes.processes, stage.inputs)

    @property
    def checkpoint(self) -> Path:
        return checkpoint_path(self.config.out)

    def restore(self) -> int:
        """Go on from the checkpoint; return how many steps it has behind it."""
        state = read_checkpoint(self.checkpoint, self._identity)
        with torch.no_grad():
            for (name, weight), average in zip(self.weights.items(), self.average.values):
                weight.copy_(state['weights'][name])
                average.copy_(state['averages'][name])
        # Its own groups: whether it runs fused depends on this device.
        self.optimiser.load_state_dict({'state': state['optimiser'], 'param_groups':
                                        self.optimiser.state_dict()['param_groups']})
        self.log.restore(state['log'], self.processes.device)
        return int(state['step'])

    def announce(self, first: int) -> None:
        """Say what there is to train with, and what a new run replaces."""
        config, many = self.config, self.processes.processes
        again = f', from step {first} on' if first else ''
        together = f' in {many} processes' if many > 1 else ''
        print(f'{self.stage.title}: {self.stage.found}; {config.steps} steps of {config.batch}'
              f'{together}{again}', flush=True)
        if not config.resume and self.checkpoint.exists():
            print(f'{self.checkpoint} of an earlier run will be replaced; resume=true goes on '
                  'from it', flush=True)

    def _gradients(self, batch: Any) -> dict[str, Tensor]:
        """Fill the gradients; return the loss and its terms."""
        terms = self.stage.module(batch)
        loss = torch.stack([getattr(self.config, f'{name}_weight') * term
                            for name, term in terms.items()]).sum()
        loss.backward()
        return {name: term.detach() for name, term in {'loss': loss, **terms}.items()}

    def step(self, batch: Any, step: int) -> None:
        """Take one step of the optimiser; nothing here waits for the device."""
        config = self.config
        if self._captured is None:
            self.optimiser.zero_grad(set_to_none=True)
            terms = self._gradients(batch)
        else:
            terms = self._captured(batch)
        weights = list(self.weights.values())
        self.processes.average([weight.grad for weight in weights if weight.grad is not None]
                               + list(terms.values()))
        torch.nn.utils.clip_grad_norm_(weights, LONGEST_GRADIENT)
        for group in self.optimiser.param_groups:
            group['lr'] = config.learning_rate * learning_rate_factor(
                step, config.steps, config.warmup)
        self.optimiser.step()
        self.average.update(step)
        self.log.add(step, terms, self.processes.device)

    def _refuse_broken(self, step: int) -> None:
        """Raise ConfigError where the losses or the weights are not finite."""
        self.log.means(step)
        # The last step's gradients may have broken weights that no loss has seen.
        lengths = torch.stack(torch._foreach_norm(self.average.values))
        if not lengths.isfinite().all():
            raise ConfigError(f'the weights are not finite after step {step}. Lower '
                              'learning_rate or look for broken images.')

    def _save_weights(self, step: int, notes: dict[str, str]) -> None:
        with self.average.applied(), replaced(self.out) as path:
            self.stage.save(path, {'steps': str(step), **notes})

    def save(self, step: int) -> None:
        """Write the averaged weights, and the checkpoint after `step` steps."""
        self._refuse_broken(step)
        if self.processes.rank:
            return
        self._save_weights(step, {})
        write_checkpoint(self.checkpoint, self._identity, {
            'step': step,
            'weights': {name: weight.detach() for name, weight in self.weights.items()},
            'averages': dict(zip(self.weights, self.average.values)),
            'optimiser': self.optimiser.state_dict()['state'],
            'log': self.log.state()})

    def draw_grid(self, step: int) -> None:
        """Write a sheet of what the averaged weights do."""
        if self.processes.rank:
            return
        with self.average.applied():
            picture = sheet(self.stage.columns, self.stage.pictures())
        with replaced(self.out.with_suffix('.grids') / f'step_{step:06}.png') as path:
            cv2.imwrite(str(path), picture[..., ::-1])  # RGB to BGR
        self.log.picture(picture, step)

    def finish(self) -> dict[str, float]:
        """Judge and write the result."""
        torch.backends.cudnn.benchmark = False
        if self.processes.rank:
            return {}
        self.save(self.config.steps)  # whatever may be wrong with the validation pairs
        with self.average.applied():
            scores = self.stage.scores()
        self.log.scores(scores, self.config.steps)
        result = {**scores, **self.log.last, 'seconds': self.log.seconds}
        self._save_weights(self.config.steps,
                           {name: f'{value:.4f}' for name, value in result.items()})
        return {**result, 'steps': self.config.steps}


def _train(run: _Run, first: int, stop: StopRequest) -> None:
    """Take the steps from `first` on."""
    config, stage = run.config, run.stage
    # All batches have one shape: it pays to try which convolution is fastest. Not so later on
    # validation pictures of many sizes.
    torch.backends.cudnn.benchmark = run.processes.device.type == 'cuda'
    randomness = Randomness(config.seed, run.processes.rank, run.processes.device)
    for step in range(first, config.steps):
        randomness.begin(step)
        run.step(stage.draw(step, randomness), step)
        done = step + 1
        if done % config.grid_every == 0 or done == config.steps:
            run.draw_grid(done)
        if done == config.steps:
            return
        # With one process this costs nothing; several agree now and then.
        asked = run.processes.processes == 1 or done % AGREE_EVERY == 0
        ends = asked and run.processes.any(stop.wanted())
        if ends or done % config.save_every == 0:
            run.save(done)
        if ends:
            raise stop.stopped(done, config.steps, run.checkpoint)


def train(config: TrainingConfig, build: Callable[[Parallel], Stage]) -> dict[str, float]:
    """Run a stage to its end.

    Args:
        config: its settings.
        build: makes the stage for this process.

    Returns:
        Validation scores, losses of the last steps, seconds and steps; empty in processes other
        than the first.

    Raises:
        TrainingStopped: time is up or a signal came; a checkpoint was written.
    """
    stop = StopRequest(config.minutes)
    torch.set_float32_matmul_precision('high')  # TF32 on GPUs: its error is far below the noise
    with parallel(config.device, config.batch) as processes, stop:
        torch.manual_seed(config.seed)  # first weights: the same in every process
        stage = build(processes)
        run = _Run(stage, config, processes)
        first = run.restore() if config.resume else 0
        if processes.rank == 0:
            run.announce(first)
        run.log.open(first)
        try:
            _train(run, first, stop)
            return run.finish()
        finally:
            run.log.close()
