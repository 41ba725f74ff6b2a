# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Everything that talks to ROS: pairing, messages, QoS, diagnostics, the parameter table.

This file imports nothing, so that the launch file reads `parameter_table` without a node.
"""
