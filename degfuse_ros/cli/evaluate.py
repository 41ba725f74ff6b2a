# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse evaluate`: judge a fusion, ours or another's, beside baselines that keep it honest."""

import argparse
import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_file, identity, make_folder, path, write_file
from degfuse_ros.cli.thermal_window import default_percentiles

if TYPE_CHECKING:
    from degfuse_ros.evaluation.settings import Settings

OUTPUTS = ('scores.csv', 'tables.md', 'report.html')  # in --out, beside metrics.json and plots/
LINES_SHOWN = 20  # of what was left out; metrics.json and the report name everything


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser(
        'evaluate', help='tables, plots and a report of how good a fusion is',
        description='Score models, baselines and folders of fused images on registered pairs. '
                    'Writes metrics.json, scores.csv, tables.md, plots/ and report.html.')
    parser.add_argument('--data', type=path, required=True, metavar='DIR',
                        help='pairs.csv, or visible/ and thermal/ with equal file names')
    parser.add_argument('--split', default='val',
                        help='column split of pairs.csv (default val); plain folders have none')
    parser.add_argument('--out', type=path, required=True, metavar='DIR')
    parser.add_argument('--model', nargs='+', action='extend', metavar='[NAME=]M',
                        help='shipped models or .safetensors files (default: the shipped one)')
    parser.add_argument('--fused', nargs='+', action='extend', default=[], metavar='NAME=FOLDER',
                        help='images fused by something else: NAME.* or SOURCE/NAME.*')
    parser.add_argument('--degrade', action='store_true',
                        help='score everything on degraded clean pairs, too')
    parser.add_argument('--detector', type=path, metavar='ONNX',
                        help='score what a detector still finds on the degraded pairs')
    parser.add_argument('--clip', nargs='+', action='extend', metavar='SOURCE',
                        help='sources that are clips of a camera at rest, for flicker '
                             '(default m3svd_smoke)')
    parser.add_argument('--write-degraded', type=path, metavar='DIR',
                        help="write the benchmark's inputs: CASE/SOURCE/visible|thermal/NAME.png; "
                             'score what is made of them with the same --data and --seed')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--seed', type=int, default=0, help='of the degradations (default 0)')
    parser.add_argument('--limit', type=int, metavar='N', help='at most N pairs of each set')
    parser.add_argument('--json', type=path, metavar='FILE', help='instead of --out/metrics.json')
    parser.add_argument('--allow-missing', action='store_true',
                        help='exit with 0 even if something was left out')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; return 0 if nothing was left out, otherwise 1."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse evaluate: {error}', file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    json_path = args.json or args.out / 'metrics.json'
    _check_places(args, json_path)
    try:
        from degfuse_ros.engine import EngineError
        from degfuse_ros.evaluation.agreement import AgreementError
        from degfuse_ros.evaluation.detector import DetectorError
        from degfuse_ros.evaluation.evaluate import evaluate, write_outcome
        from degfuse_ros.evaluation.pairs import PairError
    except ModuleNotFoundError as error:
        raise CommandError(f'{error.name} is not installed: pip install -r '
                           'requirements/evaluate.txt') from error
    try:
        outcome = evaluate(_settings(args))
    except (EngineError, AgreementError, DetectorError, PairError) as error:
        raise CommandError(str(error)) from error
    text = json.dumps(outcome.results, indent=1, allow_nan=False)
    write_file(json_path, (text + '\n').encode(), '--json' if args.json else '--out')
    try:
        write_outcome(outcome, args.out)
    except OSError as error:
        raise CommandError(f'{error.filename or args.out} cannot be written: {error.strerror}. '
                           'Give another --out') from error
    return _finish(args, outcome.results, json_path)


def _check_places(args: argparse.Namespace, json_path: Path) -> None:
    """Try all places to write before anything slow."""
    make_folder(args.out, '--out')
    if args.write_degraded is not None:
        make_folder(args.write_degraded, '--write-degraded')
    others = [args.data / 'pairs.csv', *(args.out / name for name in OUTPUTS),
              *(Path(_named(text)[1]) for text in args.model or ())]
    if args.detector is not None:
        others.append(args.detector)
    if identity(json_path) in map(identity, others):
        raise CommandError(f'{json_path} is needed for something else: give another --json')
    check_file(json_path, '--json' if args.json else '--out')


def _finish(args: argparse.Namespace, results: dict[str, Any], json_path: Path) -> int:
    """Say what was found and what was left out."""
    for note in results['data']['notes']:
        print(f'degfuse evaluate: note: {note}', file=sys.stderr)
    left_out = results['data']['left_out']
    for line in left_out[:LINES_SHOWN]:
        print(f'degfuse evaluate: left out: {line}', file=sys.stderr)
    if len(left_out) > LINES_SHOWN:
        print(f'degfuse evaluate: left out: {len(left_out) - LINES_SHOWN} more, see {json_path}',
              file=sys.stderr)
    print(f"{results['data']['pairs']} pairs, {len(results['methods'])} methods, "
          f'{len(left_out)} left out: report in {args.out / "report.html"}, figures in '
          f'{json_path}')
    return 1 if left_out and not args.allow_missing else 0


def _settings(args: argparse.Namespace) -> 'Settings':
    from degfuse_ros.evaluation.baselines import BASELINES
    from degfuse_ros.evaluation.restoration import TWO_STAGE
    from degfuse_ros.evaluation.settings import Settings
    for text in args.fused:
        if '=' not in text:
            raise CommandError(f'give --fused as NAME=FOLDER; got {text!r}')
    if args.limit is not None and args.limit < 1:
        raise CommandError(f'--limit must be 1 or more; got {args.limit}')
    models = [_named(text) for text in args.model or ['base']]
    fused = [_named(text) for text in args.fused]
    _check_names([*BASELINES, *TWO_STAGE], [name for name, _ in [*models, *fused]])
    command = shlex.join(['degfuse', *sys.argv[1:]])
    return Settings(
        data=args.data, split=args.split, out=args.out, percentiles=default_percentiles(),
        models=tuple(models), fused=tuple((name, Path(folder)) for name, folder in fused),
        degrade=args.degrade, detector=args.detector, device=args.device, seed=args.seed,
        limit=args.limit, clips=tuple(args.clip or Settings.clips),
        write_degraded=args.write_degraded, command=command)


def _named(text: str) -> tuple[str, str]:
    """Split NAME=VALUE; a value alone is called by its file's name."""
    name, separator, value = text.partition('=')
    if not separator:
        name, value = Path(text).stem, text
    if not name or not value:
        raise CommandError(f'a row needs a name and a value: give NAME=VALUE; got {text!r}')
    return name, value


def _check_names(taken: Sequence[str], names: Sequence[str]) -> None:
    """Refuse two rows of one name."""
    twice = [name for name, count in Counter([*taken, *names]).items() if count > 1]
    if twice:
        raise CommandError(f'two rows would be called {twice[0]!r}: give one of them as '
                           'OTHERNAME=VALUE')
