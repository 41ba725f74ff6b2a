# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The launch file with the real launch system, where there is one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from fuse_peer import FusePeer
from real_launch import LAUNCH, install, launched

from degfuse_ros.ros.parameter_table import TABLE

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_FILE = ROOT / 'launch' / 'fuse.launch.py'

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('launch_ros') is None,
    reason='launch and launch_ros are not installed; a ROS distribution brings them')

SHOW = """
import sys
from launch.launch_description_sources import get_launch_description_from_any_launch_file
for argument in get_launch_description_from_any_launch_file(sys.argv[1]).get_launch_arguments():
    default = ''.join(part.describe() for part in argument.default_value)
    print(argument.name, argument.description, default, sep='|')
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This tree as an installed package in front of all others."""
    install(tmp_path, monkeypatch)


def test_arguments_read_well(installed: None) -> None:
    shown = subprocess.run([sys.executable, '-c', SHOW, LAUNCH_FILE], check=True,
                           capture_output=True, text=True).stdout
    arguments = {line.split('|')[0]: line.split('|')[1:] for line in shown.splitlines()}
    assert list(arguments)[:8] == ['visible', 'thermal', 'params_file', 'namespace', 'autostart',
                                   'log_level', 'dds_profile', 'use_sim_time']
    assert list(arguments)[8:] == [row.name for row in TABLE]
    assert all(len(description) > 10 for description, _ in arguments.values())


def test_launch_brings_the_node_to_active_and_it_fuses(
        installed: None, ros_domain: int) -> None:
    with launched(LAUNCH_FILE, 'visible:=/rgb/image_raw', 'thermal:=/ir/image', 'namespace:=robot',
                  'device:=cpu', 'sync_slop:=0.5') as process, FusePeer(
            ros_domain, '/robot/fuse', visible='/rgb/image_raw', thermal='/ir/image',
            fused='/robot/fused') as peer:
        peer.until(lambda: peer.state == 'active', timeout=60)
        assert (peer.get_parameter('sync_slop'), peer.get_parameter('max_age')) == (0.5, 0.0)
        assert peer.until_fused().header.frame_id == 'camera'
    assert 'process has finished cleanly' in process.output


def test_two_rigs_from_the_command_line(installed: None, ros_domain: int) -> None:
    with launched(LAUNCH_FILE, 'rigs:=[front,rear]', 'front.visible:=/rgb/image_raw',
                  'device:=cpu', 'rear.output_encoding:=mono8'), FusePeer(
            ros_domain, '/fuse', visible='/rgb/image_raw', thermal='front/thermal/image',
            fused='front/fused') as front, FusePeer(ros_domain, '/fuse', rig='rear') as rear:
        front.until(lambda: front.state == 'active', timeout=60)
        assert front.until_fused().encoding == 'rgb8'
        assert rear.until_fused().encoding == 'mono8'


def test_without_autostart_the_node_waits(installed: None, ros_domain: int) -> None:
    with launched(LAUNCH_FILE, 'autostart:=false', 'device:=cpu'), FusePeer(
            ros_domain, '/fuse') as peer:
        peer.until(lambda: peer.state == 'unconfigured', timeout=60)
        # One that starts by itself is unconfigured at first, too: by now it would be on its way,
        # and would activate itself once somebody configures it.
        assert peer.configure()
        with pytest.raises(AssertionError, match='nothing happened'):
            peer.until(lambda: peer.state != 'inactive', timeout=3)


@pytest.mark.parametrize(('argument', 'reason'), [
    ('sync_slop:=fast', "sync_slop must be 0.0001 to 10.0 (double). Got 'fast'"),
    ('use_sim_time:=banana', "use_sim_time must be true or false. Got 'banana'"),
])
def test_bad_argument_is_one_clear_line(
        installed: None, ros_domain: int, argument: str, reason: str) -> None:
    assert ros_domain
    done = subprocess.run([sys.executable, '-c', LAUNCH, LAUNCH_FILE, argument],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and reason in done.stderr + done.stdout
