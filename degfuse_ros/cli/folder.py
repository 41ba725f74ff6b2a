# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Folders and files that a command writes: checked before the work, written after it."""
import argparse
import os
import tempfile
from collections.abc import Hashable
from pathlib import Path

from degfuse_ros.cli.command_error import CommandError


def path(text: str) -> Path:
    """Read a path for argparse.

    Raises:
        argparse.ArgumentTypeError: for an empty one, which Path would take for this folder.
    """
    if not text:
        raise argparse.ArgumentTypeError("give a path, or . for this folder; got ''")
    return Path(text)


def make_folder(folder: Path, option: str) -> None:
    """Make a folder and those above it, where they do not exist, and try to write there.

    Args:
        folder: folder that files will be written into.
        option: the option that names it, for the message.

    Raises:
        CommandError: it cannot be made or written, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise CommandError(f'{folder} is a file: give a folder as {option}') from error
    except OSError as error:
        raise CommandError(f'{folder} cannot be made: {error.strerror}. Give another {option}'
                           ) from error
    try:
        # Permission bits alone do not tell: the file system may be read-only or full.
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b'x')
    except OSError as error:
        raise _not_written(folder, option, error) from error


def check_file(file: Path, option: str) -> None:
    """Check that a file can be written, without changing it; its folder is made.

    Args:
        file: file that will be written; it may exist.
        option: the option that names it, for the message.

    Raises:
        CommandError: it is a folder, or cannot be written.
    """
    try:
        if file.is_dir():
            raise CommandError(f'{file} is a folder where a file is to be written: give another '
                               f'{option}')
        if file.is_file():
            with file.open('ab'):
                return
        exists = file.exists()
    except OSError as error:
        raise _not_written(file, option, error) from error
    if not exists:
        make_folder(file.parent, option)


def check_report(file: Path, option: str) -> None:
    """Check a place for a report as `check_file` does, and keep weights from being overwritten.

    Args:
        file: file that will be written; it may exist.
        option: the option that names it, for the message.

    Raises:
        CommandError: it is a .safetensors file, by its name or behind links; or as `check_file`.
    """
    if '.safetensors' in (file.suffix.lower(), Path(os.path.realpath(file)).suffix.lower()):
        raise CommandError(f'{file} is a place for weights, not for a report: give another '
                           f'{option}')
    check_file(file, option)


def write_file(file: Path, content: bytes, option: str) -> None:
    """Write a file, or say in the operating system's own words why not.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        file.write_bytes(content)
    except OSError as error:
        raise _not_written(file, option, error) from error


def identity(file: Path) -> Hashable:
    """Return what two paths of one file share, whatever links lead to it, existing or not."""
    try:
        facts = file.stat()
    except OSError:
        return os.path.realpath(file)
    return facts.st_dev, facts.st_ino


def _not_written(place: Path, option: str, error: OSError) -> CommandError:
    return CommandError(f'{place} cannot be written: {error.strerror or error}. Give another '
                        f'{option}')
