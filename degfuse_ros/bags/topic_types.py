# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a written bag tells about a topic: the type's definition and hash, QoS, and its name."""
from __future__ import annotations

import re

from rosbags.interfaces import (
    MessageDefinition,
    MessageDefinitionFormat,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)

from degfuse_ros.bags.message_types import typestore

# What ROS writes for no limit.
_FOREVER = QosTime(9_223_372_036, 854_775_807)

RELIABLE = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.VOLATILE, _FOREVER,
               _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False)
"""The profile that the node offers on its topics."""

BEST_EFFORT = RELIABLE._replace(reliability=QosReliability.BEST_EFFORT, depth=5)
"""The profile of sensor data, as most camera drivers offer it."""

UNKNOWN_HASH = f'RIHS01_{"0" * 64}'
"""Stands where a type's hash cannot be told; players do not compare it."""

_IDL_BEGIN = '=' * 80 + '\nIDL: '
# Letters, digits, underscores and single slashes, no part begins with a digit; one at least.
_TOPIC_NAME = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+\Z')


def is_topic_name(name: str) -> bool:
    """Tell whether ROS 2 would take a full topic name, as '/camera/image_raw'."""
    return _TOPIC_NAME.match(name) is not None


def type_facts(kind: str, definition: MessageDefinition | None, type_hash: str
               ) -> tuple[str, str]:
    """Return a type's definition and hash, as rosbags wants them for writing.

    Args:
        kind: the type's name.
        definition: as another bag has it; None or an empty one for a type of our own store.
        type_hash: the same; '' for none.
    """
    if definition is None or not definition.data:
        store = typestore()
        if kind not in store.fielddefs:
            return '', type_hash or UNKNOWN_HASH
        return store.generate_msgdef(kind, ros_version=2)[0], store.hash_rihs01(kind)
    text = definition.data
    if definition.format == MessageDefinitionFormat.IDL and not text.startswith(_IDL_BEGIN):
        text = f'{_IDL_BEGIN}{kind}\n{text}'
    return text, type_hash or _hash(kind, text)


def _hash(kind: str, text: str) -> str:
    """Work a type's hash out from its definition."""
    try:
        if text.startswith(_IDL_BEGIN):
            parts = [part.partition('\n')[2] for part in text.split('=' * 80 + '\n')[1:]]
            types = {name: each for part in parts
                     for name, each in get_types_from_idl(part).items()}
        else:
            types = get_types_from_msg(text, kind)
        store = get_typestore(Stores.EMPTY)
        store.register(types)
        return store.hash_rihs01(kind)
    except (TypesysError, LookupError, ValueError, SyntaxError):
        return UNKNOWN_HASH
