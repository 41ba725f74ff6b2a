# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The replay launch file with the real launch system, where there is one."""
from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from bag_files import decoded, street
from image_messages import stamp_of
from rclpy.qos import QoSProfile
from real_launch import LAUNCH, install, launched
from sensor_msgs.msg import Image
from subscriber import Subscriber

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_FILE = ROOT / 'launch' / 'replay.launch.py'

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('launch_ros') is None,
    reason='launch and launch_ros are not installed; a ROS distribution brings them')


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This tree as an installed package in front of all others."""
    install(tmp_path, monkeypatch)


def test_a_bag_is_fused_and_everything_ends_with_it(
        installed: None, ros_domain: int, tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 1.5, rate=4.0, visible_topic='/rgb/image_raw')
    subscriber = Subscriber(ros_domain, QoSProfile(depth=20), robot__fused__image=Image)
    with launched(LAUNCH_FILE, f'bag:={bag}', 'visible:=/rgb/image_raw', 'namespace:=robot',
                  'thermal:=/thermal/image', 'model:=lite', 'device:=cpu', 'rate:=0.5',
                  'delay:=3') as process:
        received = subscriber.received['robot/fused/image']
        subscriber.until(lambda: len(received) == 6, timeout=90)
        process.wait(timeout=60)
    assert [stamp_of(each) for each in received] == [
        stamp_of(each) for each in decoded(bag, '/rgb/image_raw')]
    assert process.output.count('process has finished cleanly') == 2, process.output
    subscriber.close()


@pytest.mark.parametrize(('arguments', 'reason'), [
    (['bag:=/nowhere'], "bag must be a folder or a file. Got '/nowhere'"),
    (['bag:=/', 'rate:=0'], "rate must be a number, above 0. Got '0'"),
    (['bag:=/', 'sync_slop:=fast'], "sync_slop must be 0.0001 to 10.0 (double). Got 'fast'"),
])
def test_bad_argument_is_one_clear_line(
        installed: None, ros_domain: int, arguments: list[str], reason: str) -> None:
    assert ros_domain
    done = subprocess.run([sys.executable, '-c', LAUNCH, LAUNCH_FILE, *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and reason in done.stderr + done.stdout
