# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What both stages share: seeds, the learning rate's course, and the log."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from degfuse_ros.training.config import ConfigError


def training_device(name: str) -> torch.device:
    """Return the device of that name.

    Raises:
        ConfigError: torch knows no such device, or it is absent.
    """
    try:
        return torch.empty(0, device=name).device
    except (AssertionError, RuntimeError) as error:  # a torch without CUDA asserts
        reason = str(error).partition('\n')[0]
        raise ConfigError(f'cannot train on device {name!r} ({reason}). Give device=cpu or a '
                          'device that is there.') from error


def seed_everything(seed: int, device: torch.device) -> tuple[torch.Generator, torch.Generator]:
    """Seed torch and return a CPU generator (crops) and one on the device (degradations)."""
    torch.set_float32_matmul_precision('high')  # TF32 on GPUs: its error is far below the noise
    torch.manual_seed(seed)
    return (torch.Generator().manual_seed(seed),
            torch.Generator(device=device).manual_seed(seed))


def learning_rate_factor(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up to 1, then half a cosine to 0.01, reached after the last step.

    The end is not 0, so that the last steps still settle the moving average.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


class TrainingLog:
    """Progress bar and CSV of mean loss terms.

    Args:
        path: CSV file to write, one row every `every` steps.
        steps: length of the progress bar.
        every: steps per row.
    """

    def __init__(self, path: Path, steps: int, every: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._every = path, every
        self._bar = tqdm(total=steps, mininterval=5)
        self._sums: dict[str, torch.Tensor] = {}
        self._start = time.monotonic()
        self.last: dict[str, float] = {}

    def add(self, step: int, terms: Mapping[str, torch.Tensor]) -> None:
        """Take one step's loss terms; they are read from the device once per row.

        Raises:
            ConfigError: a row's mean is not finite, so that no such weights are ever written.
        """
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
        self._bar.update()
        if (step + 1) % self._every:
            return
        self.last = {name: float(value) / self._every for name, value in self._sums.items()}
        self._sums = {}
        if not all(math.isfinite(value) for value in self.last.values()):
            raise ConfigError(f'the loss is not finite at step {step + 1}: {self.last}. Lower '
                              'learning_rate or look for broken images.')
        first = step + 1 == self._every
        row = {'step': step + 1, 'seconds': round(time.monotonic() - self._start, 1),
               **{name: round(value, 6) for name, value in self.last.items()}}
        with self._path.open('w' if first else 'a', newline='') as file:
            writer = csv.DictWriter(file, list(row))
            if first:
                writer.writeheader()
            writer.writerow(row)
        self._bar.set_postfix({name: f'{value:.3f}' for name, value in self.last.items()})

    def close(self) -> float:
        """Return the seconds that training took."""
        self._bar.close()
        return time.monotonic() - self._start
