# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse export`: a model as a file that other runtimes read. docs/export.md tells how."""
import argparse
import os
import sys
from typing import Any

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_file, path, write_file

LARGEST = 10240  # pixels a side: four times the largest that is measured


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser(
        'export', help='write a model as ONNX, for onnxruntime, OpenVINO or TensorRT',
        description='Write the whole model, routing included, as one ONNX file: 8-bit images in, '
                    '8-bit image, scores, severities and gate weights out.')
    parser.add_argument('--format', choices=('onnx',), default='onnx')
    parser.add_argument('--out', type=path, required=True, metavar='FILE',
                        help='a file that does not exist yet')
    parser.add_argument('--model', metavar='M', help='a shipped model or a .safetensors file')
    parser.add_argument('--size', type=_size, default=None, metavar='WIDTHxHEIGHT|dynamic',
                        help='of the images (default dynamic: any)')
    parser.add_argument('--experts', choices=('chosen', 'all'), default='chosen',
                        help='compute the chosen ones, for a batch of one, or all without control '
                             'flow, for TensorRT and larger batches (default chosen)')
    parser.add_argument('--opset', type=int, choices=(18, 19, 20), default=18,
                        help="version of ONNX's operators (default 18)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file; return 0 if it is there."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse export: {error}', file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    if os.path.lexists(args.out):
        raise CommandError(f'{args.out} exists already: give another --out, or remove it')
    check_file(args.out, '--out')
    try:
        from degfuse_ros.engine import EngineError
        from degfuse_ros.engine.export import export_onnx
    except ModuleNotFoundError as error:
        raise CommandError(f'{error.name} is not installed: pip install -r requirements/run.txt '
                           '-r requirements/export.txt') from error
    try:
        content = export_onnx(args.model, args.size, args.opset, args.experts == 'all')
    except EngineError as error:
        raise CommandError(str(error)) from error
    write_file(args.out, content, '--out')
    print(f'{args.out}: {len(content) / 2 ** 20:.1f} MiB')
    return 0


def _size(text: str) -> tuple[int, int] | None:
    """Read WIDTHxHEIGHT or dynamic for argparse and return (height, width) or None."""
    from degfuse_ros.demo.arguments import size
    if text == 'dynamic':
        return None
    width, height = size(text, LARGEST)
    return height, width
