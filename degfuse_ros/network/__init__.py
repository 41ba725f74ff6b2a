# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Torch modules of the fusion network, its losses and its weight file."""
