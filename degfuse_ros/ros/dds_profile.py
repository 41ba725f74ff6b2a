# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which environment variable names the Fast DDS profile. Nothing of ROS is imported here."""

import os

# Distributions with Fast DDS 2, which knows the former name only.
FORMER_NAME = ('humble', 'iron', 'jazzy')


def profile_variable() -> str:
    """Return the variable's name for this ROS distribution.

    One name only: set to the same file, the two make Fast DDS 3 read it twice and complain of
    profiles of the same name.
    """
    if os.environ.get('ROS_DISTRO') in FORMER_NAME:
        return 'FASTRTPS_DEFAULT_PROFILES_FILE'
    return 'FASTDDS_DEFAULT_PROFILES_FILE'
