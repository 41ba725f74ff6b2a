# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Folders that a command writes into."""
from pathlib import Path

from degfuse_ros.cli.command_error import CommandError


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they do not exist.

    Raises:
        CommandError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f'{folder} cannot be made: {error.strerror}. Give another folder'
                           ) from error
