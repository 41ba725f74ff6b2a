# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Publishes a few frames of the built-in street over and over: no time goes into rendering.

    python -m degfuse_ros.ros.loop_publisher --rate 60 --pairs 600 --stamps stamps.txt

Every published pair adds its stamp in nanoseconds to the file.
"""
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rclpy.utilities import remove_ros_args

from degfuse_ros.demo.arguments import positive, size
from degfuse_ros.demo.stream import DemoFrame, DemoStream
from degfuse_ros.ros.pair_publisher import Pair, PairPublisher
from degfuse_ros.ros.process import spin_until_finished

# As many conditions: clean, fog, low light, overexposed, rain.
FRAMES = 5


class LoopPublisher(PairPublisher):
    """Publishes frames in turn, then finishes.

    Args:
        frames: what to publish.
        rate: pairs per second.
        pairs: how many to publish in all.
        stamps: open text file that takes the stamps.
    """

    def __init__(self, frames: list[DemoFrame], rate: float, pairs: int, stamps: TextIO) -> None:
        """Advertise the topics and start once both have a subscriber."""
        self._frames = frames
        self._pairs = pairs
        self._stamps = stamps
        super().__init__('loop_publisher', rate, self._next, wait=True)

    def _next(self) -> Pair | None:
        if self.published >= self._pairs:
            self.finished = True
            return None
        frame = self._frames[self.published % len(self._frames)]
        return frame.visible, frame.thermal, lambda stamp: print(stamp, file=self._stamps)


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, then publish until all is done or the process is told to stop."""
    given = sys.argv if arguments is None else ['loop_publisher', *arguments]
    parser = argparse.ArgumentParser(prog='loop_publisher', description=(__doc__ or '')
                                     .splitlines()[0])
    parser.add_argument('--size', type=size, default=(640, 480), metavar='WIDTHxHEIGHT')
    parser.add_argument('--rate', type=positive, default=30.0, help='pairs per second')
    parser.add_argument('--pairs', type=int, default=300, help='how many')
    parser.add_argument('--stamps', type=Path, required=True, metavar='FILE')
    args = parser.parse_args(remove_ros_args(given)[1:])
    stream = DemoStream(args.size, seconds=FRAMES, rate=1.0)
    frames = [stream.frame(index) for index in range(FRAMES)]
    with args.stamps.open('w') as stamps:
        node = spin_until_finished(
            lambda: LoopPublisher(frames, args.rate, args.pairs, stamps), given)
    print(f'{node.published} of {args.pairs} pairs published, {node.late} late')
    return 0


if __name__ == '__main__':
    sys.exit(main())
