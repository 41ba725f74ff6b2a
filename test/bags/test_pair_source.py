# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The pairs of a bag."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_files import at, header, image, noise, pair_messages, write_bag

from degfuse_ros.bags.drops import Drops
from degfuse_ros.bags.message_types import COMPRESSED_IMAGE, message
from degfuse_ros.bags.pair_source import PairSource, Step
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.topics import find_cameras
from degfuse_ros.ros.parameter_file import read_parameters
from degfuse_ros.ros.stamps import stamp_of


class Found:
    """What a bag's pairs are, and what was told about the rest."""

    def __init__(self, bag: Path, *settings: str, kept: tuple[str, ...] = ()) -> None:
        values, _ = read_parameters(None, settings)
        self.drops = Drops()
        with BagReader(bag) as reader:
            cameras = find_cameras(reader.topics)
            self.source = PairSource(reader, cameras, values.__getitem__, self.drops, kept)
            self.steps: list[Step] = list(self.source.steps())

    @property
    def stamps(self) -> list[tuple[int | None, int | None]]:
        """Stamps of visible and thermal image of each pair."""
        return [(_stamp(found.pair.visible), _stamp(found.pair.thermal))
                for step in self.steps for found in step.pairs]

    @property
    def offsets(self) -> list[int]:
        """Offsets of the pairs in nanoseconds."""
        return [found.offset for step in self.steps for found in step.pairs
                if found.offset is not None]


def _stamp(message: Any) -> int | None:
    return None if message is None else stamp_of(message)


def seconds(*moments: float) -> list[tuple[int, int]]:
    return [(at(moment), at(moment)) for moment in moments]


def test_each_image_with_its_partner(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 5.0, rate=10.0, thermal_rate=5.0, jitter=0.002)
    found = Found(bag)
    assert len(found.stamps) == found.source.pairs == 25
    assert len(found.offsets) == 25 and np.abs(found.offsets).max() < 2e7
    assert dict(found.source.arrived) == {'visible': 50, 'thermal': 25}
    assert found.source.unmatched['visible'] == 25 and found.source.unmatched['thermal'] == 0
    assert not found.drops.counts


def test_clock_offset_needs_its_parameter(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 3.0, clock_offset=0.15)
    assert Found(bag, 'sync_slop=0.04').source.pairs == 0
    found = Found(bag, 'thermal_time_offset=-0.15')
    assert found.source.pairs == 30
    assert np.abs(found.offsets).max() < 1000


def test_nearest_serves_every_visible_image(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 3.0, rate=30.0, thermal_rate=10.0)
    found = Found(bag, 'pairing=nearest')
    assert found.source.pairs >= 88 and found.source.unmatched['thermal'] <= 1


def test_stamps_that_go_back_begin_anew(tmp_path: Path) -> None:
    again = [(topic, moment + 10.0, content) for topic, moment, content in pair_messages(5)]
    found = Found(write_bag(tmp_path / 'bag', [*pair_messages(5), *again]))
    once = seconds(0.0, 0.1, 0.2, 0.3, 0.4)
    assert found.stamps == [*once, *once]
    assert found.source.jumps.total() == 1


def test_bad_images_are_counted_and_left_out(tmp_path: Path) -> None:
    messages = pair_messages(8)
    broken: dict[int, tuple[str, Any]] = {
        0: ('visible.zero_stamp', 'header.stamp'), 3: ('thermal.truncated', 'bytes of data'),
        4: ('visible.encoding', 'not supported'), 6: ('visible.zero_size', 'size is 0x48')}
    messages[0][2].header = header(0)
    messages[3][2].data = messages[3][2].data[:100]
    messages[4][2].encoding = 'nonsense'
    messages[6][2].width = 0
    found = Found(write_bag(tmp_path / 'bag', messages))
    assert found.stamps == seconds(0.4, 0.5, 0.6, 0.7)
    assert dict(found.drops.counts) == {kind: 1 for kind, _ in broken.values()}
    for kind, words in broken.values():
        assert words in found.drops.reasons[kind] and '\n' not in found.drops.reasons[kind]


def test_bytes_that_are_no_image(tmp_path: Path) -> None:
    from degfuse_ros.bags.writer import BagWriter
    writer = BagWriter(tmp_path / 'bag')
    for topic in ('/visible/image', '/thermal/image'):
        writer.add(topic, 'sensor_msgs/msg/Image')
        writer.write(topic, at(0), b'\0\1\0\0' + b'\xff' * 50)
    writer.finish()
    found = Found(tmp_path / 'bag')
    assert found.stamps == []
    assert dict(found.drops.counts) == {'visible.not_readable': 1, 'thermal.not_readable': 1}


def test_compressed_images(tmp_path: Path) -> None:
    found = Found(noise(tmp_path / 'bag', 1.0, compressed=True))
    assert found.source.pairs == 10
    assert {each.pair.visible.__msgtype__ for step in found.steps for each in step.pairs} == {
        COMPRESSED_IMAGE}


@pytest.mark.parametrize(('gone', 'there'), [('thermal', 'visible'), ('visible', 'thermal')])
def test_lost_camera_leaves_the_other_alone(tmp_path: Path, gone: str, there: str) -> None:
    bag = noise(tmp_path / 'bag', 8.0, gaps=((gone, 2.0, 4.0),))
    found = Found(bag)
    # Lost two seconds after its last image, and back with its first.
    assert 17 <= found.source.alone[there] <= 21 and found.source.alone[gone] == 0
    assert 39 <= found.source.pairs <= 41
    place = 0 if gone == 'visible' else 1
    assert sum(pair[place] is None for pair in found.stamps) == found.source.alone[there]
    assert Found(bag, 'lost_camera=silent').source.alone.total() == 0
    assert Found(bag, 'lost_after=5.0').source.alone.total() == 0


def test_camera_info_is_the_newest_before_the_pair(tmp_path: Path) -> None:
    found = Found(noise(tmp_path / 'bag', 1.0))
    for step in found.steps:
        for each in step.pairs:
            assert set(each.camera_infos) == {'visible', 'thermal'}
            assert stamp_of(each.camera_infos['visible']) == stamp_of(each.pair.visible)


def test_uncalibrated_camera_info_is_refused(tmp_path: Path) -> None:
    info = message('sensor_msgs/msg/CameraInfo', header=header(at(0)), height=48, width=64,
                   distortion_model='', d=np.zeros(0), k=np.zeros(9), r=np.zeros(9),
                   p=np.zeros(12), binning_x=0, binning_y=0,
                   roi=message('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0,
                               height=0, width=0, do_rectify=False))
    found = Found(write_bag(tmp_path / 'bag', [('/visible/camera_info', 0.0, info),
                                               *pair_messages(2, start=1.0)]))
    assert [dict(each.camera_infos) for step in found.steps for each in step.pairs] == [{}, {}]
    assert 'not calibrated' in found.drops.reasons['visible.camera_info']


def test_kept_messages_come_once_and_before_later_pairs(tmp_path: Path) -> None:
    messages = pair_messages(20)
    messages += [('/other', moment / 100, image(at(0))) for moment in range(300)]
    messages.sort(key=lambda each: each[1])
    found = Found(write_bag(tmp_path / 'bag', messages), kept=('/other', '/visible/image'))
    kept = [each for step in found.steps for each in step.kept]
    assert [each.topic for each in kept].count('/other') == 300
    assert [each.topic for each in kept].count('/visible/image') == 20
    assert [each.time for each in kept] == sorted(each.time for each in kept)
    before = 0
    for step in found.steps:
        assert all(before <= each.time <= step.time for each in step.kept)
        before = step.time


def test_kept_messages_do_not_pile_up_where_no_pair_comes(tmp_path: Path) -> None:
    messages = pair_messages(1)
    messages += [('/other', 1.0 + moment, image(at(0), shape=(600, 800))) for moment in range(30)]
    found = Found(write_bag(tmp_path / 'bag', messages), kept=('/other',))
    assert max(sum(len(each.data) for each in step.kept) for step in found.steps) < 6e6
    assert sum(len(step.kept) for step in found.steps) == 30
