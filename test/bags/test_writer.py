# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bags that are written: whole at any moment, and gone on with."""
from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from bag_files import at, contents, decoded, image, offered, pair_messages, write_bag
from rosbags.rosbag2 import Reader

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.message_types import IMAGE, encode
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.writer import BagWriter

TOPICS = ('/visible/image', '/thermal/image')


def begun(folder: Path, compression: str = 'none') -> BagWriter:
    writer = BagWriter(folder, compression=compression)
    for topic in TOPICS:
        writer.add(topic, IMAGE)
    return writer


def write_pairs(writer: BagWriter, first: int, count: int) -> None:
    for topic, seconds, content in pair_messages(count, start=first / 10):
        writer.write(topic, at(seconds), encode(content))
        if topic == TOPICS[1]:
            writer.commit()


def test_rosbags_reads_topics_types_qos_and_messages(tmp_path: Path) -> None:
    messages = pair_messages(5)
    bag = write_bag(tmp_path / 'bag', messages)
    assert contents(bag) == [(topic, at(seconds), bytes(encode(content)))
                             for topic, seconds, content in messages]
    with Reader(bag) as reader:
        for connection in reader.connections:
            qos, = offered(connection)
            assert qos.reliability.name == 'RELIABLE' and qos.depth == 1
            assert qos.durability.name == 'VOLATILE'
            assert connection.digest.startswith('RIHS01_d31d41a9')  # sensor_msgs/msg/Image
    assert decoded(bag, '/thermal/image')[0].encoding == 'mono8'
    information = yaml.safe_load((bag / 'metadata.yaml').read_text())[
        'rosbag2_bagfile_information']
    assert information['version'] == 8 and information['storage_identifier'] == 'mcap'
    assert information['relative_file_paths'] == ['bag.mcap']
    assert information['message_count'] == 10


@pytest.mark.parametrize('compression', ['none', 'chunk'])
def test_every_commit_leaves_a_whole_file(tmp_path: Path, compression: str) -> None:
    writer = begun(tmp_path / 'bag', compression)
    file = tmp_path / 'bag' / 'bag.mcap'
    for number in range(4):
        write_pairs(writer, number * 10, 10)
        writer.commit(now=True)
        assert len(contents(file)) == 20 * (number + 1)  # rosbags refuses what has no end
        with BagReader(file) as reader:
            assert not reader.problems
    writer.abandon()
    assert len(contents(file)) == 80


def test_commits_by_itself_when_there_is_much(tmp_path: Path) -> None:
    writer = begun(tmp_path / 'bag')
    writer.commit(now=True)
    write_pairs(writer, 0, 300)  # 12 kB each: several chunks of a megabyte
    found = len(contents(tmp_path / 'bag' / 'bag.mcap'))
    assert 400 < found < 600 and found % 2 == 0  # whole pairs only
    writer.abandon()


@pytest.mark.parametrize('compression', ['none', 'chunk'])
@pytest.mark.parametrize('lost', [0.0, 0.01, 0.5])
def test_going_on_gives_the_same_messages(tmp_path: Path, compression: str, lost: float) -> None:
    whole = begun(tmp_path / 'whole', compression)
    write_pairs(whole, 0, 300)
    whole.finish()
    first = begun(tmp_path / 'first', compression)
    write_pairs(first, 0, 200)
    first.commit(now=True)
    first.abandon()
    file = tmp_path / 'first' / 'first.mcap'
    file.write_bytes(file.read_bytes()[:round(file.stat().st_size * (1 - lost))])
    second = begun(tmp_path / 'second', compression)
    second.take_over(file, TOPICS)
    done = second.written[TOPICS[0]]
    assert second.written[TOPICS[1]] == done and not file.exists()
    assert done == 200 if not lost else done < 200
    write_pairs(second, done, 300 - done)
    second.finish()
    assert contents(tmp_path / 'second') == contents(tmp_path / 'whole')
    for name in ('duration', 'message_count', 'starting_time'):
        assert len({str(yaml.safe_load((tmp_path / bag / 'metadata.yaml').read_text())[
            'rosbag2_bagfile_information'][name]) for bag in ('second', 'whole')}) == 1


def test_going_on_after_the_end_was_written(tmp_path: Path) -> None:
    first = begun(tmp_path / 'first')
    write_pairs(first, 0, 200)
    first.finish()
    before = contents(tmp_path / 'first')
    second = begun(tmp_path / 'second')
    second.take_over(tmp_path / 'first' / 'first.mcap', TOPICS)
    assert second.written[TOPICS[0]] == 200
    second.finish()
    assert contents(tmp_path / 'second') == before


def test_half_a_group_is_cut_off(tmp_path: Path) -> None:
    first = begun(tmp_path / 'first')
    write_pairs(first, 0, 100)
    first.commit(now=True)
    first.write(TOPICS[0], at(10.0), encode(image(at(10.0))))
    first.commit(now=True)
    first.abandon()
    second = begun(tmp_path / 'second')
    second.take_over(tmp_path / 'first' / 'first.mcap', TOPICS)
    assert dict(second.written) == {TOPICS[0]: 100, TOPICS[1]: 100}
    second.abandon()


def test_other_topics_are_not_gone_on_with(tmp_path: Path) -> None:
    first = begun(tmp_path / 'first')
    write_pairs(first, 0, 3)
    first.commit(now=True)
    first.abandon()
    second = BagWriter(tmp_path / 'second')
    second.add('/other', IMAGE)
    with pytest.raises(BagError, match='other topics'):
        second.take_over(tmp_path / 'first' / 'first.mcap', ['/other'])
    second.abandon()


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    first = begun(tmp_path / 'first')
    first.commit(now=True)
    first.abandon()
    second = begun(tmp_path / 'second')
    second.take_over(tmp_path / 'first' / 'first.mcap', TOPICS)
    assert second.written.total() == 0
    write_pairs(second, 0, 3)
    second.finish()
    assert len(contents(tmp_path / 'second')) == 6


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_leaves_what_was_committed(tmp_path: Path) -> None:
    writer = begun(tmp_path / 'bag')
    writer.commit(now=True)
    with file_size_limit(3_000_000), pytest.raises(BagError, match='too large') as raised:
        write_pairs(writer, 0, 600)
    assert '\n' not in str(raised.value) and str(tmp_path) in str(raised.value)
    writer.abandon()
    found = contents(tmp_path / 'bag' / 'bag.mcap')
    assert len(found) > 100 and len(found) % 2 == 0
    second = begun(tmp_path / 'second')
    second.take_over(tmp_path / 'bag' / 'bag.mcap', TOPICS)
    assert second.written.total() == len(found)
    second.abandon()


def test_full_disk_under_sqlite3(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag', 'sqlite3')
    writer.add(TOPICS[0], IMAGE)
    with file_size_limit(3_000_000), pytest.raises(BagError, match='cannot be written'):
        for number in range(600):
            writer.write(TOPICS[0], at(number), encode(image(at(number))))
    writer.abandon()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot be written'):
        BagWriter(tmp_path / 'file' / 'bag')
