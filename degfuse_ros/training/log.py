# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The log of a run: progress bar, CSV and TensorBoard."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from degfuse_ros.training.config import ConfigError
from degfuse_ros.training.files import replaced

# After the first steps, which are slow: memory is found, kernels are loaded.
FIRST_TIMED, LAST_TIMED = 5, 20

# Seconds between lines where no terminal shows a bar.
QUIET = 60.0


def _writer(folder: Path, step: int) -> Any:
    """Return a TensorBoard writer that drops what an older run wrote from `step` on, or None."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        print('TensorBoard is not installed (pip install tensorboard); the CSV file holds the '
              'same numbers.', flush=True)
        return None
    return SummaryWriter(str(folder), purge_step=step)


class TrainingLog:
    """Means of the loss terms, on a bar, in a CSV file and for TensorBoard.

    Args:
        path: CSV file; None where another process writes.
        steps: length of the run.
        every: steps per row.
        tensorboard: whether to write PATH.tensorboard as well.
    """

    def __init__(self, path: Path | None, steps: int, every: int, tensorboard: bool) -> None:
        self._path, self._steps, self._every = path, steps, every
        self._tensorboard, self._writer = tensorboard, None
        self._sums: dict[str, torch.Tensor] = {}
        self._count, self._before = 0, 0.0
        self._rows: list[dict[str, float]] = []
        self._bar: Any = None

    def open(self, step: int) -> None:
        """Begin, or go on, with a step numbered from 0."""
        self._start = self._told = time.monotonic()
        self._first = step
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)  # now, not after hours
        if self._tensorboard:
            self._writer = _writer(self._path.with_suffix('.tensorboard'), step + 1)
        # disable=None: no bar where the output is no terminal.
        self._bar = tqdm(total=self._steps, initial=step, mininterval=1, disable=None)

    @property
    def seconds(self) -> float:
        """Training time so far, breaks left out."""
        return self._before + time.monotonic() - self._start

    @property
    def last(self) -> dict[str, float]:
        """Loss terms of the last row."""
        return {name: value for name, value in (self._rows[-1] if self._rows else {}).items()
                if name not in ('step', 'seconds')}

    def add(self, step: int, terms: Mapping[str, torch.Tensor], device: torch.device) -> None:
        """Take the loss terms of a step, which stay on the device until a row is full.

        Raises:
            ConfigError: a row's mean is not finite.
        """
        values = [value.detach() for value in terms.values()]
        if self._sums:
            torch._foreach_add_(list(self._sums.values()), values)
        else:
            self._sums = {name: value.clone() for name, value in zip(terms, values)}
        self._count += 1
        self._estimate(step, device)
        if self._bar is not None:
            self._bar.update()
        if (step + 1) % self._every == 0 or step + 1 == self._steps:
            self._row(step + 1)

    def _estimate(self, step: int, device: torch.device) -> None:
        done = step + 1 - self._first
        if done not in (FIRST_TIMED, LAST_TIMED) or step + 1 == self._steps:
            return
        if device.type == 'cuda':
            torch.cuda.synchronize(device)  # twice in a run: steps are queued, not done
        if done == FIRST_TIMED:
            self._timed = time.monotonic()
            return
        each = (time.monotonic() - self._timed) / (LAST_TIMED - FIRST_TIMED)
        left = each * (self._steps - step - 1)
        time_left = f'{left / 60:.0f} minutes' if left > 120 else f'{left:.0f} seconds'
        self._say(f'{each:.3f} s a step: about {time_left} to go')

    def _say(self, text: str) -> None:
        if self._bar is None:
            return
        if self._bar.disable:
            print(text, flush=True)
        else:
            self._bar.set_description_str(text)

    def means(self, step: int) -> dict[str, float]:
        """Return the mean terms since the last row.

        Raises:
            ConfigError: one is not finite, so that no such weights are ever written.
        """
        if not self._sums:
            return {}
        sums = torch.stack(list(self._sums.values())).tolist()  # the only wait for the device
        means = {name: value / self._count for name, value in zip(self._sums, sums)}
        if not all(math.isfinite(value) for value in means.values()):
            raise ConfigError(f'the loss is not finite at step {step}: {means}. Lower '
                              'learning_rate or look for broken images.')
        return means

    def _row(self, step: int) -> None:
        means = self.means(step)
        self._sums, self._count = {}, 0
        self._rows.append({'step': step, 'seconds': round(self.seconds, 1),
                           **{name: round(value, 6) for name, value in means.items()}})
        if self._path is None:
            return
        self._write()
        if self._writer is not None:
            for name, value in means.items():
                self._writer.add_scalar(f'loss/{name}', value, step)
        text = ', '.join(f'{name} {value:.3f}' for name, value in means.items())
        self._bar.set_postfix_str(text)
        if self._bar.disable and time.monotonic() - self._told > QUIET:
            self._told = time.monotonic()
            print(f'step {step} of {self._steps}: {text}', flush=True)

    def _write(self) -> None:
        assert self._path is not None
        # Whole: rows after a checkpoint that a killed run left must not stay.
        with replaced(self._path) as path, path.open('w', newline='') as file:
            writer = csv.DictWriter(file, list(self._rows[0]))
            writer.writeheader()
            writer.writerows(self._rows)

    def scores(self, values: Mapping[str, float], step: int) -> None:
        """Write validation scores for TensorBoard."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f'val/{name}', value, step)

    def picture(self, image: Any, step: int) -> None:
        """Write a picture, H x W x 3 uint8 RGB, for TensorBoard."""
        if self._writer is not None:
            self._writer.add_image('pictures', image, step, dataformats='HWC')

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {'sums': self._sums, 'count': self._count, 'rows': self._rows,
                'seconds': self.seconds}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take what `state` gave."""
        self._sums = {name: value.to(device) for name, value in state['sums'].items()}
        self._count, self._rows = state['count'], state['rows']
        self._before = state['seconds']

    def close(self) -> None:
        """End the bar and the TensorBoard file."""
        if self._bar is not None:
            self._bar.close()
        if self._writer is not None:
            self._writer.close()
