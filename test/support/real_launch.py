# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Launch files by the real launch system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What `ros2 launch FILE ARGUMENTS` does, without needing ros2cli.
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import AnyLaunchDescriptionSource
arguments = [argument.split(':=', 1) for argument in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(LaunchDescription([IncludeLaunchDescription(
    AnyLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments)]))
sys.exit(service.run())
"""

# The programs that setup.py installs for ROS.
EXECUTABLES = ('fuse_node', 'bag_player')


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this tree an installed package in front of all others."""
    index = folder / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'degfuse_ros').touch()
    share = folder / 'share' / 'degfuse_ros'
    share.mkdir()
    for name in ('launch', 'config', 'models'):
        (share / name).symlink_to(ROOT / name)
    for name in EXECUTABLES:
        executable = folder / 'lib' / 'degfuse_ros' / name
        executable.parent.mkdir(parents=True, exist_ok=True)
        executable.write_text(
            f'#!{sys.executable}\nimport sys\nfrom degfuse_ros.{name} import main\n'
            'sys.exit(main())\n')
        executable.chmod(0o755)
    monkeypatch.setenv(
        'AMENT_PREFIX_PATH', f'{folder}{os.pathsep}{os.environ["AMENT_PREFIX_PATH"]}')


@contextmanager
def launched(file: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """Run a launch file; interrupt it at the end, and keep its output in `output`."""
    process = subprocess.Popen(
        [sys.executable, '-c', LAUNCH, str(file), *arguments], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        yield process
    finally:
        # To the whole group, as a terminal does: the node is interrupted twice.
        with suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal.SIGINT)
        process.output = process.communicate(timeout=60)[0]  # type: ignore[attr-defined]
