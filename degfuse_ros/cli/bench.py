# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bench`: where the engine's time goes, beside what the machine could do."""
import argparse
import json
import shlex
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_report, path, write_file

if TYPE_CHECKING:
    from degfuse_ros.engine.benchmark.benchmark import EngineChoice, Settings

LARGEST = 8192  # pixels a side: far beyond any thermal camera
MOST_FRAMES = 1_000_000  # hours, on any machine
MOST_PAIRS = 256  # more rigs than any machine has
SWEEP = ((320, 240), (640, 480), (1280, 1024), (1920, 1536), (2560, 2048))


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    from degfuse_ros.demo.arguments import size, whole_number
    parser = subparsers.add_parser(
        'bench', help="where the engine's time goes",
        description='Time the engine and its stages beside the bandwidth and matrix rate that '
                    'are measured in the same run. Prints tables; figures and circumstances go '
                    'into --json.')
    parser.add_argument('--size', type=partial(size, largest=LARGEST), nargs='+',
                        metavar='WIDTHxHEIGHT', help='default 640x480')
    parser.add_argument('--sweep', action='store_true',
                        help='sizes from 320x240 to 2560x2048, instead of --size')
    parser.add_argument('--batch', type=whole_number(1, MOST_PAIRS), nargs='+', metavar='N',
                        default=[1],
                        help='pairs fused together, each number at each size; default 1')
    parser.add_argument('--guidance-period', type=whole_number(1, MOST_FRAMES), metavar='N',
                        default=1, help='run the guidance in every N-th frame; default 1')
    parser.add_argument('--compile', action='store_true',
                        help='on CUDA: measure the compiled engine, once it is compiled')
    parser.add_argument('--frames', type=whole_number(1, MOST_FRAMES), metavar='N',
                        help='calls per size (default: up to 100 within 15 s, at least 5)')
    parser.add_argument('--model', metavar='M', help='a shipped model or a .safetensors file')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--compare', nargs=2, metavar=('A', 'B'),
                        help='alternate two, frame by frame, instead: each a model, a device or '
                             'MODEL@DEVICE, with +compile, +bfloat16 or +period=N behind it')
    parser.add_argument('--json', type=path, metavar='FILE')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; return 0 if nothing was left out, otherwise 1."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse bench: {error}', file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    if args.sweep and args.size:
        raise CommandError('--sweep brings its own sizes: give it or --size, not both')
    if args.compare and args.model:
        raise CommandError('--compare names its models itself: leave --model out')
    if args.json is not None:
        check_report(args.json, '--json')
    try:
        from degfuse_ros.cli.bench_tables import tables
        from degfuse_ros.engine import EngineError
        from degfuse_ros.engine.benchmark.benchmark import run_benchmark
    except ModuleNotFoundError as error:
        raise CommandError(f'{error.name} is not installed: pip install -r requirements/run.txt'
                           ) from error
    try:
        document = run_benchmark(_settings(args))
    except EngineError as error:
        raise CommandError(str(error)) from error
    print(tables(document))
    if args.json is not None:
        text = json.dumps(document, indent=1, allow_nan=False) + '\n'
        write_file(args.json, text.encode(), '--json')
    for line in document['left_out']:
        print(f'degfuse bench: left out: {line}', file=sys.stderr)
    return 1 if document['left_out'] else 0


def _settings(args: argparse.Namespace) -> 'Settings':
    from degfuse_ros.engine.benchmark.benchmark import EngineChoice, Settings
    from degfuse_ros.engine.benchmark.size_benchmark import Case
    sizes = SWEEP if args.sweep else sorted(set(args.size or [(640, 480)]), key=_pixels)
    names = tuple(args.compare or ())
    own = EngineChoice(args.model, args.device, args.guidance_period, args.compile)
    return Settings(
        engines=tuple(_engine(name, own) for name in names) or (own,),
        names=names,
        cases=tuple(Case(width, height, batch) for width, height in sizes
                    for batch in sorted(set(args.batch))),
        frames=args.frames, command=shlex.join(['degfuse', *sys.argv[1:]]))


def _engine(text: str, own: 'EngineChoice') -> 'EngineChoice':
    """Read one side of a comparison: a model, a device, or MODEL@DEVICE, and its settings."""
    name, *settings = text.split('+')
    choice = own
    for setting in settings:
        key, _, value = setting.partition('=')
        if setting == 'compile':
            choice = replace(choice, compile=True)
        elif setting in ('float32', 'bfloat16'):
            choice = replace(choice, precision=setting)
        elif key == 'period' and value.isdecimal() and int(value) >= 1:
            choice = replace(choice, guidance_period=int(value))
        else:
            raise CommandError('--compare takes +compile, +float32, +bfloat16 and +period=N '
                               f'behind a model or device; got {text!r}')
    if name in ('auto', 'cpu', 'cuda') or name.startswith('cuda:'):
        return replace(choice, device=name)
    model, separator, device = name.rpartition('@')
    if not separator:
        model, device = name, own.device
    if not model or not device:
        raise CommandError(f'--compare takes a model, a device or MODEL@DEVICE; got {text!r}')
    return replace(choice, model=model, device=device)


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]
