# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Publishes image files as a visible and a thermal camera.

python -m degfuse_ros.ros.image_publisher --visible DIR --thermal DIR --rate 10
"""
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rclpy.utilities import remove_ros_args

from degfuse_ros.camera.pair_files import PairFiles, PairFilesError, find_pairs
from degfuse_ros.demo.arguments import positive
from degfuse_ros.ros.pair_publisher import Pair, PairPublisher
from degfuse_ros.ros.process import spin_until_finished


class ImagePublisher(PairPublisher):
    """Publishes pairs of files in order, each with the sizes and depths that it has.

    Args:
        pairs: what to publish.
        rate: pairs per second.
        repeat: how many times to go through all pairs; 0 goes on for ever.
        wait: hold the first pair back until both image topics have a subscriber.
    """

    def __init__(self, pairs: list[PairFiles], rate: float, repeat: int, wait: bool) -> None:
        """Advertise the topics and start publishing."""
        self._pairs = pairs
        self._repeat = repeat
        self._taken = 0
        self._failures = 0  # in a row
        self.unreadable = 0
        super().__init__('image_publisher', rate, self._next, wait=wait)

    def _next(self) -> Pair | None:
        """Read the next pair; finish after the last one, or where none can be read any more."""
        if self._repeat and self._taken >= self._repeat * len(self._pairs):
            self.finished = True
            return None
        pair = self._pairs[self._taken % len(self._pairs)]
        self._taken += 1
        try:
            visible, thermal = pair.read()
        except PairFilesError as error:
            self._note_failure(error)
            return None
        self._failures = 0
        return visible, thermal, lambda stamp: print(stamp, pair.name, flush=True)

    def _note_failure(self, error: PairFilesError) -> None:
        """Name a pair that cannot be read; finish after a whole round of them."""
        self.unreadable += 1
        self._failures += 1
        self.get_logger().error(str(error))
        if self._failures >= len(self._pairs):
            self.finished = True
            self.get_logger().error(f'none of the {len(self._pairs)} pairs can be read. Check '
                                    'that the files are still there, and start again')


def select(pairs: list[PairFiles], names: Path) -> list[PairFiles]:
    """Return the pairs whose names a text file lists, one a line, in the file's order.

    Raises:
        PairFilesError: the list cannot be read or names a pair that is not there.
    """
    try:
        wanted = names.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise PairFilesError(f'{names} cannot be read: give a text file with a name a line'
                             ) from error
    there = {pair.name: pair for pair in pairs}
    missing = [name for name in wanted if name not in there]
    if missing or not wanted:
        raise PairFilesError(f'{names} lists {len(wanted)} names, {len(missing)} of them without '
                             f'a pair{": " if missing else ""}{", ".join(missing[:3])}. Correct '
                             'the list')
    return [there[name] for name in wanted]


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish; print each pair's stamp in nanoseconds and its name."""
    given = sys.argv if arguments is None else ['image_publisher', *arguments]
    parser = argparse.ArgumentParser(prog='image_publisher', description=(__doc__ or '')
                                     .splitlines()[0])
    parser.add_argument('--visible', type=Path, required=True, metavar='DIR|FILE')
    parser.add_argument('--thermal', type=Path, required=True, metavar='DIR|FILE')
    parser.add_argument('--names', type=Path, metavar='FILE',
                        help='publish only these, one a line')
    parser.add_argument('--rate', type=positive, default=10.0, help='pairs per second')
    parser.add_argument('--repeat', type=int, default=1, help='times; 0 goes on for ever')
    parser.add_argument('--wait', action='store_true',
                        help='begin when both image topics have a subscriber')
    args = parser.parse_args(remove_ros_args(given)[1:])
    try:
        pairs, problems = find_pairs(args.visible, args.thermal)
        pairs = select(pairs, args.names) if args.names else pairs
    except PairFilesError as error:
        print(f'image_publisher: {error}', file=sys.stderr)
        return 1
    for problem in problems:
        print(f'image_publisher: left out: {problem}', file=sys.stderr)
    node = spin_until_finished(
        lambda: ImagePublisher(pairs, args.rate, args.repeat, args.wait), given)
    return 1 if problems or node.unreadable else 0


if __name__ == '__main__':
    sys.exit(main())
