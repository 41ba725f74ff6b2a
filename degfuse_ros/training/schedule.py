# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a step is made with: its learning rate, its random numbers, its arithmetic."""

from __future__ import annotations

import math

import numpy as np
import torch

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


def learning_rate_factor(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up to 1, then half a cosine to 0.01, reached after the last step.

    The end is not 0, so that the last steps still settle the moving average.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which the network runs: bf16 on CUDA; a CPU computes in float32.

    Args:
        device: where the network is.
        precision: 'bf16' or 'float32'.
    """
    # A CPU without bf16 instructions imitates them, several times slower.
    return torch.autocast(device.type, torch.bfloat16,
                          enabled=precision == 'bf16' and device.type == 'cuda')


def to_device(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a host tensor to the device without waiting for what the device has to do before."""
    if device.type == 'cpu':
        return values
    return values.pin_memory().to(device, non_blocking=True)


class Randomness:
    """Random numbers of a step, a function of seed, process and step alone.

    So a run that goes on from a checkpoint draws what it would have drawn without the break, and
    several processes draw different batches.

    Args:
        seed: of the run.
        rank: of this process.
        device: where images are degraded.

    Attributes:
        host: generator on the CPU.
        device: generator on the device.
    """

    def __init__(self, seed: int, rank: int, device: torch.device) -> None:
        self._key = (seed, rank)
        self.host = torch.Generator()
        self.device = torch.Generator(device=device)

    def begin(self, step: int) -> None:
        """Seed both generators, and torch's own (the gates' noise), for a step."""
        sequence = np.random.SeedSequence((*self._key, step))
        # 32 bits each: more the CPU's generator would ignore.
        host, device, own = (int(word) for word in sequence.generate_state(3))
        self.host.manual_seed(host)
        self.device.manual_seed(device)
        torch.manual_seed(own)
