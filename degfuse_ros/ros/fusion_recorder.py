# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Receives what the fusion node publishes, and writes it down.

    python -m degfuse_ros.ros.fusion_recorder --out recording --idle 3

Writes results.jsonl (one line per fused image: stamp, latency, class, scores, routing),
diagnostics.jsonl (one line per report of the node) and frames/STAMP.png.
"""
import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image
from vision_msgs.msg import Classification

from degfuse_ros.camera.decoding import to_rgb
from degfuse_ros.ros.process import spin_until_finished
from degfuse_ros.ros.stamps import stamp_of

# Results of which a part never came are written as they are when this many wait.
_WAITING = 50


class FusionRecorder(Node):
    """Counts, times and stores the results of a fusion node.

    Args:
        out: folder for the files, made if need be.
        idle: `finished` turns true when no image has come for this many seconds after the
            first; 0 goes on for ever.
        every: stores every n-th image; 0 stores none.
        image_only: subscribe to the fused image alone, as a detector does: then the node builds
            no class and no routing, and the lines have none.
    """

    def __init__(self, out: Path, idle: float = 0.0, every: int = 1,
                 image_only: bool = False) -> None:
        """Open the files and subscribe."""
        super().__init__('fusion_recorder')
        self._frames = out / 'frames'
        self._frames.mkdir(parents=True, exist_ok=True)
        self._results = (out / 'results.jsonl').open('w')
        self._reports = (out / 'diagnostics.jsonl').open('w')
        self._idle = idle
        self._every = every
        self._last = 0.0
        self.received = 0
        self._parts: dict[int, dict[str, Any]] = {}
        profile = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        self.create_subscription(Image, 'fused/image', self._on_image, profile)
        self._complete = {'received'}
        if not image_only:
            self._complete |= {'label', 'routing'}
            self.create_subscription(Classification, 'fused/degradation', self._on_class, profile)
            self.create_subscription(DiagnosticArray, 'fused/routing', self._on_routing, profile)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, profile)
        self._search = self.create_timer(0.05, self._look_for_node,
                                         clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def finished(self) -> bool:
        """Whether images have come and have stopped coming."""
        return bool(self._idle and self.received
                    and time.monotonic() - self._last > self._idle)

    def destroy_node(self) -> None:
        """Write what is still incomplete, and close the files, then the node."""
        for stamp in sorted(self._parts):
            self._write(self._results, self._parts[stamp])
        self._results.close()
        self._reports.close()
        super().destroy_node()

    def _look_for_node(self) -> None:
        """Say once that the node's topics are found: who starts a stream waits for it."""
        topics = ('fused/image', 'fused/degradation', 'fused/routing')
        if all(self.count_publishers(self.resolve_topic_name(topic)) for topic in topics):
            print('matched', flush=True)
            self._search.cancel()

    def _on_image(self, message: Image) -> None:
        """Store one fused image and begin its line."""
        arrived = self.get_clock().now().nanoseconds
        self._last = time.monotonic()
        stamp = stamp_of(message)
        self._add(stamp, {
            'latency_ms': round((arrived - stamp) / 1e6, 3), 'received': arrived,
            'frame_id': message.header.frame_id, 'width': message.width,
            'height': message.height, 'encoding': message.encoding})
        if self._every and self.received % self._every == 0:
            picture = cv2.cvtColor(to_rgb(message), cv2.COLOR_RGB2BGR)
            # The lightest compression: the processor is busy enough with the fusion.
            cv2.imwrite(str(self._frames / f'{stamp}.png'), picture,
                        [cv2.IMWRITE_PNG_COMPRESSION, 1])
        self.received += 1

    def _on_class(self, message: Classification) -> None:
        self._add(stamp_of(message), {
            'label': message.results[0].class_id if message.results else None,
            'scores': {result.class_id: round(result.score, 4) for result in message.results}})

    def _on_routing(self, message: DiagnosticArray) -> None:
        self._add(stamp_of(message), {'routing': {
            status.name: [round(float(value.value), 4) for value in status.values]
            for status in message.status}})

    def _add(self, stamp: int, part: dict[str, Any]) -> None:
        """Join the parts of one result, which come in any order; write it once complete."""
        line = self._parts.setdefault(stamp, {'stamp': stamp})
        line.update(part)
        if self._complete <= line.keys():
            self._write(self._results, self._parts.pop(stamp))
        elif len(self._parts) > _WAITING:
            self._write(self._results, self._parts.pop(min(self._parts)))

    def _on_report(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._write(self._reports, {
                'received': self.get_clock().now().nanoseconds, 'name': status.name,
                'level': int.from_bytes(status.level, 'little'), 'message': status.message,
                'values': {value.key: value.value for value in status.values}})

    @staticmethod
    def _write(file: Any, line: dict[str, Any]) -> None:
        file.write(json.dumps(line) + '\n')
        file.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Record until idle or told to stop."""
    given = sys.argv if arguments is None else ['fusion_recorder', *arguments]
    parser = argparse.ArgumentParser(prog='fusion_recorder', description=(__doc__ or '')
                                     .splitlines()[0])
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    parser.add_argument('--idle', type=float, default=0.0,
                        help='seconds without an image after which to end; 0 never')
    parser.add_argument('--every', type=int, default=1, help='store every n-th image; 0 none')
    parser.add_argument('--image-only', action='store_true',
                        help='subscribe to the fused image alone, not to class and routing')
    args = parser.parse_args(remove_ros_args(given)[1:])
    node = spin_until_finished(
        lambda: FusionRecorder(args.out, args.idle, args.every, args.image_only), given)
    print(f'{node.received} fused images received')
    return 0


if __name__ == '__main__':
    sys.exit(main())
