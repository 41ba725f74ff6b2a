# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse replay-test`: does a bag still give what it gave when its golden file was recorded?

Ends with 0 where it does, 1 where something differs, 2 where it could not be found out.
"""
import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli import junit
from degfuse_ros.cli.bag import add_parameters, load_engine, missing, read_values
from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_report, path, write_file

if TYPE_CHECKING:
    from degfuse_ros.bags.golden_check import CheckResult
    from degfuse_ros.bags.golden_file import Golden

_SAME, _DIFFERENT, _NOT_CHECKED = 0, 1, 2

_ANEW = 'Or record it anew with --record --overwrite'

# Lines of one check that the terminal shows; the JUnit file has all of them.
_SHOWN = 5

# Parameters that say where and how something runs, or have no effect on a bag; the model is
# compared by what is in it.
_NOT_RECORDED = {'device', 'precision', 'compile', 'model', 'max_age', 'lazy', 'rigs',
                 'batch_wait', 'diagnostics_period', 'compressed_format', 'output_encoding'}
# A path differs from machine to machine. What is behind it shows in the images.
_NOT_COMPARED = {'calibration'}


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser(
        'replay-test', help='check a bag against what it gave before, for CI',
        description='Fuse a bag without writing anything, and compare pairs, classes, routing, '
                    'image statistics and thumbnails of each result with a golden file. Ends with '
                    '0 where nothing differs, 1 where something does, 2 where it could not be '
                    'checked.')
    parser.add_argument('bag', type=path, metavar='BAG')
    parser.add_argument('--golden', type=path, required=True, metavar='FILE',
                        help='JSON file with what is expected')
    parser.add_argument('--record', action='store_true', help='write that file from this bag')
    parser.add_argument('--overwrite', action='store_true', help='with --record: replace the file')
    parser.add_argument('--tolerance', action='append', default=[], metavar='NAME=VALUE',
                        help="instead of the golden file's; may be given several times")
    parser.add_argument('--junit', type=path, metavar='FILE', help='write the checks as JUnit XML')
    parser.add_argument('--visible', default='', metavar='TOPIC',
                        help='as recorded where not given')
    parser.add_argument('--thermal', default='', metavar='TOPIC', help='the same')
    add_parameters(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Record or check; return the exit status."""
    try:
        if args.junit:
            check_report(args.junit, '--junit')
        try:
            return _run(args)
        except CommandError as error:
            if args.junit:
                write_file(args.junit, junit.not_checked(_title(args), str(error)), '--junit')
            raise
    except CommandError as error:
        print(f'degfuse replay-test: {error}', file=sys.stderr)
        return _NOT_CHECKED


def _run(args: argparse.Namespace) -> int:
    try:
        from degfuse_ros.bags.bag_error import BagError
        return _record(args) if args.record else _check(args)
    except ModuleNotFoundError as error:
        raise missing(error) from error
    except BagError as error:
        raise CommandError(str(error)) from error


def _record(args: argparse.Namespace) -> int:
    """Write the golden file."""
    from degfuse_ros.bags.golden_file import TOLERANCES
    if args.golden.exists() and not args.overwrite:
        raise CommandError(f'{args.golden} exists already: give --overwrite to replace it')
    check_report(args.golden, '--golden')
    tolerances = {**TOLERANCES, **_tolerances(args)}
    golden = replace(_replayed(args, read_values(args), None)[0], tolerances=tolerances)
    if not golden.frames:
        raise CommandError(f'{args.bag} has no pairs: nothing to record')
    write_file(args.golden, golden.text().encode(), '--golden')
    print(f'{args.golden}: recorded {len(golden.frames)} pairs of {args.bag}')
    return _SAME


def _check(args: argparse.Namespace) -> int:
    """Compare with the golden file."""
    from degfuse_ros.bags.golden_check import check_replay
    from degfuse_ros.bags.golden_file import read_golden
    if args.overwrite:
        raise CommandError('--overwrite goes with --record')
    golden = read_golden(args.golden)
    tolerances = {**golden.tolerances, **_tolerances(args)}
    got, notes = _replayed(args, _values(args, golden), golden)
    results = check_replay(got.frames, golden.frames, tolerances)
    if args.junit:
        write_file(args.junit, junit.checked(_title(args), results), '--junit')
    return _report(args, golden, results, notes)


def _values(args: argparse.Namespace, golden: 'Golden') -> dict[str, Any]:
    """Return the golden file's parameters; those that are given must be the same.

    Raises:
        CommandError: they are not, or a recorded one cannot be used here.
    """
    from degfuse_ros.ros.parameter_table import ROWS
    values = {**read_values(args), 'model': golden.model if args.model is None else args.model}
    given = {setting.partition('=')[0] for setting in args.set}
    different = []
    for name, recorded in golden.parameters.items():
        if args.params is None and name not in given:
            problem = (ROWS[name].problem(recorded) if name in ROWS
                       else f'degfuse {golden.tool} had a parameter {name}, this one has not')
            if problem:
                raise CommandError(f'{args.golden}: {problem}. {_ANEW}')
            values[name] = recorded
        elif name not in _NOT_COMPARED and values.get(name) != recorded:
            different.append(f'{name} {values.get(name)!r} (recorded {recorded!r})')
    if different:
        raise CommandError(f'other parameters than in {args.golden}: {", ".join(different)}. Give '
                           f'the same. {_ANEW}')
    return values


def _tolerances(args: argparse.Namespace) -> dict[str, float]:
    """Read --tolerance; those that are not given are not in it."""
    from degfuse_ros.bags.golden_file import TOLERANCES, tolerance_problem
    given = {}
    for text in args.tolerance:
        name, _, number = text.partition('=')
        try:
            given[name] = float(number)
        except ValueError as error:
            raise CommandError(f'--tolerance {text}: give NAME=VALUE, with NAME one of '
                               f'{", ".join(TOLERANCES)}') from error
        problem = tolerance_problem(name, given[name])
        if problem:
            raise CommandError(f'--tolerance {text}: {problem}')
    return given


def _replayed(args: argparse.Namespace, values: dict[str, Any], golden: 'Golden | None'
              ) -> tuple['Golden', list[str]]:
    """Fuse the bag; return what it gave as a golden replay, and lines on what was dropped."""
    from tqdm import tqdm

    from degfuse_ros.bags.golden_file import TOLERANCES, Golden
    from degfuse_ros.bags.golden_replay import replay
    from degfuse_ros.bags.reader import BagReader
    from degfuse_ros.bags.topics import find_cameras
    from degfuse_ros.engine.version import package_version
    topics = golden.topics if golden is not None else {}
    with BagReader(args.bag) as reader:
        cameras = find_cameras(reader.topics, args.visible or topics.get('visible', ''),
                               args.thermal or topics.get('thermal', ''))
        engine = load_engine(values)
        if golden is not None and engine.model_hash != golden.model_hash:
            raise CommandError(
                f'{args.golden} was recorded with model {golden.model} '
                f'({golden.model_hash[:12]}), this is {engine.model_path.stem} '
                f'({engine.model_hash[:12]}): give --model. {_ANEW}')
        total = min(cameras.visible.count, cameras.thermal.count)
        with tqdm(total=total, unit='pair', disable=None) as bar:
            frames, summary = replay(reader, cameras, values, engine, bar.update)
    recorded = {name: value for name, value in values.items() if name not in _NOT_RECORDED}
    return (Golden(package_version(), values['model'] or engine.model_path.stem,
                   engine.model_hash, summary.topics, recorded, TOLERANCES, frames),
            [*(f'dropped: {count} {kind} {summary.drops.reasons.get(kind, "")}'.rstrip()
               for kind, count in summary.drops.counts.items()), *summary.notices])


def _report(args: argparse.Namespace, golden: 'Golden', results: list['CheckResult'],
            notes: list[str]) -> int:
    """Print what was found; return the exit status."""
    failed = [result for result in results if result.lines]
    for result in results:
        state = 'DIFFERS' if result.lines else 'ok'
        print(f'{result.name:10} {state:8} largest difference {result.largest:.4g}, tolerance '
              f'{result.tolerance:g}')
        for line in result.lines[:_SHOWN]:
            print(f'    {line}')
        if len(result.lines) > _SHOWN:
            print(f'    and {len(result.lines) - _SHOWN} more')
    if not failed:
        print(f'{args.bag} gives the {len(golden.frames)} pairs of {args.golden}')
        return _SAME
    for note in notes:
        print(note)
    print(f'degfuse replay-test: {args.bag} differs from {args.golden} in '
          f'{", ".join(result.name for result in failed)}', file=sys.stderr)
    return _DIFFERENT


def _title(args: argparse.Namespace) -> str:
    return f'degfuse replay-test {args.bag.name}'
