# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Image files as topics, over real DDS."""
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import Image
from subscriber import Subscriber, start


@pytest.fixture
def subscriber(ros_domain: int) -> Iterator[Subscriber]:
    peer = Subscriber(ros_domain, qos_profile_sensor_data, visible__image=Image,
                      thermal__image=Image)
    yield peer
    peer.close()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(4)
    for side in ('visible', 'thermal'):
        (tmp_path / side).mkdir()
    for name, (height, width) in (('a', (40, 50)), ('b', (64, 33)), ('c', (48, 48))):
        cv2.imwrite(str(tmp_path / 'visible' / f'{name}.png'),
                    random.integers(0, 255, (height, width, 3), dtype=np.uint8))
        cv2.imwrite(str(tmp_path / 'thermal' / f'{name}.png'),
                    random.integers(28_000, 31_000, (height // 2, width // 2), dtype=np.uint16))
    return tmp_path / 'visible', tmp_path / 'thermal'


def run(subscriber: Subscriber, *arguments: str) -> tuple[int, str, str]:
    process = start('degfuse_ros.ros.image_publisher', '--rate', '10', '--wait', *arguments)
    subscriber.until(lambda: process.poll() is not None)
    output, errors = process.communicate()
    return process.returncode, output, errors


def test_files_arrive_unchanged_in_order(subscriber: Subscriber,
                                         folders: tuple[Path, Path]) -> None:
    status, output, errors = run(subscriber, '--visible', str(folders[0]), '--thermal',
                                 str(folders[1]), '--repeat', '2')
    assert status == 0, errors
    names = {int(stamp): name for stamp, name in (line.split() for line in output.splitlines())}
    assert list(names.values()) == ['a', 'b', 'c'] * 2
    subscriber.until(lambda: all(len(m) >= 5 for m in subscriber.received.values()))
    for message in subscriber.received['visible/image']:
        name = names[Time.from_msg(message.header.stamp).nanoseconds]
        expected = cv2.imread(str(folders[0] / f'{name}.png'))
        assert expected is not None and message.encoding == 'rgb8'
        assert bytes(message.data) == expected[..., ::-1].tobytes()
    for message in subscriber.received['thermal/image']:
        name = names[Time.from_msg(message.header.stamp).nanoseconds]
        counts = cv2.imread(str(folders[1] / f'{name}.png'), cv2.IMREAD_UNCHANGED)
        assert counts is not None and message.encoding == 'mono16'
        assert message.step == 2 * message.width and bytes(message.data) == counts.tobytes()


def test_a_list_of_names_chooses_and_orders(subscriber: Subscriber, folders: tuple[Path, Path],
                                            tmp_path: Path) -> None:
    (tmp_path / 'names.txt').write_text('c\na\n')
    status, output, _ = run(subscriber, '--visible', str(folders[0]), '--thermal',
                            str(folders[1]), '--names', str(tmp_path / 'names.txt'))
    assert status == 0
    assert [line.split()[1] for line in output.splitlines()] == ['c', 'a']


def test_a_broken_file_is_named_and_the_others_arrive(subscriber: Subscriber,
                                                      folders: tuple[Path, Path]) -> None:
    (folders[0] / 'b.png').write_bytes(b'broken')
    status, output, errors = run(subscriber, '--visible', str(folders[0]), '--thermal',
                                 str(folders[1]))
    assert status == 1 and 'b.png is not an image' in errors
    assert [line.split()[1] for line in output.splitlines()] == ['a', 'c']


def test_files_that_vanish_end_an_endless_stream(subscriber: Subscriber,
                                                 folders: tuple[Path, Path]) -> None:
    process = start('degfuse_ros.ros.image_publisher', '--rate', '20', '--repeat', '0',
                    '--visible', str(folders[0]), '--thermal', str(folders[1]))
    subscriber.until(lambda: subscriber.received['visible/image'])
    for file in folders[0].iterdir():
        file.unlink()
    subscriber.until(lambda: process.poll() is not None)
    assert process.returncode == 1
    assert process.communicate()[1].count('none of the 3 pairs can be read') == 1


@pytest.mark.parametrize('names', ['a\nnobody\n', ''])
def test_a_list_that_does_not_fit_ends_with_one_line(
        folders: tuple[Path, Path], tmp_path: Path, names: str, ros_domain: int) -> None:
    (tmp_path / 'names.txt').write_text(names)
    process = start('degfuse_ros.ros.image_publisher', '--visible', str(folders[0]), '--thermal',
                    str(folders[1]), '--names', str(tmp_path / 'names.txt'))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.count('\n') == 1 and 'names.txt lists' in errors
