# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile and the variable that names it."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from degfuse_ros.ros.dds_profile import profile_variable

PROFILE = Path(__file__).resolve().parents[2] / 'config' / 'fastdds.xml'
LARGE_IMAGE = 1280 * 1024 * 3


@pytest.mark.parametrize(('distribution', 'variable'), [
    ('humble', 'FASTRTPS_DEFAULT_PROFILES_FILE'), ('jazzy', 'FASTRTPS_DEFAULT_PROFILES_FILE'),
    ('kilted', 'FASTDDS_DEFAULT_PROFILES_FILE'), ('', 'FASTDDS_DEFAULT_PROFILES_FILE')])
def test_variable(monkeypatch: pytest.MonkeyPatch, distribution: str, variable: str) -> None:
    monkeypatch.setenv('ROS_DISTRO', distribution)
    assert profile_variable() == variable


def test_segment_holds_several_large_images() -> None:
    space = '{http://www.eprosima.com}'
    [size] = ElementTree.parse(PROFILE).iter(f'{space}segment_size')
    assert int(size.text or 0) >= 4 * LARGE_IMAGE
