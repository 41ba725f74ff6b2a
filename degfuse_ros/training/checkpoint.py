# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: all that a run needs to go on to the same result."""

from __future__ import annotations

import dataclasses
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from degfuse_ros.training.config import ConfigError, TrainingConfig
from degfuse_ros.training.files import replaced

FORMAT = 'degfuse-checkpoint-1'

# Settings that may change on the way: none of them changes the result, but another device draws
# other noise. What files hold is compared in the place of their names.
FREE = ('device', 'capture', 'minutes', 'resume', 'log_every', 'save_every', 'grid_every',
        'tensorboard', 'out', 'data', 'guidance', 'start', 'teacher', 'clip_checkpoint')


def checkpoint_path(out: str) -> Path:
    """Return the checkpoint's place beside the weight file."""
    return Path(out).with_suffix('.checkpoint.pt')


def identity(config: TrainingConfig, processes: int, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return what must be equal for a run to go on to the same result.

    Args:
        config: its settings.
        processes: how many train together; each draws batches of its own.
        inputs: hashes of the files that settings name.
    """
    settings = {name: list(value) if isinstance(value, tuple) else value
                for name, value in dataclasses.asdict(config).items() if name not in FREE}
    return {**settings, 'processes': processes,
            **{f'content of {name}': value for name, value in inputs.items()}}


def write_checkpoint(path: Path, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write a checkpoint.

    Args:
        path: file to write.
        identity: from `identity`.
        state: tensors, numbers and texts in lists and dictionaries.
    """
    with replaced(path) as unfinished:
        torch.save({'format': FORMAT, 'identity': dict(identity), **state}, unfinished)


def read_checkpoint(path: Path, identity: Mapping[str, Any]) -> dict[str, Any]:
    """Read a checkpoint of the same run; its tensors are on the CPU.

    Raises:
        ConfigError: no checkpoint, not one of ours, or one of a run with other settings.
    """
    if not path.is_file():
        raise ConfigError(f'resume needs a checkpoint, and there is none at {path}. Start with '
                          'resume=false, or give the out of the run that was stopped.')
    try:
        if not zipfile.is_zipfile(path):  # what torch writes is one
            raise EOFError('broken off, or another kind of file')
        state = torch.load(path, map_location='cpu', weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = ' '.join(str(error).split())[:120]
        raise ConfigError(f'cannot read the checkpoint {path}: {reason}. Start again with '
                          'resume=false.') from error
    if not isinstance(state, dict) or state.get('format') != FORMAT:
        raise ConfigError(f'{path} is no checkpoint of degfuse train. Start with resume=false.')
    # Also what is no longer given, such as a teacher.
    for name in {**identity, **state['identity']}:
        before, value = state['identity'].get(name), identity.get(name)
        if before != value:
            raise ConfigError(f'cannot go on from {path}: {name} was {before!r} and is now '
                              f'{value!r}. Give the same, or start again with resume=false.')
    return state
