# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What processes that use ROS need in their environment."""
import importlib.util
import os
import socket
import sys
from pathlib import Path

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.ros.dds_profile import profile_variable

# Domains 1 to 100 keep all DDS ports below the range from which Linux hands out client ports.
_DOMAINS = range(60, 101)
_MODULES = ('rclpy', 'sensor_msgs', 'diagnostic_msgs', 'vision_msgs', 'message_filters')


def check_ros() -> None:
    """Make sure that the Python parts of ROS 2 are there.

    Raises:
        CommandError: one is missing; says which and what brings it.
    """
    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f'ROS 2 is needed and {", ".join(missing)} cannot be imported: source a ROS 2 '
            'distribution (and apt install ros-$ROS_DISTRO-vision-msgs '
            'ros-$ROS_DISTRO-message-filters), or run make demo in the source tree')


def set_environment() -> int:
    """Set up this process and its children for ROS among themselves alone; call before rclpy.

    Returns:
        The ROS domain, which nobody else on this machine uses.

    Raises:
        CommandError: every domain is in use.
    """
    os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    profile = find_profile()
    if profile is not None:
        os.environ.setdefault(profile_variable(), str(profile))
    domain = next((number for number in _DOMAINS if is_free(number)), None)
    if domain is None:
        raise CommandError(f'ROS domains {_DOMAINS[0]} to {_DOMAINS[-1]} are all in use: stop '
                           'some ROS processes')
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    return domain


def find_profile() -> Path | None:
    """Return the Fast DDS profile with the large shared-memory segment, where it is installed."""
    parents = Path(__file__).resolve().parents
    candidates = [parents[2] / 'config', *(p / 'share' / 'degfuse_ros' / 'config'
                                           for p in parents)]
    return next((folder / 'fastdds.xml' for folder in candidates
                 if (folder / 'fastdds.xml').is_file()), None)


def is_free(domain: int) -> bool:
    """Tell whether nobody on this machine listens for discovery in a domain."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(('', 7400 + 250 * domain))  # the discovery port that DDSI-RTPS prescribes
        except OSError:
            return False
    return True
