# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Degradation-aware fusion of visible and thermal images, as a ROS 2 node and as a library."""
