# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse demo`: the built-in scenes through the real node, over real DDS."""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.children import Children
from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_file, make_folder, path, write_file
from degfuse_ros.cli.live_node import SILENCE, start
from degfuse_ros.cli.ros_environment import check_ros, set_environment
from degfuse_ros.network.config import CLASSES

if TYPE_CHECKING:
    from degfuse_ros.demo.contact_sheet import Row
    from degfuse_ros.demo.summary import DemoSummary

# About 15 s at five pictures a second, and a file of a few megabytes.
_GIF_PICTURES = 60
_GIF_PANEL = (240, 180)
_SHEET, _GIF, _SUMMARY = 'contact_sheet.png', 'demo.gif', 'summary.json'


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    from degfuse_ros.demo.arguments import positive, size
    parser = subparsers.add_parser(
        'demo', help='built-in scenes through the real node',
        description='Publish a synthetic street that drifts through fog, night, overexposure and '
                    'rain, fuse it by the real node, and write contact_sheet.png, demo.gif and '
                    'summary.json.')
    parser.add_argument('--out', type=path, default=Path('demo_out'), metavar='DIR')
    parser.add_argument('--seconds', type=positive, default=45.0, help='length of the drift')
    parser.add_argument('--rate', type=positive, default=10.0, help='pairs per second')
    parser.add_argument('--size', type=size, default=(640, 480), metavar='WIDTHxHEIGHT')
    parser.add_argument('--model', default='', metavar='M',
                        help='a shipped model or a .safetensors file')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 0 if images were fused and written."""
    try:
        if round(args.seconds * args.rate) < 1:
            raise CommandError(f'--seconds {args.seconds:g} is too short for one pair at --rate '
                               f'{args.rate:g}: give {1 / args.rate:g} or more')
        check_ros()
        make_folder(args.out, '--out')
        for name in (_SHEET, _GIF, _SUMMARY):
            check_file(args.out / name, '--out')
        set_environment()
        with tempfile.TemporaryDirectory(prefix='degfuse_demo_') as work:
            summary = _stream(args, Path(work))
            _report(args, Path(work), summary)
    except CommandError as error:
        print(f'degfuse demo: {error}', file=sys.stderr)
        return 1
    return 0


def _stream(args: argparse.Namespace, work: Path) -> 'DemoSummary':
    """Run the three processes until the drift has ended."""
    from degfuse_ros.demo.summary import DemoSummary, read_lines
    truth = work / 'truth.jsonl'
    with Children(work) as children:
        begin = time.monotonic()
        start(children, args.model, args.device, work, '--idle', str(SILENCE))
        print(f'fuse_node is active after {time.monotonic() - begin:.1f} s', flush=True)
        width, height = args.size
        children.start('scene_publisher', 'degfuse_ros.ros.scene_publisher', '--size',
                       f'{width}x{height}', '--rate', str(args.rate), '--seconds',
                       str(args.seconds), '--truth', str(truth), '--wait')
        _follow(children, truth, round(args.seconds * args.rate))
        # An engine that never answers must not keep the recorder waiting for ever.
        deadline = time.monotonic() + 10 * SILENCE
        while children.runs('recorder') and time.monotonic() < deadline:
            children.require('fuse_node')
            time.sleep(0.1)
        summary = DemoSummary(*(read_lines(work / name) for name in (
            'truth.jsonl', 'results.jsonl', 'diagnostics.jsonl')))
        if not summary.pairs:
            raise CommandError('the node has published no fused image; its last lines:\n'
                          f'{children.last_lines("fuse_node")}')
    return summary


def _follow(children: Children, truth: Path, total: int) -> None:
    """Show the progress of the stream until its publisher has ended."""
    from tqdm import tqdm
    with tqdm(total=total, unit='pair', disable=None) as bar:
        while children.runs('scene_publisher'):
            children.require('fuse_node', 'recorder')
            # A line may be half written: the last complete one is read.
            lines = truth.read_text().rpartition('\n')[0].splitlines() if truth.exists() else []
            if lines:
                newest = json.loads(lines[-1])
                bar.set_postfix_str(f'{newest["class"]} {newest["severity"]:.2f}')
            bar.update(len(lines) - bar.n)
            time.sleep(0.25)
        bar.update(total - bar.n)


def _report(args: argparse.Namespace, work: Path, summary: 'DemoSummary') -> None:
    """Print the numbers and write the files."""
    import cv2

    from degfuse_ros.demo.animation import write_gif
    from degfuse_ros.demo.contact_sheet import contact_sheet, strip
    from degfuse_ros.demo.stream import DemoStream
    print(summary.text(), flush=True)
    numbers = summary.numbers()
    stream = DemoStream(args.size, seconds=args.seconds, rate=args.rate)
    rows = [_row(stream, work, *pair) for pair in _best(summary)]
    facts = numbers['diagnostics']
    footer = (f'{numbers["fused"]} of {numbers["published"]} pairs fused at '
              f'{numbers["fused_rate_hz"]} Hz on {facts.get("device_name", "?")}, latency p50 '
              f'{numbers["latency_ms"]["p50"]} ms; class right on {numbers["right"]} of '
              f'{numbers["judged"]}')
    sheet = contact_sheet(rows, 'degfuse demo: a synthetic street through fuse_node over DDS',
                          footer)
    stride = max(1, len(summary.pairs) // _GIF_PICTURES)
    pictures = [strip(_row(stream, work, *pair), _GIF_PANEL) for pair in summary.pairs[::stride]]
    # Encoded in memory: cv2.imwrite does not tell why a file cannot be written.
    _, png = cv2.imencode('.png', cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    write_file(args.out / _SHEET, png.tobytes(), '--out')
    try:
        write_gif(args.out / _GIF, pictures, 200)
    except OSError as error:
        raise CommandError(f'{args.out / _GIF} cannot be written: {error.strerror or error}. Give '
                           'another --out') from error
    write_file(args.out / _SUMMARY, (json.dumps(numbers, indent=1) + '\n').encode(), '--out')
    print(f'wrote {_SHEET}, {_GIF} and {_SUMMARY} in {args.out}')


def _best(summary: 'DemoSummary') -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the moment of each class with most people near, among those when it is strongest."""
    chosen = []
    for label in CLASSES:
        pairs = [pair for pair in summary.pairs if pair[0]['class'] == label]
        peak = max((truth['severity'] for truth, _ in pairs), default=0)
        pairs = [pair for pair in pairs if pair[0]['severity'] >= peak - 0.02]
        chosen += sorted(pairs, key=lambda pair: -_people(pair[0]))[:1]
    return chosen


def _people(truth: dict[str, Any]) -> int:
    """Count the people within 30 m: farther ones are a few pixels tall."""
    return sum(o['kind'] == 'person' and o['metres'] < 30 for o in truth['objects'])


def _row(stream: Any, work: Path, truth: dict[str, Any], result: dict[str, Any]) -> 'Row':
    """Put one moment together: what was published is rendered again, what came back is read."""
    import cv2

    from degfuse_ros.demo.contact_sheet import Row
    frame = stream.frame(truth['index'])
    fused = cv2.imread(str(work / 'frames' / f'{result["stamp"]}.png'))
    assert fused is not None, 'the recorder stores every image that it lists'
    return Row(frame.visible, frame.thermal, cv2.cvtColor(fused, cv2.COLOR_BGR2RGB),
               truth['class'], truth['severity'], result.get('scores', {}),
               result.get('routing', {}), result['latency_ms'])
