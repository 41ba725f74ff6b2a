# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse latency`: how late fused images reach another process, and what the node costs.

Ten minutes with memory and latency over time: degfuse latency --rate 60 --seconds 600
"""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.children import Children
from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_report, path, write_file
from degfuse_ros.cli.live_node import SILENCE, start
from degfuse_ros.cli.process_usage import ProcessUsage, process_usage
from degfuse_ros.cli.ros_environment import check_ros, set_environment

if TYPE_CHECKING:
    from degfuse_ros.cli.latency_summary import LatencySummary

# Seconds at the beginning that do not count: graphs and caches of a new size fill meanwhile.
_SETTLE = 5.0


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    from degfuse_ros.demo.arguments import positive, size
    parser = subparsers.add_parser(
        'latency', help='latency and cost of the running node',
        description='Publish pairs at a rate, fuse them by the real node, receive the images in a '
                    'third process, and tell latency, drops, processor time and memory of the '
                    f'node. The first {_SETTLE:g} s do not count.')
    parser.add_argument('--size', type=size, default=(640, 480), metavar='WIDTHxHEIGHT')
    parser.add_argument('--rate', type=positive, default=30.0, help='pairs per second')
    parser.add_argument('--seconds', type=positive, default=30.0, help='that count')
    parser.add_argument('--model', default='', metavar='M',
                        help='a shipped model or a .safetensors file')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--json', type=path, metavar='FILE', help='write the numbers there too')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; return 0 if fused images were received."""
    try:
        if args.rate * args.seconds < 2:
            raise CommandError(f'--rate {args.rate:g} and --seconds {args.seconds:g} make fewer '
                               'than two pairs: give more of either')
        check_ros()
        if args.json:
            check_report(args.json, '--json')
        set_environment()
        with tempfile.TemporaryDirectory(prefix='degfuse_latency_') as work:
            summary = _measure(args, Path(work))
        numbers = summary.numbers()
        print(summary.text())
        if args.json:
            write_file(args.json, (json.dumps(numbers, indent=1) + '\n').encode(), '--json')
    except CommandError as error:
        print(f'degfuse latency: {error}', file=sys.stderr)
        return 1
    return 0


def _measure(args: argparse.Namespace, work: Path) -> 'LatencySummary':
    """Run the three processes until all pairs are published and received."""
    from degfuse_ros.cli.latency_summary import LatencySummary
    from degfuse_ros.demo.summary import read_lines
    stamps = work / 'stamps.txt'
    width, height = args.size
    with Children(work) as children:
        start(children, args.model, args.device, work, '--every', '0', '--image-only')
        children.start('publisher', 'degfuse_ros.ros.loop_publisher', '--size',
                       f'{width}x{height}', '--rate', str(args.rate), '--stamps', str(stamps),
                       '--pairs', str(round(args.rate * (args.seconds + _SETTLE))))
        usage = _follow(children, round(args.seconds + _SETTLE))
        _drain(children, work / 'results.jsonl')
    # Read once the processes have ended: no line is half written.
    summary = LatencySummary(
        [int(line) for line in stamps.read_text().split()], read_lines(work / 'results.jsonl'),
        read_lines(work / 'diagnostics.jsonl'), usage, _SETTLE)
    if not summary.received:
        raise CommandError(f'no fused image arrived after the first {_SETTLE:g} s; the last lines '
                           f'of the node:\n{children.last_lines("fuse_node")}')
    return summary


def _follow(children: Children, seconds: int) -> list[ProcessUsage]:
    """Look at the node once a second until the publisher has ended, and show the progress."""
    from tqdm import tqdm
    looks: list[ProcessUsage] = []
    begin = time.monotonic()
    with tqdm(total=seconds, unit='s', disable=None) as bar:
        while children.runs('publisher'):
            children.require('fuse_node', 'recorder')
            looks.append(process_usage(children.process('fuse_node')))
            time.sleep(1.0)
            # The publisher needs some seconds more, to start and to render its pictures.
            bar.update(min(round(time.monotonic() - begin), seconds) - bar.n)
    return looks


def _drain(children: Children, results: Path) -> None:
    """Wait until no image has come for a while."""
    size, last = -1, time.monotonic()
    while time.monotonic() < last + SILENCE:
        children.require('fuse_node', 'recorder')
        if results.stat().st_size != size:
            size, last = results.stat().st_size, time.monotonic()
        time.sleep(0.1)
