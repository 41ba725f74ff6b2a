# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stamps that say something, and those that do not."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from degfuse_ros.camera.image_error import ImageError
from degfuse_ros.ros.stamps import check_stamp, stamp_of


def message(seconds: int, nanoseconds: int) -> Any:
    """Return what has a header as a message has."""
    return SimpleNamespace(header=SimpleNamespace(
        stamp=SimpleNamespace(sec=seconds, nanosec=nanoseconds)))


def test_good_stamps() -> None:
    for seconds, nanoseconds in ((0, 1), (1, 0), (2**31 - 1, 999_999_999)):
        good = message(seconds, nanoseconds)
        check_stamp(good)
        assert stamp_of(good) == seconds * 10**9 + nanoseconds


@pytest.mark.parametrize(('seconds', 'nanoseconds', 'kind', 'text'), [
    (0, 0, 'zero_stamp', 'header.stamp is zero'),
    (-1, 2_000_000_000, 'bad_stamp', 'header.stamp is -1 s and 2000000000 ns'),
    (-5, 0, 'bad_stamp', 'header.stamp is -5 s and 0 ns'),
    (5, 1_000_000_000, 'bad_stamp', 'less than 1000000000 ns')])
def test_bad_stamps(seconds: int, nanoseconds: int, kind: str, text: str) -> None:
    with pytest.raises(ImageError, match=text) as caught:
        check_stamp(message(seconds, nanoseconds))
    assert caught.value.kind == kind and '\n' not in str(caught.value)


def test_stamps_need_no_ros() -> None:
    code = ('import sys, degfuse_ros.ros.stamps; '
            'sys.exit(any(name.split(".")[0] in ("rclpy", "torch", "std_msgs") '
            'for name in sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
