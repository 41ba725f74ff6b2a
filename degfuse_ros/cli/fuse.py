# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse fuse`: fuse image files."""
import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_file, identity, make_folder, path, write_file

if TYPE_CHECKING:
    from degfuse_ros.camera.front_end import FrontEnd
    from degfuse_ros.camera.pair_files import PairFiles
    from degfuse_ros.engine import Fusion, FusionEngine


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser(
        'fuse', help='fuse image files or folders',
        description='Fuse pairs of images. The files of a pair have the same name before the '
                    'suffix. Writes NAME.png per pair and fusion.json.')
    parser.add_argument('--visible', type=path, required=True, metavar='DIR|FILE')
    parser.add_argument('--thermal', type=path, required=True, metavar='DIR|FILE',
                        help='8 bit, or 16-bit counts; resized to the visible image if need be')
    parser.add_argument('--out', type=path, required=True, metavar='DIR')
    parser.add_argument('--calibration', type=path, metavar='FILE',
                        help='of degfuse calibrate, where the cameras see different views')
    parser.add_argument('--model', metavar='M', help='a shipped model or a .safetensors file')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--json', type=path, metavar='FILE',
                        help='results, instead of fusion.json in --out')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fuse all pairs; return 0 if all went well, 1 if anything was left out, 130 on Ctrl-C."""
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
    results_path = args.json or args.out / 'fusion.json'
    front_end = _front_end(args)
    _check_outputs(args, pairs, results_path)
    engine = _load_engine(args)
    results: list[dict[str, Any]] = []
    unpaired = len(problems)
    try:
        _fuse_all(engine, front_end, pairs, args.out, results, problems)
    except KeyboardInterrupt:
        missing = len(pairs) - len(results) - (len(problems) - unpaired)
        problems.append(f'interrupted: {missing} of {len(pairs)} pairs were not fused')
        _write_results(args, results_path, engine, results, problems)
        print(f'degfuse fuse: {problems[-1]}; results of the others in {results_path}',
              file=sys.stderr)
        return 130
    _write_results(args, results_path, engine, results, problems)
    for problem in problems:
        print(f'degfuse fuse: left out: {problem}', file=sys.stderr)
    print(f'{len(results)} fused, {len(problems)} left out: images in {args.out}, results in '
          f'{results_path}')
    return 1 if problems else 0


def _front_end(args: argparse.Namespace) -> 'FrontEnd':
    """Return what the node has before its engine, with the node's defaults."""
    from degfuse_ros.camera.front_end import FrontEnd
    from degfuse_ros.ros.parameter_table import ROWS, calibration_problem
    calibration = str(args.calibration or '')
    problem = calibration_problem(calibration)
    if problem:
        raise CommandError(f'--calibration: {problem}')
    values = {**{name: row.default for name, row in ROWS.items()}, 'calibration': calibration}
    return FrontEnd(values.__getitem__)


def _check_outputs(args: argparse.Namespace, pairs: list['PairFiles'], results_path: Path) -> None:
    """Make the folders; refuse what cannot be written and what would overwrite an input."""
    make_folder(args.out, '--out')
    # A path's own folder and that of the file which a link leads to.
    folders = [folder for each in (args.visible, args.thermal) for folder in
               ([each] if each.is_dir() else [each.parent, each.resolve().parent])]
    if identity(args.out) in {identity(folder) for folder in folders}:
        raise CommandError(f'{args.out} holds the input: results would overwrite it. Give another '
                           '--out')
    taken = {identity(each): each for each in _inputs(args)}
    images = [args.out / f'{pair.name}.png' for pair in pairs]
    targets = [*((image, '--out') for image in images),
               (results_path, '--json' if args.json else '--out')]
    for target, option in targets:
        same = taken.setdefault(identity(target), target)
        if same is not target:
            raise CommandError(f'{target} is the same file as {same}: one would overwrite the '
                               f'other. Give another {option}')
        if target is results_path or os.path.lexists(target):
            check_file(target, option)


def _inputs(args: argparse.Namespace) -> list[Path]:
    """Return all files that it reads or was given beside them: images, weights, calibration."""
    from degfuse_ros.camera.pair_files import SUFFIXES
    files = [Path(each) for each in (args.model, args.calibration) if each]
    for each in (args.visible, args.thermal):
        files += [file for file in each.iterdir() if file.suffix.lower() in SUFFIXES
                  ] if each.is_dir() else [each]
    return files


def _write_results(args: argparse.Namespace, results_path: Path, engine: 'FusionEngine',
                   results: list[dict[str, Any]], problems: list[str]) -> None:
    document = {'engine': _engine_facts(engine), 'images': results, 'left_out': problems}
    write_file(results_path, (json.dumps(document, indent=1) + '\n').encode(),
               '--json' if args.json else '--out')


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


def _fuse_all(engine: 'FusionEngine', front_end: 'FrontEnd', pairs: list['PairFiles'], out: Path,
              results: list[dict[str, Any]], problems: list[str]) -> None:
    """Fuse the pairs one by one; what cannot be fused is appended to the problems."""
    import cv2
    from tqdm import tqdm

    from degfuse_ros.camera.pair_files import PairFilesError
    resized = 0
    with tqdm(pairs, unit='pair', disable=None) as bar:
        for pair in bar:
            try:
                fusion, changed = _fuse_pair(engine, front_end, pair)
            except (PairFilesError, ValueError, RuntimeError) as error:
                # A RuntimeError is the device's, over many lines where its memory runs out.
                problems.append(f"{pair.name}: {' '.join(str(error).split())[:300]}")
                continue
            resized += changed
            file = out / f'{pair.name}.png'
            # Encoded in memory: cv2.imwrite does not tell why a file cannot be written.
            _, png = cv2.imencode('.png', cv2.cvtColor(fusion.image, cv2.COLOR_RGB2BGR))
            write_file(file, png.tobytes(), '--out')
            results.append(_describe(pair, file, fusion, engine))
            bar.set_postfix_str(f'{fusion.degradation.label} {pair.name}')
    if resized:
        images = 'image was' if resized == 1 else 'images were'
        print(f'degfuse fuse: warning: {resized} thermal {images} resized to the size of the '
              'visible image. Give --calibration if the cameras see different views',
              file=sys.stderr)


def _fuse_pair(engine: 'FusionEngine', front_end: 'FrontEnd', pair: 'PairFiles'
               ) -> tuple['Fusion', bool]:
    """Fuse one pair; tell whether the thermal image had to be resized."""
    prepared = front_end.prepare_images(*pair.read())
    fusion = engine.fuse(prepared.visible, prepared.thermal, prepared.coverage)
    # Of images from files there is but one thing to tell: that they were stretched.
    return fusion, bool(prepared.notice)


def _describe(pair: 'PairFiles', file: Path, fusion: 'Fusion', engine: 'FusionEngine'
              ) -> dict[str, Any]:
    """Return one image's entry of the results."""
    degradation = fusion.degradation
    return {
        'name': pair.name, 'visible': str(pair.visible), 'thermal': str(pair.thermal),
        'fused': str(file), 'width': fusion.image.shape[1], 'height': fusion.image.shape[0],
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
