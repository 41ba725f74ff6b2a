# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse calibrate`: how the thermal image lies over the visible one."""
import argparse
import datetime
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degfuse_ros.cli.calibration_pairs import CalibrationPairs, find_calibration_pairs
from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_report, identity, make_folder, path, write_file

if TYPE_CHECKING:
    import numpy as np

    from degfuse_ros.camera.calibration import Calibration

    Images = list[tuple[np.ndarray, np.ndarray]]

OVERLAYS = 3  # pairs of which overlays are written
DISTANCE = 10.0  # metres: beyond, parallax of cameras side by side is small
# Views that differ by more share too few pixels; from 100 on an image fills the memory.
ZOOMS = (0.1, 10.0)


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    from degfuse_ros.demo.arguments import whole_number
    parser = subparsers.add_parser(
        'calibrate', help='find how the thermal image lies over the visible one',
        description='Calibrate two cameras from a bag, or from pairs of images, '
                    'DIR/visible/NAME.* and DIR/thermal/NAME.*: from the edges of the scene, or '
                    'by a target. Writes the calibration and overlays before and after beside it.')
    parser.add_argument('data', type=path, metavar='BAG|DIR')
    parser.add_argument('--out', type=path, required=True, metavar='FILE')
    parser.add_argument('--pairs', type=whole_number(1), default=20, metavar='N',
                        help='how many pairs to use, spread evenly over all (default 20)')
    parser.add_argument('--visible', default='', metavar='TOPIC',
                        help='of a bag; found by its name where not given')
    parser.add_argument('--thermal', default='', metavar='TOPIC', help='the same')
    parser.add_argument('--set', action='append', default=[], metavar='NAME=VALUE',
                        help='of a bag: a parameter of the node by which images are paired')
    parser.add_argument('--zoom', type=_zoom, default=1.0, metavar='Z',
                        help='width of the thermal view over that of the visible one, roughly '
                             '(default 1), 0.1 to 10; not with --target')
    # The names are those of camera/calibration_target.py, which must not be imported here.
    parser.add_argument('--target', choices=('chessboard', 'circles', 'asymmetric-circles'),
                        help='calibrate by this target instead of edges')
    parser.add_argument('--corners', type=_grid, metavar='CxR',
                        help='inner corners, or circles, of the target: in a row x rows')
    parser.add_argument('--square', type=_positive, metavar='METRES',
                        help='from one corner to the next; for --kind full')
    parser.add_argument('--kind', choices=('homography', 'full'), default='homography',
                        help='full: both lenses and the pose, by a target (default homography)')
    parser.add_argument('--distance', type=_positive, metavar='METRES',
                        help='with --kind full: of the plane registered exactly '
                             f'(default {DISTANCE:g})')
    parser.set_defaults(run=run)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < 1e6:
        raise argparse.ArgumentTypeError(f'give a number above 0; got {text!r}')
    return value


def _zoom(text: str) -> float:
    value = _positive(text)
    if not ZOOMS[0] <= value <= ZOOMS[1]:
        raise argparse.ArgumentTypeError(f'give {ZOOMS[0]:g} to {ZOOMS[1]:g}; got {text!r}')
    return value


def _grid(text: str) -> tuple[int, int]:
    match = re.fullmatch(r'(\d{1,2})x(\d{1,2})', text)
    if match is None or min(map(int, match.groups())) < 3:
        raise argparse.ArgumentTypeError(f'give columns x rows from 3x3, as 9x6; got {text!r}')
    return int(match[1]), int(match[2])


def run(args: argparse.Namespace) -> int:
    """Calibrate; return 0, or 1 if the evidence is weak or a file is at fault."""
    try:
        return _run(args)
    except CommandError as error:
        print(f'degfuse calibrate: {error}', file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    from degfuse_ros.camera.calibration import CalibrationError, to_text
    _check_options(args)
    pairs = find_calibration_pairs(args)
    overlays = _check_places(args, pairs.inputs)
    names, images = _read(pairs)
    try:
        calibration = _calibrate(args, images)
    except CalibrationError as error:
        raise CommandError(f'not calibrated: {error}') from error
    write_file(args.out, to_text(calibration).encode(), '--out')
    make_folder(overlays, '--out')
    _write_overlays(overlays, calibration, names, images)
    print(f'{calibration.kind} from {calibration.source}: residual {calibration.residual:.1f} '
          f'pixels, corners sure to {calibration.sureness:.1f} pixels of the visible image\n'
          f'calibration in {args.out}, overlays before and after in {overlays}')
    return 0


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other."""
    if args.target is None and (args.kind == 'full' or args.corners or args.square):
        raise CommandError('--kind full, --corners and --square need a target: give --target')
    if args.target is not None and args.corners is None:
        raise CommandError(f'--target {args.target} needs --corners, as 9x6')
    if args.target is not None and args.zoom != 1.0:
        raise CommandError('--zoom is for edges: leave it out with --target')
    if args.kind == 'full' and args.square is None:
        raise CommandError('--kind full needs --square, in metres')
    if args.kind != 'full' and (args.square or args.distance):
        raise CommandError('--square and --distance are for --kind full: give it, or leave them '
                           'out')


def _check_places(args: argparse.Namespace, inputs: list[Path]) -> Path:
    """Try the places to write before anything slow; return the overlays' one, not yet made."""
    check_report(args.out, '--out')
    overlays: Path = args.out.with_name(f'{args.out.stem}_overlays')
    # What is written goes where a link leads to, existing or not.
    behind = Path(os.path.realpath(args.out)).parent
    if {identity(place) for place in (args.out, args.out.parent, behind, overlays)} & set(
            map(identity, inputs)):
        raise CommandError(f'{args.out} lies among the input: give another --out')
    make_folder(overlays if os.path.exists(overlays) else overlays.parent, '--out')
    return overlays


def _read(pairs: CalibrationPairs) -> tuple[list[str], 'Images']:
    """Read all pairs, thermal counts to 8 bits; all must have the first one's sizes."""
    from degfuse_ros.camera.thermal import ThermalLook, ThermalRange
    names: list[str] = []
    images: Images = []
    for name, visible, thermal in pairs.read():
        names.append(name)
        images.append((visible, ThermalRange().to_8_bit(thermal, ThermalLook())))
        if [each.shape for each in images[-1]] != [each.shape for each in images[0]]:
            raise CommandError(f'{name} and {names[0]} have other sizes: give the images of one '
                               'pair of cameras in one mode')
    return names, images


def _calibrate(args: argparse.Namespace, images: 'Images') -> 'Calibration':
    import cv2

    from degfuse_ros.camera.calibration import Calibration
    from degfuse_ros.camera.calibration_edges import calibrate_from_edges
    from degfuse_ros.camera.calibration_target import (
        Target,
        find_views,
        homography_from_views,
        rig_from_views,
    )
    visible = [cv2.cvtColor(pair[0], cv2.COLOR_RGB2GRAY) for pair in images]
    thermal = [pair[1] for pair in images]
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
    sizes = visible[0].shape[::-1], thermal[0].shape[::-1]
    if args.target is None:
        found = calibrate_from_edges(visible, thermal, args.zoom)
        return Calibration(*sizes, found.residual, found.sureness, date,
                           f'the edges of {len(images)} pairs', found.homography)
    columns, rows = args.corners
    target = Target(args.target, columns, rows, args.square or 1.0)
    views = find_views(visible, thermal, target)
    source = f'{len(views.visible)} views of a {args.target}'
    if args.kind == 'homography':
        homography, residual, sureness = homography_from_views(views)
        return Calibration(*sizes, residual, sureness, date, source, homography)
    rig, residual, sureness = rig_from_views(views, target, args.distance or DISTANCE)
    return Calibration(*sizes, residual, sureness, date, source, rig=rig)


def _write_overlays(folder: Path, calibration: 'Calibration', names: list[str],
                    images: 'Images') -> None:
    """Write NAME_before.png (resized only) and NAME_after.png."""
    import cv2

    from degfuse_ros.camera.overlay import overlay
    from degfuse_ros.camera.registration import Registration, match_size
    registration = Registration(calibration, calibration.visible_size, calibration.thermal_size)
    chosen = range(0, len(images), max(1, len(images) // OVERLAYS))
    for at in list(chosen)[:OVERLAYS]:
        visible, thermal = images[at]
        for when, warped in (('before', match_size(thermal, *visible.shape[:2])),
                             ('after', registration.warp(thermal))):
            _, png = cv2.imencode('.png', overlay(visible, warped)[..., ::-1])
            write_file(folder / f'{names[at]}_{when}.png', png.tobytes(), '--out')
