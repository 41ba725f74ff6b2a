# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Raw camera frames in, a registered 8-bit pair out. Imports neither ROS nor torch."""
