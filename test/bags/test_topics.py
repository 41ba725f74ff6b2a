# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which topics are the cameras."""
from __future__ import annotations

from collections.abc import Mapping

import pytest
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.message_types import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from degfuse_ros.bags.reader import Topic
from degfuse_ros.bags.topics import find_cameras

OTHERS = {'/tf': 'tf2_msgs/msg/TFMessage', '/imu': 'sensor_msgs/msg/Imu'}


def bag(*images: str, empty: tuple[str, ...] = (), kinds: Mapping[str, str] = OTHERS
        ) -> dict[str, Topic]:
    """Return topics: images by name, compressed ones by their suffix, and others."""
    found = {name: COMPRESSED_IMAGE if 'compressed' in name else IMAGE for name in images}
    found.update(kinds)
    definition = MessageDefinition(MessageDefinitionFormat.NONE, '')
    return {name: Topic(name, kind, 0 if name in empty else 100, definition, '', ())
            for name, kind in sorted(found.items())}


@pytest.mark.parametrize(('visible', 'thermal', 'others'), [
    ('/visible/image', '/thermal/image', ()),
    ('/camera/image_raw', '/ir/image_raw', ()),
    ('/camera/color/image_raw', '/flir_boson/image_raw', ('/camera/depth/image_rect_raw',)),
    ('/rgb/image', '/lwir/image16', ('/camera/infra1/image_rect_raw',)),
    ('/cam0/image', '/thermal_cam/image_mono', ('/fused/image',)),
    ('/color/image_raw/compressed', '/thermal/image_raw/compressed', ()),
    ('/mirror/image', '/seek/image', ()),
])
def test_found_by_name(visible: str, thermal: str, others: tuple[str, ...]) -> None:
    cameras = find_cameras(bag(visible, thermal, *others))
    assert (cameras.visible.name, cameras.thermal.name) == (visible, thermal)


def test_raw_images_rather_than_their_compressed_copies() -> None:
    names = ('/rgb/image', '/rgb/image/compressed', '/ir/image', '/ir/image/compressed')
    cameras = find_cameras(bag(*names))
    assert (cameras.visible.name, cameras.thermal.name) == ('/rgb/image', '/ir/image')
    cameras = find_cameras(bag(*names, empty=('/rgb/image', '/ir/image')))
    assert cameras.visible.name == '/rgb/image/compressed'
    assert cameras.thermal.name == '/ir/image/compressed'


def test_given_ones_win_also_without_the_first_slash() -> None:
    topics = bag('/a/image', '/b/image', '/thermal/image')
    cameras = find_cameras(topics, 'a/image', '/b/image')
    assert (cameras.visible.name, cameras.thermal.name) == ('/a/image', '/b/image')
    cameras = find_cameras(topics, visible='/b/image')
    assert (cameras.visible.name, cameras.thermal.name) == ('/b/image', '/thermal/image')


def test_camera_info_beside_the_images() -> None:
    kinds = {'/rgb/camera_info': CAMERA_INFO, '/ir/camera_info': CAMERA_INFO}
    names = ('/rgb/image_raw/compressed', '/ir/image')
    cameras = find_cameras(bag(*names, kinds=kinds))
    assert (cameras.visible_info, cameras.thermal_info) == ('/rgb/camera_info', '/ir/camera_info')
    cameras = find_cameras(bag(*names, empty=('/rgb/camera_info',), kinds=kinds))
    assert (cameras.visible_info, cameras.thermal_info) == ('', '/ir/camera_info')


@pytest.mark.parametrize(('images', 'words'), [
    (('/left/image', '/right/image', '/thermal/image'),
     ('visible', '/left/image', '/right/image')),
    (('/a/image', '/b/image'), ('thermal', '/a/image', '/b/image')),
    (('/thermal_left/image', '/thermal_right/image', '/rgb/image'),
     ('thermal', '/thermal_left/image')),
    (('/thermal/image',), ('needed', '/thermal/image', '/imu')),
    ((), ('needed', 'no images', '/tf')),
])
def test_unsure_names_the_candidates_in_one_line(images: tuple[str, ...],
                                                 words: tuple[str, ...]) -> None:
    with pytest.raises(BagError) as raised:
        find_cameras(bag(*images))
    assert all(word in str(raised.value) for word in words)
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(('visible', 'words'), [
    ('/gone', "no topic '/gone'"), ('/imu', 'sensor_msgs/msg/Imu, not an image'),
    ('/empty/image', 'no messages'), ('/thermal/image', 'same topic')])
def test_given_ones_that_do_not_do(visible: str, words: str) -> None:
    topics = bag('/rgb/image', '/thermal/image', '/empty/image', empty=('/empty/image',))
    with pytest.raises(BagError, match=words):
        find_cameras(topics, visible, '/thermal/image')


def test_names_with_tricks_stay_on_one_line() -> None:
    topics = bag('/x/../../etc/passwd\n\x1b[2J', '/y/image')
    with pytest.raises(BagError) as raised:
        find_cameras(topics)
    assert '\n' not in str(raised.value) and '\x1b' not in str(raised.value)
