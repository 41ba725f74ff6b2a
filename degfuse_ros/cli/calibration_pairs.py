# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What `degfuse calibrate` calibrates from: pairs of a folder, or of a bag."""
import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from degfuse_ros.cli.bag import missing
from degfuse_ros.cli.command_error import CommandError

if TYPE_CHECKING:
    import numpy as np

    from degfuse_ros.camera.pair_files import PairFiles

    NamedPair = tuple[str, np.ndarray, np.ndarray]

BAG_SUFFIXES = ('.mcap', '.db3', '.zstd')


@dataclass(frozen=True)
class CalibrationPairs:
    """Pairs that are not read yet.

    Attributes:
        inputs: files and folders that nothing may be written to.
        read: reads them: name, visible image H x W x 3 uint8 RGB, thermal image H' x W' as
            decoded.
    """

    inputs: list[Path]
    read: Callable[[], list['NamedPair']]


def find_calibration_pairs(args: argparse.Namespace) -> CalibrationPairs:
    """Choose pairs spread evenly over what the command was given.

    Raises:
        CommandError: there are none, or an option does not fit.
    """
    if not _is_bag(args.data):
        if args.visible or args.thermal or args.set:
            raise CommandError(f'--visible, --thermal and --set are for bags, and {args.data} is '
                               'none: leave them out')
        return _of_folder(args.data, args.pairs)
    try:
        return _of_bag(args)
    except ModuleNotFoundError as error:
        raise missing(error) from error


def _is_bag(data: Path) -> bool:
    if not data.is_dir():
        return data.is_file()
    try:
        names = [file.name for file in data.iterdir()]
    except OSError:  # reading the pairs will say why
        return False
    return 'visible' not in names and any(
        name == 'metadata.yaml' or name.endswith(BAG_SUFFIXES) for name in names)


def _of_folder(data: Path, most: int) -> CalibrationPairs:
    from degfuse_ros.camera.pair_files import PairFilesError, find_pairs
    folders = [data / 'visible', data / 'thermal']
    try:
        pairs, problems = find_pairs(*folders)
    except PairFilesError as error:
        raise CommandError(str(error)) from error
    if problems:
        print(f'degfuse calibrate: {len(problems)} files left out, the first: {problems[0]}',
              file=sys.stderr)
    count = min(most, len(pairs))
    chosen = [pairs[at * len(pairs) // count] for at in range(count)]
    files = [file for pair in chosen for file in (pair.visible, pair.thermal)]
    return CalibrationPairs([*folders, *files], partial(_read_files, chosen))


def _read_files(pairs: list['PairFiles']) -> list['NamedPair']:
    from degfuse_ros.camera.pair_files import PairFilesError
    try:
        return [(pair.name, *pair.read()) for pair in pairs]
    except PairFilesError as error:
        raise CommandError(str(error)) from error


def _of_bag(args: argparse.Namespace) -> CalibrationPairs:
    from degfuse_ros.bags.bag_error import BagError
    from degfuse_ros.bags.sample_pairs import sample_pairs
    from degfuse_ros.bags.storage import find_files
    from degfuse_ros.ros.parameter_file import ParameterFileError, read_parameters

    def read() -> list['NamedPair']:
        try:
            return sample_pairs(args.data, args.pairs, values, args.visible, args.thermal)
        except BagError as error:
            raise CommandError(str(error)) from error

    try:
        values, _ = read_parameters(None, args.set)
        files, _ = find_files(args.data)
    except (BagError, ParameterFileError) as error:
        raise CommandError(str(error)) from error
    return CalibrationPairs([args.data, *files], read)
