# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bag` for several bags: options, progress and the table at the end."""
import argparse
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.command_error import CommandError

if TYPE_CHECKING:
    from degfuse_ros.bags.fuse_bag import BagJob
    from degfuse_ros.fleet.fleet import BagState, Fleet

# Parameters that may be paths, which workers in other folders have to find as well.
_PATHS = ('model', 'calibration')
# Of a job, what says where and how, not what comes out.
_NOT_SETTINGS = ('source', 'out', 'values', 'video', 'overwrite', 'resume')


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that are for several bags."""
    from degfuse_ros.demo.arguments import whole_number
    group = parser.add_argument_group(
        'several bags', "Several IN, a pattern in quotes ('recordings/**/*.mcap') or --ray: "
        '--out is then the folder of the new bags, with manifest.jsonl. The same command again '
        'goes on where it was stopped.')
    group.add_argument('--ray', nargs='?', const='local', metavar='ADDRESS',
                       help='by the workers of a Ray cluster, at host:port or auto; without '
                       'ADDRESS by a Ray of this machine alone')
    group.add_argument('--cores', type=whole_number(1), default=1, metavar='N',
                       help='CPU cores of each Ray worker (default 1)')
    group.add_argument('--retries', type=whole_number(0), default=2, metavar='N',
                       help='further attempts at a bag that fails (default 2)')


def is_fleet(args: argparse.Namespace) -> bool:
    """Tell several bags from one."""
    from degfuse_ros.fleet.inputs import is_pattern
    return len(args.bag) > 1 or args.ray is not None or is_pattern(args.bag[0])


def run_fleet(args: argparse.Namespace, job: 'BagJob') -> int:
    """Fuse the bags.

    Args:
        args: of the command.
        job: what is common to all bags.

    Returns:
        0 if all are done, 1 if one is not, 130 after an interrupt.

    Raises:
        CommandError: nothing can be done at all.
        BagError: the same.
    """
    from degfuse_ros.fleet.fleet import Fleet
    from degfuse_ros.fleet.inputs import find_inputs
    from degfuse_ros.fleet.manifest import Manifest
    if args.video is not None:
        raise CommandError('--video is for one bag: leave it out')
    job = replace(job, out=Path(os.path.abspath(job.out)), values=_from_anywhere(job.values))
    inputs = find_inputs(args.bag, job.out)
    settings = {name: value for name, value in asdict(job).items() if name not in _NOT_SETTINGS}
    with Manifest(job.out, {**settings, **job.values}, args.overwrite) as manifest:
        fleet = Fleet(inputs, job, manifest, args.retries)
        try:
            if fleet.to_do:
                _fuse(args, fleet, job)
        except KeyboardInterrupt:
            print(f'degfuse bag: interrupted. {manifest.path} tells what is done; go on with the '
                  'same command, without --overwrite', file=sys.stderr)
            return 130
        finally:
            if any(bag.status != 'waiting' for bag in fleet.bags.values()):
                print('\n'.join(table(fleet.bags)))
    return 0 if all(bag.status.startswith('done') for bag in fleet.bags.values()) else 1


def table(bags: 'dict[str, BagState]') -> list[str]:
    """Return the lines of the table: each bag, and a count of each status."""
    rows = [('bag', 'status', 'attempts', 'pairs', 'seconds', 'worker', 'why')]
    for name, bag in bags.items():
        numbers = bag.numbers or {}
        seconds = f"{numbers['seconds']:.1f}" if numbers else ''
        rows.append((name, bag.status, str(bag.attempts), str(numbers.get('fused', '')), seconds,
                     bag.worker, bag.reason))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ['  '.join(text.ljust(width) for text, width in zip(row, widths)).rstrip()
             for row in rows]
    statuses = [bag.status for bag in bags.values()]
    counts = ', '.join(f'{statuses.count(status)} {status}'
                       for status in dict.fromkeys(statuses))
    return [*lines, f'bags: {counts}']


def _fuse(args: argparse.Namespace, fleet: 'Fleet', job: 'BagJob') -> None:
    """Have the workers fuse, under a progress bar."""
    from tqdm import tqdm

    from degfuse_ros.fleet.here import Here
    from degfuse_ros.fleet.worker import Worker
    with tqdm(total=fleet.to_do, unit='bag', disable=None) as bar:
        def tell(name: str, bag: 'BagState') -> None:
            bar.write(f'{name}: {bag.status}{f": {bag.reason}" if bag.reason else ""}')
            bar.update(bag.status != 'again')

        if args.ray is None:
            here = Here(Worker(job.values, job.out))
            print(f'bags to fuse: {fleet.to_do}, one after the other', flush=True)
            fleet.run(here, tell)
            return
        from degfuse_ros.fleet.on_ray import OnRay
        with OnRay(args.ray, job.values, job.out, fleet.to_do, args.cores, bar.write) as workers:
            print(f'bags to fuse: {fleet.to_do}; {workers.description}', flush=True)
            fleet.run(workers, tell)


def _from_anywhere(values: Any) -> dict[str, Any]:
    """Return the parameters with absolute paths."""
    return {name: os.path.abspath(value) if name in _PATHS and value and Path(value).exists()
            else value for name, value in values.items()}
