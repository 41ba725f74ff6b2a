# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are the visible and the thermal camera."""
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.message_types import CAMERA_INFO, COMPRESSED_IMAGE, IMAGE
from degfuse_ros.bags.reader import Topic

IMAGE_KINDS = (IMAGE, COMPRESSED_IMAGE)
COMPRESSED_SUFFIX = '/compressed'

# Parts of names, between slashes, underscores and digits. Makers' and models' names are those of
# thermal cameras with a ROS driver.
_THERMAL = {'thermal', 'thermo', 'therm', 'ir', 'lwir', 'mwir', 'infrared', 'flir', 'boson',
            'lepton', 'tau', 'vue', 'optris', 'seek', 'heat'}
_VISIBLE = {'visible', 'vis', 'rgb', 'color', 'colour', 'eo', 'daylight'}
# Neither: 'infra' is the near infrared of a stereo camera, 'fused' what this tool writes.
_NEITHER = {'depth', 'compresseddepth', 'disparity', 'mask', 'labels', 'segmentation', 'infra',
            'confidence', 'fused', 'overlay'}

# Candidates that one line can name.
_NAMED = 8


@dataclass(frozen=True)
class Cameras:
    """Topics of two cameras.

    Attributes:
        visible: images.
        thermal: the same.
        visible_info: sensor_msgs/CameraInfo beside the visible images; '' for none.
        thermal_info: the same beside the thermal images.
    """

    visible: Topic
    thermal: Topic
    visible_info: str
    thermal_info: str


def find_cameras(topics: Mapping[str, Topic], visible: str = '', thermal: str = '') -> Cameras:
    """Tell the two cameras' topics by their names and types, or take those that are given.

    Args:
        topics: of the bag, by name.
        visible: name of the visible images' topic; '' to look for it.
        thermal: the same for thermal.

    Raises:
        BagError: a given topic does not do, or it cannot be told which to take; the line lists
            the candidates.
    """
    images = [topic for topic in topics.values() if topic.kind in IMAGE_KINDS and topic.count]
    given = {role: _given(topics, images, role, name)
             for role, name in (('visible', visible), ('thermal', thermal)) if name}
    if len(given) == 2 and visible == thermal:
        raise BagError(f'--visible and --thermal name the same topic {visible!r}')
    if len(given) < 2 and len(images) < 2:
        raise BagError('a visible and a thermal image topic are needed, the bag has '
                       f'{_list(images) or "no images"}. Its topics: {_list(topics.values())}')
    thermal_topic = given.get('thermal') or _search(images, 'thermal', visible)
    visible_topic = given.get('visible') or _search(images, 'visible', thermal_topic.name)
    return Cameras(visible_topic, thermal_topic, _info_beside(topics, visible_topic.name),
                   _info_beside(topics, thermal_topic.name))


def _given(topics: Mapping[str, Topic], images: Collection[Topic], role: str, name: str) -> Topic:
    """Return the topic that the user named, if it does."""
    topic = topics.get(name) or topics.get(f'/{name}')
    choice = f'Image topics are {_list(images) or "none"}'
    if topic is None:
        raise BagError(f'--{role}: no topic {name!r} in the bag. {choice}')
    if topic.kind not in IMAGE_KINDS:
        raise BagError(f'--{role}: topic {name!r} is of type {topic.kind}, not an image. {choice}')
    if not topic.count:
        raise BagError(f'--{role}: topic {name!r} has no messages. {choice}')
    return topic


def _search(images: Collection[Topic], role: str, taken: str) -> Topic:
    """Return the one topic whose name fits."""
    free = [topic for topic in images if _base(topic.name) != _base(taken)
            and not _words(topic.name) & _NEITHER]
    thermal = [topic for topic in free if _words(topic.name) & _THERMAL]
    others = [topic for topic in free if topic not in thermal]
    visible = [topic for topic in others if _words(topic.name) & _VISIBLE]
    found = _without_copies(thermal if role == 'thermal' else visible or others)
    if len(found) == 1:
        return found[0]
    raise BagError(f'cannot tell the {role} topic by its name: give --{role} TOPIC. Candidates '
                   f'are {_list(found or free or images)}')


def _words(name: str) -> set[str]:
    return set(re.split(r'[^a-z]+', name.lower()))


def _base(name: str) -> str:
    return name.removesuffix(COMPRESSED_SUFFIX)


def _without_copies(topics: Iterable[Topic]) -> list[Topic]:
    """Leave out compressed images that are there raw as well."""
    topics = list(topics)
    raw = {topic.name for topic in topics if topic.kind == IMAGE}
    return [topic for topic in topics if topic.kind == IMAGE or _base(topic.name) not in raw]


def _info_beside(topics: Mapping[str, Topic], image: str) -> str:
    name = f'{_base(image).rpartition("/")[0]}/camera_info'
    topic = topics.get(name)
    return name if topic is not None and topic.kind == CAMERA_INFO and topic.count else ''


def _list(topics: Iterable[Topic]) -> str:
    """Name topics in one line; a name may hold anything, so that it is quoted."""
    lines = [f'{topic.name!r} ({topic.kind}, {topic.count} messages)' for topic in topics]
    more = f' and {len(lines) - _NAMED} more' if len(lines) > _NAMED else ''
    return ', '.join(lines[:_NAMED]) + more
