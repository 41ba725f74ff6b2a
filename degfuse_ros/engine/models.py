# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Where the shipped weights lie."""

from __future__ import annotations

import os
from pathlib import Path

from degfuse_ros.engine.errors import ModelError

SHIPPED = 'base'
"""The model that is loaded when none is named."""


def _folders() -> list[Path]:
    """Candidate model folders above this file: a source tree, or any prefix's share folder.

    Searching upwards works alike for a checkout, pip, colcon and symlink installs, without ROS.
    """
    parents = Path(__file__).resolve().parents
    shares = [parent / 'share' / 'degfuse_ros' / 'models' for parent in parents]
    return [parents[2] / 'models', *shares]


def find_model(model: str | None) -> Path:
    """Turn None (the shipped model), a shipped model's name or a path into a path.

    Raises:
        ModelError: a name that is not shipped. A path is returned as it is, existing or not.
    """
    name = model or SHIPPED
    if name.endswith('.safetensors') or '/' in name:
        return Path(os.path.expanduser(name))
    candidates = [folder / f'{name}.safetensors' for folder in _folders()]
    found = next((path for path in candidates if path.is_file()), None)
    if found is not None:
        return found
    folder = next((folder for folder in _folders() if folder.is_dir()), candidates[0].parent)
    shipped = ', '.join(sorted(path.stem for path in folder.glob('*.safetensors'))) or 'none'
    raise ModelError(f'no model named {name!r}: {folder}/{name}.safetensors is missing. Found '
                     f'there: {shipped}. Reinstall the package or give a path to a .safetensors '
                     'file.')
