# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bags of others: formats, versions, hashes, missing metadata, ends that are cut off."""
from __future__ import annotations

import random
import sqlite3
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from bag_files import at, contents, image, noise, pair_messages, write_bag
from rosbags.rosbag2 import storage_mcap

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.message_types import encode
from degfuse_ros.bags.reader import BagReader

FORMATS = [('mcap', 'none'), ('mcap', 'chunk'), ('mcap', 'message'), ('mcap', 'file'),
           ('sqlite3', 'none'), ('sqlite3', 'message'), ('sqlite3', 'file')]


def read(path: Path) -> list[tuple[str, int, bytes]]:
    with BagReader(path) as bag:
        return [(each.topic, each.time, each.data) for each in bag.messages(list(bag.topics))]


def counts(path: Path) -> dict[str, int]:
    with BagReader(path) as bag:
        return {name: topic.count for name, topic in bag.topics.items()}


@pytest.mark.parametrize(('storage', 'compression'), FORMATS)
def test_every_format_holds_the_same(tmp_path: Path, storage: str, compression: str) -> None:
    bag = noise(tmp_path / 'bag', 1.0, storage=storage, compression=compression)
    expected = contents(bag)  # by rosbags' reader of whole bags, which this reader does not use
    assert len(expected) == 40
    assert sorted(read(bag)) == sorted(expected)
    (bag / 'metadata.yaml').unlink()
    file, = bag.iterdir()
    assert sorted(read(bag)) == sorted(read(file)) == sorted(expected)


def test_times_and_topics(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', [('/b', 1.0, image(at(0))), ('/a', 3.5, image(at(0)))])
    with BagReader(bag) as reader:
        assert (reader.start, reader.end) == (at(1.0), at(3.5))
        assert list(reader.topics) == ['/a', '/b']
        assert [each.time for each in reader.messages(['/a', '/b'], at(2.0))] == [at(3.5)]
        assert [each.time for each in reader.messages(['/a', '/b'], None, at(3.5))] == [at(1.0)]
        assert not reader.problems


def rewritten(bag: Path, change: Any) -> None:
    path = bag / 'metadata.yaml'
    content = yaml.safe_load(path.read_text())
    change(content['rosbag2_bagfile_information'])
    path.write_text(yaml.safe_dump(content))


def humble(information: dict[str, Any]) -> None:
    """As Humble writes it."""
    information['version'] = 5
    for topic in information['topics_with_message_count']:
        del topic['topic_metadata']['type_description_hash']
    for name in ('custom_data', 'ros_distro'):
        del information[name]


def lyrical(information: dict[str, Any]) -> None:
    """With QoS as lists and names, as version 9 has them, and a version yet to come."""
    information['version'] = 11
    for topic in information['topics_with_message_count']:
        topic['topic_metadata']['offered_qos_profiles'] = [{'history': 'keep_last', 'depth': 3}]


def other_hash(information: dict[str, Any]) -> None:
    for topic in information['topics_with_message_count']:
        topic['topic_metadata']['type_description_hash'] = f'RIHS01_{"ab" * 32}'


@pytest.mark.parametrize('change', [humble, lyrical, other_hash])
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_metadata_of_other_distributions(tmp_path: Path, storage: str, change: Any) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(3), storage=storage)
    expected = contents(bag)
    rewritten(bag, change)
    assert read(bag) == expected


def test_database_of_humble(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(3), storage='sqlite3')
    expected = contents(bag)
    with sqlite3.connect(bag / 'bag.db3') as database:  # no definitions and no hashes there yet
        database.execute('DROP TABLE message_definitions')
        database.execute('DROP TABLE schema')
        database.execute('DROP TABLE metadata')
        database.execute('ALTER TABLE topics DROP COLUMN type_description_hash')
    database.close()
    rewritten(bag, humble)
    assert read(bag) == expected


def test_split_bag_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = tmp_path / 'split'
    folder.mkdir()
    for number in range(11):
        part = write_bag(tmp_path / f'part{number}', pair_messages(1, start=float(number)))
        (part / f'part{number}.mcap').rename(folder / f'split_{number}.mcap')
    times = [time for _, time, _ in read(folder)]
    assert len(times) == 22 and times == sorted(times)


def test_metadata_names_files_elsewhere_and_files_that_are_gone(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(2))
    outside = write_bag(tmp_path / 'outside', pair_messages(5))
    rewritten(bag, lambda information: information.update(relative_file_paths=[
        str(outside / 'outside.mcap'), '../outside/outside.mcap', 'bag.mcap']))
    with BagReader(bag) as reader:
        assert sum(1 for _ in reader.messages(list(reader.topics))) == 4
        assert 'outside.mcap' in reader.problems[0] and 'not there' in reader.problems[0]


def test_one_bad_file_of_several_is_told_of(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(2))
    (bag / 'other.mcap').write_bytes(b'nothing of use')
    (bag / 'metadata.yaml').unlink()
    with BagReader(bag) as reader:
        assert sum(1 for _ in reader.messages(list(reader.topics))) == 4
        assert len(reader.problems) == 1 and 'other.mcap is not a bag' in reader.problems[0]


def test_topic_without_messages(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 1.0, gaps=(('thermal', 0.0, 10.0),))
    assert counts(bag)['/thermal/image'] == 0
    assert counts(bag)['/visible/image'] == 10
    assert len(read(bag)) == 20


def test_bag_without_any_message(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 1.0, drop=1.0)
    assert set(counts(bag).values()) == {0} and len(counts(bag)) == 4
    assert read(bag) == []


def cut(bag: Path, share: float) -> Path:
    file = bag / f'{bag.name}.mcap'
    data = file.read_bytes()
    (bag / 'metadata.yaml').unlink(missing_ok=True)
    file.write_bytes(data[:int(len(data) * share)])
    return file


@pytest.mark.parametrize('compression', ['none', 'chunk'])
@pytest.mark.parametrize('share', [0.2, 0.5, 0.9, 0.99])
def test_truncated_file_gives_what_is_there(tmp_path: Path, compression: str,
                                            share: float) -> None:
    bag = noise(tmp_path / 'bag', 40.0, compression=compression)  # several chunks
    expected = read(bag)
    file = cut(bag, share)
    found = read(file)
    with BagReader(bag) as reader:
        # Where only the index is cut off, nothing is lost.
        assert [('its end is missing' in problem) for problem in reader.problems] == (
            [True] if len(found) < len(expected) else [])
        assert sum(topic.count for topic in reader.topics.values()) == len(found)
    # Not a message was changed, and next to nothing is missing of what the bytes can hold.
    assert set(found) <= set(expected)
    assert len(found) > len(expected) * (share - 0.12 if compression == 'chunk' else share - 0.03)
    assert [time for _, time, _ in found] == sorted(time for _, time, _ in found)


def test_damaged_chunk_in_the_middle_is_left_out(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 40.0)  # four chunks
    expected = read(bag)
    file = bag / 'bag.mcap'
    data = bytearray(file.read_bytes())
    middle = len(data) * 3 // 8
    data[middle:middle + 30_000] = b'\xff' * 30_000  # more than a message
    file.write_bytes(data)
    with BagReader(bag) as reader:
        found = [(each.topic, each.time, each.data)
                 for each in reader.messages(list(reader.topics))]
        assert len(reader.problems) == 1 and 'damaged' in reader.problems[0]
    assert set(found) <= set(expected) and len(found) > len(expected) * 0.7
    assert found[0] == expected[0] and found[-1] == expected[-1]


def test_last_chunk_cut_off_gives_its_messages(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 3.0)  # one chunk: without its remains nothing would be left
    found = read(cut(bag, 0.5))
    assert 40 < len(found) < 70


@pytest.mark.parametrize('length', [0, 5, 8, 20, 60])
def test_a_few_bytes_never_raise_anything_else(tmp_path: Path, length: int) -> None:
    bag = noise(tmp_path / 'bag', 1.0)
    file = bag / 'bag.mcap'
    file.write_bytes(file.read_bytes()[:length])
    try:
        assert read(file) == []
    except BagError as error:
        assert str(file) in str(error) and '\n' not in str(error)


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 1.0, compression='chunk')
    file = bag / 'bag.mcap'
    whole = file.read_bytes()
    rolls = random.Random(0)
    outcomes: set[bool | None] = set()
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(3):
            data[rolls.randrange(len(data))] ^= 1 << rolls.randrange(8)
        file.write_bytes(data)
        try:
            outcomes.add(len(read(file)) == 40)
        except BagError as error:
            outcomes.add(None)
            assert '\n' not in str(error)
    assert outcomes - {True}  # some did harm


def unindexed(messages: list[tuple[str, float, Any]]) -> Iterator[bytes]:
    """Write mcap by hand: no chunks and no index, as other tools and fast presets do."""
    def record(kind: int, content: BytesIO) -> bytes:
        return bytes([kind]) + content.tell().to_bytes(8, 'little') + content.getvalue()

    yield b'\x89MCAP0\r\n'
    head = BytesIO()
    storage_mcap.write_string(head, 'ros2')
    storage_mcap.write_string(head, '')
    yield record(1, head)
    ids = {topic: number for number, topic in enumerate(sorted({each[0] for each in messages}))}
    for topic, number in ids.items():
        schema, channel = BytesIO(), BytesIO()
        storage_mcap.write_uint16(schema, number + 1)
        for text in ('sensor_msgs/msg/Image', 'ros2msg', 'uint8 other'):
            storage_mcap.write_string(schema, text)
        yield record(3, schema)
        for value in (number, number + 1):
            storage_mcap.write_uint16(channel, value)
        storage_mcap.write_string(channel, topic)
        storage_mcap.write_string(channel, 'cdr')
        storage_mcap.write_uint32(channel, 0)
        yield record(4, channel)
    for topic, seconds, content in messages:
        body = BytesIO()
        storage_mcap.write_uint16(body, ids[topic])
        storage_mcap.write_uint32(body, 0)
        for _ in range(2):
            storage_mcap.write_uint64(body, at(seconds))
        body.write(encode(content))
        yield record(5, body)


@pytest.mark.parametrize('end', [
    b'\x0f' + (4).to_bytes(8, 'little') + bytes(4)
    + b'\x02' + (20).to_bytes(8, 'little') + bytes(20) + b'\x89MCAP0\r\n', b''])
def test_file_without_chunks_and_index(tmp_path: Path, end: bytes) -> None:
    messages = pair_messages(4)
    file = tmp_path / 'plain.mcap'
    file.write_bytes(b''.join(unindexed(messages)) + end)
    assert [(topic, time) for topic, time, _ in read(file)] == [
        (topic, at(seconds)) for topic, seconds, _ in messages]
    assert counts(file) == {'/visible/image': 4, '/thermal/image': 4}


def test_what_is_no_bag(tmp_path: Path) -> None:
    (tmp_path / 'text.mcap').write_text('hello, this is no bag at all')
    (tmp_path / 'one.bag').write_bytes(b'#ROSBAG V2.0\n' + bytes(100))
    (tmp_path / 'data.db3').write_bytes(b'SQLite format 3\0' + zlib.compress(b'x' * 999) * 9)
    (tmp_path / 'empty').mkdir()
    for name, words in (('gone', 'does not exist'), ('text.mcap', 'is not a bag'),
                        ('one.bag', 'ROS 1'), ('data.db3', 'cannot be read'),
                        ('empty', 'holds no .mcap or .db3')):
        with pytest.raises(BagError, match=words) as raised:
            BagReader(tmp_path / name)
        assert name in str(raised.value) and '\n' not in str(raised.value)


def test_mcap_of_another_system(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 1.0)
    file = bag / 'bag.mcap'
    file.write_bytes(file.read_bytes().replace(b'ros2', b'ros1', 1))
    with pytest.raises(BagError, match='ros2'):
        BagReader(file)
