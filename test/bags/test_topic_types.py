# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a bag tells about its topics."""
import pytest
from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from degfuse_ros.bags.message_types import CLASSIFICATION, IMAGE
from degfuse_ros.bags.topic_types import UNKNOWN_HASH, is_topic_name, type_facts


@pytest.mark.parametrize('name', ['/a', '/camera/image_raw', '/a/b/c_1', '/_x'])
def test_names_that_ros_takes(name: str) -> None:
    assert is_topic_name(name)


@pytest.mark.parametrize('name', [
    '', '/', 'a', '/a/', '//a', '/a//b', '/../etc', '/a/../b', '/1a', '/a b', '/a\n', '/ä',
    '/a-b'])
def test_names_that_ros_does_not_take(name: str) -> None:
    assert not is_topic_name(name)


def test_definitions_hold_all_they_are_made_of() -> None:
    text, type_hash = type_facts(CLASSIFICATION, None, '')
    types = get_types_from_msg(text, CLASSIFICATION)
    assert {'vision_msgs/msg/ObjectHypothesis', 'std_msgs/msg/Header'} <= set(types)
    # As rosidl computes it for vision_msgs 4.
    assert type_hash == 'RIHS01_f74db28d0eaef3afb78f48bf2161cd709a1383a0309d3454383b25be11345143'


def test_definitions_of_others_are_passed_on() -> None:
    store = get_typestore(Stores.ROS2_JAZZY)
    text, _ = store.generate_msgdef('geometry_msgs/msg/Pose', ros_version=2)
    definition = MessageDefinition(MessageDefinitionFormat.MSG, text)
    assert type_facts('geometry_msgs/msg/Pose', definition, 'RIHS01_x') == (text, 'RIHS01_x')
    expected = store.hash_rihs01('geometry_msgs/msg/Pose')
    assert type_facts('geometry_msgs/msg/Pose', definition, '') == (text, expected)


def test_without_a_definition() -> None:
    none = MessageDefinition(MessageDefinitionFormat.NONE, '')
    assert type_facts(IMAGE, none, '') == type_facts(IMAGE, None, '')
    assert type_facts('my_msgs/msg/Thing', none, '') == ('', UNKNOWN_HASH)
    assert type_facts('my_msgs/msg/Thing', MessageDefinition(
        MessageDefinitionFormat.MSG, 'this is !! no definition'), '')[1] == UNKNOWN_HASH


def test_idl_of_others() -> None:
    idl = 'module my_msgs { module msg { struct Thing { long number; }; }; };'
    text, type_hash = type_facts('my_msgs/msg/Thing', MessageDefinition(
        MessageDefinitionFormat.IDL, idl), '')
    assert text.startswith('=' * 80 + '\nIDL: my_msgs/msg/Thing\n') and text.endswith(idl)
    assert type_hash != UNKNOWN_HASH
