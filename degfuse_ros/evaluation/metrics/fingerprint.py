# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which code measured: scores are comparable only where it is the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def hash_files(paths: Iterable[Path], root: Path) -> str:
    """Hash the names and bytes of files, whatever their order.

    `sha256sum FILE ... | LC_ALL=C sort -u | sha256sum` in `root` gives the same.

    Args:
        paths: the files; one that comes twice counts once.
        root: the folder that they are named from, so that it may lie anywhere.

    Returns:
        SHA-256 in hexadecimal.

    Raises:
        OSError: a file cannot be read.
    """
    lines = {hashlib.sha256(path.read_bytes()).hexdigest().encode() + b'  '
             + os.fsencode(os.path.relpath(path, root)) + b'\n' for path in paths}
    return hashlib.sha256(b''.join(sorted(lines))).hexdigest()


def code_hash() -> str:
    """Return the hash of this folder's source files, as `hash_files` makes it."""
    folder = Path(__file__).parent
    return hash_files(folder.glob('*.py'), folder)
