# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A stage of training that takes microseconds a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from degfuse_ros.training.config import FusionConfig
from degfuse_ros.training.loop import train
from degfuse_ros.training.schedule import Randomness
from degfuse_ros.training.stage import Stage


class _Line(nn.Module):
    """Guesses a sum of four numbers, with some noise as the gates have."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(4, 1)

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        noise = 0.01 * torch.randn(len(batch), 1)
        error = self.line(batch) + noise - batch.sum(1, keepdim=True)
        return {'pixel': error.square().mean(), 'gradient': error.abs().mean()}


class ToyStage(Stage):
    """Learns to add.

    Args:
        before: called with each step before it is drawn.
    """

    title, found, columns = 'toy', 'numbers', ('left', 'right')
    module: _Line

    def __init__(self, before: Callable[[int], Any] = lambda step: None) -> None:
        self.module, self.inputs, self._before = _Line(), {'data': 'numbers'}, before

    def draw(self, step: int, randomness: Randomness) -> Tensor:
        """Draw eight quadruples, half of each from the host's and the device's numbers."""
        self._before(step)
        return torch.cat([torch.rand(4, 4, generator=each)
                          for each in (randomness.host, randomness.device)])

    def save(self, path: Path, notes: Mapping[str, str]) -> None:
        """Write the weights as they are."""
        save_file({name: value.clone() for name, value in self.module.state_dict().items()},
                  str(path), dict(notes))

    def pictures(self) -> list[tuple[str, list[np.ndarray]]]:
        """A red and a green square."""
        red, green = np.zeros((2, 32, 32, 3), np.uint8)
        red[..., 0], green[..., 1] = 200, 100
        return [('colours', [red, green])]

    def scores(self) -> dict[str, float]:
        """How far the weights are from ones."""
        return {'distance': float((self.module.line.weight - 1).abs().max())}


def toy_config(folder: Path, **changes: Any) -> FusionConfig:
    """Settings of a toy run of 12 steps that writes to a folder."""
    settings = {'out': str(folder / 'toy.safetensors'), 'steps': 12, 'batch': 8, 'real': 0,
                'learning_rate': 0.1, 'warmup': 2, 'ema': 0.9, 'device': 'cpu', 'log_every': 5,
                'save_every': 100, 'grid_every': 100, 'tensorboard': False, **changes}
    return FusionConfig(data='', guidance='', **settings)


def toy_train(config: FusionConfig, before: Callable[[int], Any] = lambda step: None,
              inputs: dict[str, str] | None = None) -> dict[str, float]:
    """Run the toy stage by the loop that all stages share."""
    def build(processes: Any) -> ToyStage:
        stage = ToyStage(before)
        stage.inputs.update(inputs or {})
        return stage
    return train(config, build)
