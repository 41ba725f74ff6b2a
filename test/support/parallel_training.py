# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Training in processes of their own, as torchrun starts them."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from degfuse_ros.training import loop
from degfuse_ros.training.config import FusionConfig
from degfuse_ros.training.stop import TrainingStopped


def _train(rank: int, runs: Sequence[dict[str, Any]], folder: Path, ports: Sequence[int],
           processes: int) -> None:
    """Train as one of several processes; write the newest weights of each run."""
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
                      MASTER_ADDR='127.0.0.1')
    from degfuse_ros.training.fusion import train_fusion
    loop.AGREE_EVERY = 1
    train_steps = loop._train

    def keep(run: Any, *arguments: Any) -> None:
        try:
            train_steps(run, *arguments)
        finally:
            torch.save({name: weight.detach() for name, weight in run.weights.items()}, path)
    vars(loop)['_train'] = keep
    for number, (settings, port) in enumerate(zip(runs, ports)):
        path = folder / f'{number}_{rank}.pt'
        os.environ['MASTER_PORT'] = str(port)
        config = FusionConfig(**settings)
        limited = config.minutes is not None
        if rank != processes - 1:
            config.minutes = None
        try:
            train_fusion(config)
            assert not limited, 'it went on though the last process was out of time'
        except TrainingStopped:
            assert limited, 'it stopped'


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return int(free.getsockname()[1])


def train_in_processes(runs: Sequence[dict[str, Any]], folder: Path,
                       processes: int = 2) -> list[list[dict[str, torch.Tensor]]]:
    """Run stage 2 in several processes, one run after the other.

    Args:
        runs: settings of `FusionConfig` for each; `minutes` are for the last process alone, and
            must end all of them.
        folder: where each process leaves its weights.
        processes: how many.

    Returns:
        For each run the newest weights of each process.
    """
    ports = [_free_port() for _ in runs]
    context = multiprocessing.get_context('spawn')
    workers = [context.Process(target=_train, args=(rank, runs, folder, ports, processes))
               for rank in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        worker.kill()
    assert [worker.exitcode for worker in workers] == [0] * processes
    return [[torch.load(folder / f'{number}_{rank}.pt', weights_only=True)
             for rank in range(processes)] for number in range(len(runs))]
