# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Several processes that train one model, started by torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as distributed
from torch import Tensor

from degfuse_ros.training.config import ConfigError
from degfuse_ros.training.schedule import training_device


@dataclass(frozen=True)
class Parallel:
    """This process among those that train together.

    Attributes:
        rank: 0 is the one that writes.
        processes: how many there are.
        device: where this one computes.
    """

    rank: int
    processes: int
    device: torch.device

    def share(self, count: int) -> int:
        """Return this process's share of a count; all shares add up to it."""
        return ((self.rank + 1) * count // self.processes - self.rank * count // self.processes)

    @torch.no_grad()
    def agree(self, weights: Sequence[Tensor]) -> None:
        """Give every process the first one's weights."""
        if self.processes > 1:
            for weight in weights:
                distributed.broadcast(weight, 0)

    @torch.no_grad()
    def average(self, values: Sequence[Tensor]) -> None:
        """Put each tensor's mean over all processes in its place.

        One sum over all of them at once, after the backward pass. DistributedDataParallel would
        overlap the two, but cannot be replayed as one CUDA graph on each GPU.
        """
        if self.processes == 1:
            return
        flat = torch.cat([value.reshape(-1) for value in values])
        distributed.all_reduce(flat)
        parts = (flat / self.processes).split([value.numel() for value in values])
        torch._foreach_copy_(list(values), [
            part.view_as(value) for part, value in zip(parts, values)])

    def any(self, mine: bool) -> bool:
        """Tell whether one of the processes says so; all of them must ask."""
        if self.processes == 1:
            return mine
        flag = torch.tensor(float(mine), device=self.device)
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag)


def _chosen(name: str) -> torch.device:
    """Return the device of that name; it becomes the one where graphs and streams are made."""
    device = training_device(name)
    if device.type == 'cuda':
        torch.cuda.set_device(device)
    return device


@contextmanager
def parallel(device: str, batch: int) -> Iterator[Parallel]:
    """Join the processes that torchrun has started, or be the only one.

    Args:
        device: name of the device; 'cuda' becomes this process's own GPU.
        batch: images per step of all processes together.

    Raises:
        ConfigError: the device is absent, or the batch cannot be shared evenly.
    """
    processes = int(os.environ.get('WORLD_SIZE', '1'))
    if processes == 1:
        yield Parallel(0, 1, _chosen(device))
        return
    if batch % processes:
        raise ConfigError(f'batch must be a multiple of the {processes} processes. Got {batch!r}.')
    if device.startswith('cuda:'):
        raise ConfigError(f'{processes} processes need a GPU each: give device=cuda, and the ones '
                          f'to use as CUDA_VISIBLE_DEVICES=0,1. Got {device!r}.')
    if device == 'cuda':
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    own = _chosen(device)
    distributed.init_process_group('nccl' if own.type == 'cuda' else 'gloo')
    try:
        yield Parallel(distributed.get_rank(), processes, own)
    finally:
        distributed.destroy_process_group()
