# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bag`: fuse a recorded bag into a new one, without ROS."""
import argparse
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from degfuse_ros.cli.bag_fleet import add_options, is_fleet, run_fleet
from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import path

if TYPE_CHECKING:
    from degfuse_ros.bags.bag_summary import BagSummary
    from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
    from degfuse_ros.engine import FusionEngine

# What a command that was told to stop ends with, as a shell knows it.
_INTERRUPTED = 130


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    from degfuse_ros.demo.arguments import not_negative, whole_number
    parser = subparsers.add_parser(
        'bag', help='fuse a rosbag2 bag into a new one, without ROS',
        description='Read a bag (mcap or sqlite3, a folder or a file), pair and fuse its images '
                    'as the node would, and write /fused/* into a new mcap bag, with '
                    'summary.json and classes.png beside it.')
    parser.add_argument('bag', type=path, nargs='+', metavar='IN')
    parser.add_argument('--out', type=path, required=True, metavar='DIR',
                        help='the new bag; of several, their folder')
    parser.add_argument('--visible', default='', metavar='TOPIC',
                        help='found by its name where not given')
    parser.add_argument('--thermal', default='', metavar='TOPIC', help='the same')
    add_parameters(parser)
    parser.add_argument('--keep', action='store_true', help='copy the other topics')
    parser.add_argument('--keep-images', action='store_true', help='copy the two image topics')
    parser.add_argument('--start', type=not_negative, default=0.0, metavar='S',
                        help='seconds to leave out at the beginning')
    parser.add_argument('--duration', type=not_negative, metavar='S', help='seconds to fuse')
    parser.add_argument('--every', type=whole_number(1), default=1, metavar='N',
                        help='fuse every Nth pair')
    parser.add_argument('--video', type=path, metavar='FILE',
                        help='visible, thermal and fused side by side, as mp4')
    parser.add_argument('--compression', choices=('none', 'zstd'), default='none',
                        help='of the new bag (default none)')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace an existing bag, or forget an unfinished run')
    parser.add_argument('--resume', action='store_true', help='go on with an unfinished run')
    add_options(parser)
    parser.set_defaults(run=run)


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how to fuse; `read_values` reads them."""
    parser.add_argument('--model', metavar='M', help='a shipped model or a .safetensors file')
    parser.add_argument('--device', metavar='D', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--params', type=path, metavar='FILE',
                        help="the node's params file, as config/fuse.yaml")
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE',
                        help='one parameter of the node; may be given several times')


def run(args: argparse.Namespace) -> int:
    """Fuse the bag; return 0 if the new one is there, 130 after an interrupt."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse bag: {error}', file=sys.stderr)
        return 1


def read_values(args: argparse.Namespace) -> dict[str, Any]:
    """Return the node's parameters as the options set them.

    Raises:
        CommandError: a file or a value is not usable.
    """
    from degfuse_ros.ros.parameter_file import ParameterFileError, read_parameters
    settings = [*args.set, *(f'{name}={value}' for name, value in (
        ('model', args.model), ('device', args.device)) if value is not None)]
    try:
        values, unknown = read_parameters(args.params, settings)
    except ParameterFileError as error:
        raise CommandError(str(error)) from error
    if unknown:
        print(f'degfuse bag: {args.params} has parameters that the node does not know: '
              f'{", ".join(unknown)}', file=sys.stderr)
    return values


def load_engine(values: dict[str, Any]) -> 'FusionEngine':
    """Load the engine that the parameters ask for.

    Raises:
        CommandError: there is none.
    """
    from degfuse_ros.ros.parameter_table import engine_options
    try:
        from degfuse_ros.engine import EngineError, FusionEngine
    except ModuleNotFoundError as error:
        raise missing(error) from error
    try:
        return FusionEngine.load(**engine_options(values.__getitem__))
    except EngineError as error:
        raise CommandError(str(error)) from error


def missing(error: ModuleNotFoundError) -> CommandError:
    """Say what to install."""
    return CommandError(f'{error.name} is not installed: pip install -r requirements/run.txt '
                        '-r requirements/bag.txt')


def _run(args: argparse.Namespace) -> int:
    try:
        from degfuse_ros.bags.bag_error import BagError
        from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
    except ModuleNotFoundError as error:
        raise missing(error) from error
    values = read_values(args)
    compression = {'none': 'none', 'zstd': 'chunk'}[args.compression]
    job = BagJob(args.bag[0], args.out, values, args.visible, args.thermal, args.keep,
                 args.keep_images, args.start, args.duration, args.every, args.video, compression,
                 args.overwrite, args.resume)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        if is_fleet(args):
            return run_fleet(args, job)
        with BagFusion(job) as fusion:
            return _fuse(fusion, load_engine(values), job)
    except BagError as error:
        raise CommandError(str(error)) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _fuse(fusion: 'BagFusion', engine: 'FusionEngine', job: 'BagJob') -> int:
    """Fuse under a progress bar."""
    from tqdm import tqdm
    print(f'{fusion.cameras.visible.name} and {fusion.cameras.thermal.name}, about '
          f'{fusion.expected} pairs, on {engine.device_name}', flush=True)
    try:
        with tqdm(total=fusion.expected, unit='pair', disable=None) as bar:
            summary = fusion.run(engine, bar.update)
    except KeyboardInterrupt:
        print(f'degfuse bag: interrupted. {fusion.how_far}', file=sys.stderr)
        return _INTERRUPTED
    _report(summary, job)
    return 0


def _report(summary: 'BagSummary', job: 'BagJob') -> None:
    for line in summary.lines():
        print(line)
    print(f'wrote {job.out}{f" and {job.video}" if job.video else ""} in {summary.seconds:.1f} s')


def _interrupt(number: int, frame: Any) -> NoReturn:
    """Treat the polite request to end as Ctrl-C."""
    raise KeyboardInterrupt
