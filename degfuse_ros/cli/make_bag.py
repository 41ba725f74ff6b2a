# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse make-bag`: folders of images or the built-in scenes as a bag, with the usual faults."""
import argparse
import sys
from pathlib import Path
from typing import Any

from degfuse_ros.cli.bag import missing
from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import path

_DEMO = 'demo'


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    from degfuse_ros.demo.arguments import not_negative, positive, size
    parser = subparsers.add_parser(
        'make-bag', help='images or built-in scenes as a rosbag2 bag',
        description='Write a bag of a visible and a thermal camera, with camera_info. For tests: '
                    'rates, jitter, clock offset, 16 bits, compression and drop-outs as asked.')
    parser.add_argument('--from', dest='source', type=path, required=True, metavar='DIR|demo',
                        help='a folder with pairs.csv or with visible/ and thermal/, or demo for '
                             'the built-in street')
    parser.add_argument('--out', type=path, required=True, metavar='DIR', help='the new bag')
    parser.add_argument('--rate', type=positive, default=10.0, metavar='HZ',
                        help='visible images per second (default 10)')
    parser.add_argument('--thermal-rate', type=positive, metavar='HZ',
                        help='thermal images per second (default: the same)')
    parser.add_argument('--seconds', type=positive, metavar='S',
                        help='length (default: all pictures, or 45 s of the street)')
    parser.add_argument('--size', type=size, default=(640, 480), metavar='WIDTHxHEIGHT',
                        help='of the built-in street')
    parser.add_argument('--jitter', type=not_negative, default=0.0, metavar='S',
                        help='standard deviation of the stamps, in seconds')
    parser.add_argument('--clock-offset', type=float, default=0.0, metavar='S',
                        help="seconds by which the thermal camera's clock is ahead")
    parser.add_argument('--sixteen-bits', action='store_true',
                        help='thermal images as counts of 0.01 K')
    parser.add_argument('--compressed', action='store_true',
                        help='visible JPEG and thermal PNG as sensor_msgs/CompressedImage')
    parser.add_argument('--drop', type=_share, default=0.0, metavar='SHARE',
                        help='of the images that are lost, 0 to 1')
    parser.add_argument('--gap', type=_gap, action='append', default=[],
                        metavar='CAMERA:START:LENGTH', help='a camera is silent, as thermal:5:2')
    parser.add_argument('--visible', default='/visible/image', metavar='TOPIC')
    parser.add_argument('--thermal', default='/thermal/image', metavar='TOPIC')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--storage', choices=('mcap', 'sqlite3'), default='mcap')
    parser.add_argument('--compression', choices=('none', 'chunk', 'message', 'file'),
                        default='none', help='of the bag, by zstd; chunk for mcap alone')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing bag')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the bag; return 0 if it is there."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse make-bag: {error}', file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    try:
        from degfuse_ros.bags.bag_error import BagError
        from degfuse_ros.bags.made_frames import demo_frames, folder_frames
        from degfuse_ros.bags.make_bag import BagRecipe, make_bag
    except ModuleNotFoundError as error:
        raise missing(error) from error
    from tqdm import tqdm
    if args.compression == 'chunk' and args.storage == 'sqlite3':
        raise CommandError('--compression chunk is for mcap: give message or file for sqlite3')
    recipe = BagRecipe(
        rate=args.rate, thermal_rate=args.thermal_rate or 0.0, jitter=args.jitter,
        clock_offset=args.clock_offset, sixteen_bits=args.sixteen_bits,
        compressed=args.compressed, drop=args.drop, gaps=tuple(args.gap),
        visible_topic=args.visible, thermal_topic=args.thermal, seed=args.seed,
        storage=args.storage, compression=args.compression)
    try:
        if args.source == Path(_DEMO):
            frames = demo_frames(args.size, args.seconds or 45.0, args.seed)
        else:
            frames = folder_frames(args.source, args.rate, args.seconds)
        total = round(frames.seconds * (recipe.rate + (recipe.thermal_rate or recipe.rate)))
        with tqdm(total=total, unit='image', disable=None) as bar:
            counts = make_bag(recipe, frames, args.out, args.overwrite, bar.update)
    except BagError as error:
        raise CommandError(str(error)) from error
    print(f'{args.out}: ' + ', '.join(f'{topic} {count}' for topic, count in counts.items()))
    return 0


def _share(text: str) -> float:
    """Read a share from 0 to 1 for argparse."""
    from degfuse_ros.demo.arguments import not_negative
    number = not_negative(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f'give a number from 0 to 1; got {text!r}')
    return number


def _gap(text: str) -> tuple[str, float, float]:
    """Read CAMERA:START:LENGTH for argparse."""
    from degfuse_ros.demo.arguments import not_negative
    camera, _, rest = text.partition(':')
    start, _, length = rest.partition(':')
    if camera not in ('visible', 'thermal'):
        raise argparse.ArgumentTypeError(f'give visible or thermal, as thermal:5:2; got {text!r}')
    return camera, not_negative(start), not_negative(length)
