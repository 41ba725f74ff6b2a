# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Publishes the built-in street as a visible and a thermal camera.

    python -m degfuse_ros.ros.scene_publisher --seconds 45 --rate 10 --truth truth.jsonl

Every published pair adds a line to the truth file: its number, its stamp in nanoseconds, class,
severity, and the boxes of people and vehicles.
"""
import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from rclpy.utilities import remove_ros_args

from degfuse_ros.demo.arguments import positive, size
from degfuse_ros.demo.stream import DemoFrame, DemoStream
from degfuse_ros.ros.pair_publisher import Pair, PairPublisher
from degfuse_ros.ros.process import spin_until_finished


class ScenePublisher(PairPublisher):
    """Publishes one drift of a stream through all its conditions, then finishes.

    Args:
        stream: what to publish.
        truth: open text file that takes the truth, or None.
        wait: hold the first frame back until both image topics have a subscriber.
    """

    def __init__(self, stream: DemoStream, truth: TextIO | None, wait: bool) -> None:
        """Advertise the topics and start publishing."""
        self._stream = stream
        self._truth = truth
        focal, (u, v) = stream.camera.focal, stream.camera.centre
        super().__init__('scene_publisher', stream.rate, self._next,
                         np.array([[focal, 0, u], [0, focal, v], [0, 0, 1]], float), wait)

    def _next(self) -> Pair | None:
        """Render the next frame; finish after the last."""
        index = self.published
        if index >= len(self._stream):
            self.finished = True
            return None
        frame = self._stream.frame(index)
        return frame.visible, frame.thermal, lambda stamp: self._note(index, frame, stamp)

    def _note(self, index: int, frame: DemoFrame, stamp: int) -> None:
        """Write one line of truth."""
        if self._truth is not None:
            line = {'index': index, 'stamp': stamp, 'class': frame.condition.label,
                    'severity': round(frame.condition.severity, 4),
                    'faint': frame.condition.faint,
                    'objects': [{'kind': o.kind, 'box': o.box, 'metres': round(o.distance, 1)}
                                for o in frame.objects]}
            self._truth.write(json.dumps(line) + '\n')
            self._truth.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the publisher until the drift has ended or the process is told to stop."""
    given = sys.argv if arguments is None else ['scene_publisher', *arguments]
    parser = argparse.ArgumentParser(prog='scene_publisher', description=(__doc__ or '')
                                     .splitlines()[0])
    parser.add_argument('--size', type=size, default=(640, 480), metavar='WIDTHxHEIGHT')
    parser.add_argument('--rate', type=positive, default=10.0, help='frames per second')
    parser.add_argument('--seconds', type=positive, default=45.0, help='length of the drift')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--truth', type=Path, metavar='FILE')
    parser.add_argument('--wait', action='store_true',
                        help='begin when both image topics have a subscriber')
    args = parser.parse_args(remove_ros_args(given)[1:])
    stream = DemoStream(args.size, seconds=args.seconds, rate=args.rate, seed=args.seed)
    truth = args.truth.open('w') if args.truth else None
    node = spin_until_finished(lambda: ScenePublisher(stream, truth, args.wait), given)
    if truth is not None:
        truth.close()
    print(f'{node.published} of {len(stream)} pairs published, {node.late} late')
    return 0


if __name__ == '__main__':
    sys.exit(main())
