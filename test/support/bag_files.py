# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bags for tests, and what is in them, read by rosbags alone."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection, ConnectionExtRosbag2, Qos

from degfuse_ros.bags.made_frames import MadeFrames, demo_frames
from degfuse_ros.bags.make_bag import BagRecipe, make_bag
from degfuse_ros.bags.message_types import encode, message, typestore
from degfuse_ros.bags.result_messages import raw_image_message
from degfuse_ros.bags.writer import BagWriter

SIZE = (64, 48)
BEGIN = 1_700_000_000


def street(folder: Path, seconds: float = 3.0, **recipe: Any) -> Path:
    """Make a bag of the built-in street, 10 pairs a second, and return its folder."""
    make_bag(BagRecipe(**{'rate': 10.0, **recipe}), demo_frames(SIZE, seconds, 0), folder)
    return folder


def noise(folder: Path, seconds: float, size: tuple[int, int] = SIZE, **recipe: Any) -> Path:
    """Make a bag of pictures that take no time to make, and return its folder."""
    random = np.random.default_rng(0)
    visible = random.integers(0, 256, (*size[::-1], 3), np.uint8)
    thermal = random.integers(0, 256, size[::-1], np.uint8)
    frames = MadeFrames(lambda time: np.roll(visible, int(time * 100), 1),
                        lambda time: np.roll(thermal, int(time * 100), 1), seconds, 1.0)
    make_bag(BagRecipe(**{'rate': 10.0, **recipe}), frames, folder)
    return folder


def header(stamp: int, frame_id: str = 'camera') -> Any:
    """Return a header with a stamp in nanoseconds."""
    return message('std_msgs/msg/Header', frame_id=frame_id, stamp=message(
        'builtin_interfaces/msg/Time', sec=stamp // 10 ** 9, nanosec=stamp % 10 ** 9))


def image(stamp: int, encoding: str = 'rgb8', shape: tuple[int, ...] | None = None) -> Any:
    """Return a grey-ish image message of an encoding."""
    channels = {'rgb8': 3, 'bgr8': 3}.get(encoding, 1)
    kind = np.uint16 if '16' in encoding else np.uint8
    shape = shape or SIZE[::-1]
    pixels = np.arange(np.prod(shape) * channels, dtype=kind).reshape(
        *shape, *([channels] if channels > 1 else []))
    return raw_image_message(pixels, encoding, header(stamp))


def write_bag(folder: Path, messages: list[tuple[str, float, Any]], **options: Any) -> Path:
    """Write messages (topic, seconds after BEGIN, content) into a bag."""
    writer = BagWriter(folder, **options)
    for topic, kind in {topic: content.__msgtype__ for topic, _, content in messages}.items():
        writer.add(topic, kind)
    for topic, seconds, content in messages:
        writer.write(topic, at(seconds), encode(content))
    writer.finish()
    return folder


def at(seconds: float) -> int:
    """Return a time in nanoseconds."""
    return BEGIN * 10 ** 9 + round(seconds * 1e9)


def pair_messages(count: int, start: float = 0.0, visible: str = '/visible/image',
                  thermal: str = '/thermal/image') -> list[tuple[str, float, Any]]:
    """Return messages of two cameras, ten pairs a second."""
    found: list[tuple[str, float, Any]] = []
    for number in range(count):
        seconds = start + number / 10
        found += [(visible, seconds, image(at(seconds))),
                  (thermal, seconds + 0.001, image(at(seconds), 'mono8'))]
    return found


def contents(bag: Path) -> list[tuple[str, int, bytes]]:
    """Return topic, time and bytes of all messages, as rosbags' own reader finds them."""
    with AnyReader([bag], default_typestore=typestore()) as reader:
        return [(connection.topic, time, bytes(data))
                for connection, time, data in reader.messages()]


def decoded(bag: Path, topic: str) -> list[Any]:
    """Return a topic's messages, by the types that the bag itself describes."""
    with AnyReader([bag]) as reader:
        chosen = [each for each in reader.connections if each.topic == topic]
        return [reader.deserialize(data, connection.msgtype)
                for connection, _, data in reader.messages(chosen)] if chosen else []


def file_image(message: Any) -> np.ndarray:
    """Return what a compressed image holds, HxWx3 uint8 RGB or HxW, by OpenCV alone."""
    image = cv2.imdecode(message.data, cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.ascontiguousarray(image[..., ::-1]) if image.ndim == 3 else image


def offered(connection: Connection) -> list[Qos]:
    """Return the QoS profiles of a topic."""
    assert isinstance(connection.ext, ConnectionExtRosbag2)
    return connection.ext.offered_qos_profiles


def degfuse(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=170,
                          check=False, **options)


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of `degfuse`."""
    return [sys.executable, '-m', 'degfuse_ros.cli.main', *map(str, arguments)]


def one_line(result: subprocess.CompletedProcess[str], name: str) -> str:
    """Check that a command failed with one line of its own, and return the line."""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert result.returncode == 1 and len(lines) == 1, result.stderr
    assert lines[0].startswith(f'degfuse {name}: '), lines[0]
    return lines[0]


def single_threaded() -> dict[str, str]:
    """Return an environment in which torch's arithmetic is the same in every process."""
    return {**os.environ, 'OMP_NUM_THREADS': '1'}


