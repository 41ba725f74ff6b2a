# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse fuse`: fuse image files."""
import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import make_folder

if TYPE_CHECKING:
    from degfuse_ros.camera.pair_files import PairFiles
    from degfuse_ros.engine import Fusion, FusionEngine


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser(
        'fuse', help='fuse image files or folders',
        description='Fuse pairs of images. The files of a pair have the same name before the '
                    'suffix. Writes NAME.png per pair and fusion.json.')
    parser.add_argument('--visible', type=Path, required=True, metavar='DIR|FILE')
    parser.add_argument('--thermal', type=Path, required=True, metavar='DIR|FILE',
                        help='8 bit, or 16-bit counts; resized to the visible image if need be')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument('--model', metavar='M', help='a shipped model or a .safetensors file')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--json', type=Path, metavar='FILE',
                        help='results, instead of fusion.json in --out')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fuse all pairs; return 0 if all went well, 1 if anything was left out."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse fuse: {error}', file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    from degfuse_ros.camera.pair_files import PairFilesError, find_pairs
    try:
        pairs, problems = find_pairs(args.visible, args.thermal)
    except PairFilesError as error:
        raise CommandError(str(error)) from error
    inputs = {path.resolve() if path.is_dir() else path.resolve().parent
              for path in (args.visible, args.thermal)}
    if args.out.resolve() in inputs:
        raise CommandError(f'{args.out} holds the input: results would overwrite it. Give another '
                      '--out')
    results_path = args.json or args.out / 'fusion.json'
    for folder in (args.out, results_path.parent):
        make_folder(folder)
    engine = _load_engine(args)
    results = _fuse_all(engine, pairs, args.out, problems)
    document = {'engine': _engine_facts(engine), 'images': results, 'left_out': problems}
    try:
        results_path.write_text(json.dumps(document, indent=1) + '\n')
    except OSError as error:
        raise CommandError(f'{results_path} cannot be written: {error.strerror}. Give another '
                      '--json') from error
    for problem in problems:
        print(f'degfuse fuse: left out: {problem}', file=sys.stderr)
    print(f'{len(results)} fused, {len(problems)} left out: images in {args.out}, results in '
          f'{results_path}')
    return 1 if problems else 0


def _load_engine(args: argparse.Namespace) -> 'FusionEngine':
    try:
        from degfuse_ros.engine import EngineError, FusionEngine
    except ModuleNotFoundError as error:
        raise CommandError(f'{error.name} is not installed: pip install -r requirements/run.txt'
                      ) from error
    try:
        return FusionEngine.load(model=args.model, device=args.device)
    except EngineError as error:
        raise CommandError(str(error)) from error


def _fuse_all(engine: 'FusionEngine', pairs: list['PairFiles'], out: Path,
              problems: list[str]) -> list[dict[str, Any]]:
    """Fuse the pairs one by one; what cannot be fused is appended to the problems."""
    import cv2
    from tqdm import tqdm

    from degfuse_ros.camera.pair_files import PairFilesError
    results = []
    resized = 0
    with tqdm(pairs, unit='pair', disable=None) as bar:
        for pair in bar:
            try:
                fusion, changed = _fuse_pair(engine, pair)
            except (PairFilesError, ValueError) as error:
                problems.append(f'{pair.name}: {error}')
                continue
            resized += changed
            path = out / f'{pair.name}.png'
            if not cv2.imwrite(str(path), cv2.cvtColor(fusion.image, cv2.COLOR_RGB2BGR)):
                raise CommandError(f'{path} cannot be written: free some space or give '
                                   'another --out')
            results.append(_describe(pair, path, fusion, engine))
            bar.set_postfix_str(f'{fusion.degradation.label} {pair.name}')
    if resized:
        print(f'degfuse fuse: warning: {resized} thermal images were resized to the size of '
              'their visible image. Register them first if the cameras see different views',
              file=sys.stderr)
    return results


def _fuse_pair(engine: 'FusionEngine', pair: 'PairFiles') -> tuple['Fusion', bool]:
    """Fuse one pair; tell whether the thermal image had to be resized."""
    from degfuse_ros.camera.registration import match_size
    from degfuse_ros.camera.thermal import ThermalRange
    visible, thermal = pair.read()
    # Single images: each gets its own window, from the same percentiles as the node's default.
    thermal = ThermalRange().to_8_bit(thermal, 1.0, 99.0, 0.0)
    height, width = visible.shape[:2]
    if min(height, width, *thermal.shape) < 32:
        raise ValueError(f'an image is smaller than 32x32 pixels (visible {width}x{height}, '
                         f'thermal {thermal.shape[1]}x{thermal.shape[0]})')
    changed = thermal.shape != (height, width)
    return engine.fuse(visible, match_size(thermal, height, width)), changed


def _describe(pair: 'PairFiles', path: Path, fusion: 'Fusion', engine: 'FusionEngine'
              ) -> dict[str, Any]:
    """Return one image's entry of the results."""
    degradation = fusion.degradation
    return {
        'name': pair.name, 'visible': str(pair.visible), 'thermal': str(pair.thermal),
        'fused': str(path), 'width': fusion.image.shape[1], 'height': fusion.image.shape[0],
        'label': degradation.label,
        'scores': {name: round(float(v), 4) for name, v in degradation.scores.items()},
        'severity': {name: round(float(v), 4) for name, v in degradation.severity.items()},
        'routing': {layer: [round(float(v), 4) for v in row] for layer, row in
                    zip(engine.layer_names, fusion.routing, strict=True)},
    }


def _engine_facts(engine: 'FusionEngine') -> dict[str, str]:
    return {'device': engine.device, 'device_name': engine.device_name,
            'precision': engine.precision, 'model_path': str(engine.model_path),
            'model_hash': engine.model_hash}
