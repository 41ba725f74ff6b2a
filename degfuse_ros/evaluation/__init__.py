# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Judging fusions: metrics, baselines, degradations, what the model says, and the report."""
