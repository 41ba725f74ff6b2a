# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bytes for bags and ROS's own classes."""
from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bag_files import at, header, image
from rclpy.serialization import deserialize_message, serialize_message
from rosbags.serde import SerdeError

from degfuse_ros.bags.message_types import (
    CAMERA_INFO,
    CLASSIFICATION,
    COMPRESSED_IMAGE,
    DIAGNOSTIC_ARRAY,
    IMAGE,
    decode,
    encode,
    message,
    typestore,
)

KINDS = [IMAGE, COMPRESSED_IMAGE, CAMERA_INFO, CLASSIFICATION, DIAGNOSTIC_ARRAY]


def ros_class(kind: str) -> Any:
    package, _, name = kind.split('/')
    return getattr(import_module(f'{package}.msg'), name)


@pytest.mark.parametrize('kind', KINDS)
def test_hashes_are_those_that_ros_computes(kind: str) -> None:
    package, _, name = kind.split('/')
    files = [root / 'share' / package / 'msg' / f'{name}.json'
             for root in (Path(sys.prefix), Path('/opt/ros'))]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        pytest.skip(f'this ROS has no type descriptions for {package}')
    hashes = {each['type_name']: each['hash_string']
              for each in json.loads(file.read_text())['type_hashes']}
    assert typestore().hash_rihs01(kind) == hashes[kind]


def test_ros_reads_our_image() -> None:
    ours = image(at(1.5))
    theirs: Any = deserialize_message(bytes(encode(ours)), ros_class(IMAGE))
    assert (theirs.height, theirs.width, theirs.step) == (ours.height, ours.width, ours.step)
    assert theirs.header.frame_id == 'camera' and theirs.encoding == 'rgb8'
    assert theirs.header.stamp.nanosec == 500_000_000
    assert bytes(theirs.data) == ours.data.tobytes()


def test_we_read_an_image_of_ros() -> None:
    theirs = ros_class(IMAGE)(height=2, width=3, step=3, encoding='mono8', data=bytes(range(6)))
    theirs.header.stamp.sec = 7
    ours = decode(serialize_message(theirs), IMAGE)
    assert (ours.height, ours.width, ours.encoding) == (2, 3, 'mono8')
    assert ours.header.stamp.sec == 7 and ours.data.tolist() == list(range(6))


def test_ros_reads_our_compressed_image() -> None:
    ours = message(COMPRESSED_IMAGE, header=header(at(0)), format='png',
                   data=np.arange(9, dtype=np.uint8))
    theirs: Any = deserialize_message(bytes(encode(ours)), ros_class(COMPRESSED_IMAGE))
    assert theirs.format == 'png' and bytes(theirs.data) == bytes(range(9))


def test_other_bytes_are_refused() -> None:
    for data in (b'', b'\0', b'\0\1\0\0', b'\0\1\0\0' + b'\xff' * 40):
        with pytest.raises(SerdeError):
            decode(data, IMAGE)
