# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The weight file: safetensors with the model's structure and the tensors' SHA-256 inside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from degfuse_ros.network.config import ModelConfig

FORMAT = 'degfuse-model-1'


class ModelFileError(RuntimeError):
    """A weight file that is missing, altered or not ours; the message is one line."""


@dataclass(frozen=True)
class ModelFile:
    """Contents of a weight file: structure, tensors by name, and their SHA-256."""

    config: ModelConfig
    tensors: dict[str, Tensor]
    sha256: str

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors below `prefix.`, as float32 and without the prefix."""
        start = f'{prefix}.'
        return {name[len(start):]: tensor.float()
                for name, tensor in self.tensors.items() if name.startswith(start)}


def tensor_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of tensors, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f'{name}|{tensor.dtype}|{tuple(tensor.shape)}|'.encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_model(path: Path, config: ModelConfig, guidance: Mapping[str, Tensor],
               fusion: Mapping[str, Tensor], notes: Mapping[str, str]) -> str:
    """Write a weight file in half precision.

    Args:
        path: file to write; its folder is made.
        config: the model's structure.
        guidance: state dict of `DegradationGuidance`.
        fusion: state dict of `FusionNetwork`.
        notes: how it was trained; strings for the metadata.

    Returns:
        The tensors' SHA-256.
    """
    # Half precision: rounding stays far below one 8-bit grey level and the file below 16 MiB.
    tensors = {f'{part}.{name}': tensor.detach().cpu().half().contiguous()
               for part, state in (('guidance', guidance), ('fusion', fusion))
               for name, tensor in state.items()}
    sha256 = tensor_hash(tensors)
    metadata = {'format': FORMAT, 'config': config.to_json(), 'sha256': sha256,
                'notes': json.dumps(dict(notes), sort_keys=True)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(path), metadata=metadata)
    path.chmod(0o644)  # safetensors writes for the owner alone; an installed model is for everyone
    return sha256


def load_model(path: Path) -> ModelFile:
    """Read a weight file and check its hash.

    Raises:
        ModelFileError: with path, expected and found hash, and what to do next.
    """
    remedy = ('Restore the file from the release, or name another one '
              '(parameter model, option --model).')
    try:
        if not path.is_file():
            raise ModelFileError(f'no weight file at {path}. {remedy}')
        # SafeTensors calls every file that it may not open missing.
        with path.open('rb'):
            pass
    except OSError as error:
        raise ModelFileError(f'cannot open {path} ({error.strerror}). {remedy}') from error
    try:
        with safe_open(str(path), framework='pt') as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in set(file.keys())}
    except (SafetensorError, OSError) as error:
        reason = ' '.join(str(error).split())
        raise ModelFileError(f'cannot read {path} as safetensors ({reason}). {remedy}') from error
    if metadata.get('format') != FORMAT:
        raise ModelFileError(f'{path} is not a degfuse model: its format is '
                             f'{metadata.get("format")!r}, expected {FORMAT!r}. {remedy}')
    expected, found = metadata.get('sha256', ''), tensor_hash(tensors)
    if expected != found:
        raise ModelFileError(f'the weights in {path} were altered: expected SHA-256 {expected}, '
                             f'found {found}. {remedy}')
    try:
        config = ModelConfig.from_json(metadata.get('config', ''))
    except ValueError as error:
        raise ModelFileError(f'{path} has no readable structure: {error} {remedy}') from error
    return ModelFile(config, tensors, found)
