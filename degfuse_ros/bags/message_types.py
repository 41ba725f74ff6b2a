# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The message types that bags are read and written with. No ROS installation is needed.

Their CDR bytes, definitions and type hashes are those of ROS 2 from Humble to Lyrical: what is
used here has not changed between them.
"""
from __future__ import annotations

from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
CLASSIFICATION = 'vision_msgs/msg/Classification'
DIAGNOSTIC_ARRAY = 'diagnostic_msgs/msg/DiagnosticArray'

# vision_msgs 4 and newer, which is not among the types that rosbags brings.
_VISION_MSGS = {
    'vision_msgs/msg/ObjectHypothesis': 'string class_id\nfloat64 score\n',
    CLASSIFICATION: 'std_msgs/Header header\nvision_msgs/ObjectHypothesis[] results\n',
}


@cache
def typestore() -> Typestore:
    """Return the types by name; of their messages the fields are ROS's own."""
    store = get_typestore(Stores.ROS2_HUMBLE)
    types: dict[str, Any] = {}
    for name, definition in _VISION_MSGS.items():
        types.update(get_types_from_msg(definition, name))
    store.register(types)
    return store


def message(kind: str, **fields: Any) -> Any:
    """Build a message.

    Args:
        kind: its type, as 'sensor_msgs/msg/Image'.
        fields: all its fields; arrays of numbers as NumPy arrays.
    """
    return typestore().types[kind](**fields)


def encode(content: Any) -> memoryview:
    """Return a message's CDR bytes."""
    return typestore().serialize_cdr(content, content.__msgtype__)


def decode(data: bytes | memoryview, kind: str) -> Any:
    """Return the message that CDR bytes hold.

    Raises:
        SerdeError: they do not hold one of this type.
    """
    return typestore().deserialize_cdr(data, kind)
