# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The vision_msgs that is installed means the same on the wire as the real package."""

import hashlib
import json
import struct
from typing import Any

import rclpy
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import Classification, ObjectHypothesis

# Numbers of field types in type_description_interfaces/msg/FieldType.
INT32, UINT32, FLOAT64, STRING, NESTED, NESTED_SEQUENCE = 6, 7, 11, 17, 1, 145


def test_wire_format_is_that_of_the_fields() -> None:
    sent = Classification(results=[ObjectHypothesis(class_id='fog', score=0.75)])
    sent.header.stamp.sec, sent.header.stamp.nanosec = 12, 34
    sent.header.frame_id = 'front'
    data = serialize_message(sent)
    # Four bytes name the encoding; x is padding to the next field's border, of any value.
    fields = struct.unpack('<iI I6s 2x I I4s d', data[4:])
    assert fields == (12, 34, 6, b'front\0', 1, 4, b'fog\0', 0.75)
    assert deserialize_message(data, Classification) == sent


def test_fields_are_those_of_the_real_package() -> None:
    assert Classification.get_fields_and_field_types() == {
        'header': 'std_msgs/Header', 'results': 'sequence<vision_msgs/ObjectHypothesis>'}
    assert ObjectHypothesis.get_fields_and_field_types() == {
        'class_id': 'string', 'score': 'double'}
    assert Classification().header == Header()


def described(name: str, *fields: tuple[str, int, str]) -> dict[str, Any]:
    """Return a message type as the ROS type hash sees it."""
    return {'type_name': name, 'fields': [
        {'name': field, 'type': {'type_id': number, 'capacity': 0, 'string_capacity': 0,
                                 'nested_type_name': nested}}
        for field, number, nested in fields]}


def test_type_hash_is_that_of_the_real_definitions(ros_domain: int) -> None:
    description = {
        'type_description': described(
            'vision_msgs/msg/Classification', ('header', NESTED, 'std_msgs/msg/Header'),
            ('results', NESTED_SEQUENCE, 'vision_msgs/msg/ObjectHypothesis')),
        'referenced_type_descriptions': [
            described('builtin_interfaces/msg/Time', ('sec', INT32, ''), ('nanosec', UINT32, '')),
            described('std_msgs/msg/Header', ('stamp', NESTED, 'builtin_interfaces/msg/Time'),
                      ('frame_id', STRING, '')),
            described('vision_msgs/msg/ObjectHypothesis', ('class_id', STRING, ''),
                      ('score', FLOAT64, '')),
        ],
    }
    expected = hashlib.sha256(json.dumps(description).encode()).digest()
    with rclpy.init():
        node = rclpy.create_node('classifier')
        node.create_publisher(Classification, 'degradation', 1)
        publishers = node.get_publishers_info_by_topic('degradation')
        assert [bytes(each.topic_type_hash.value) for each in publishers] == [expected]
        node.destroy_node()
