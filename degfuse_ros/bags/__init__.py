# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""rosbag2 files without ROS: read any, write mcap, fuse a whole bag, make bags for tests."""
