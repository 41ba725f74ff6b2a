# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Built-in synthetic scenes with a known truth. Imports neither ROS nor torch."""
