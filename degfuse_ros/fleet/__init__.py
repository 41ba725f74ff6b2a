# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Many bags fused in one go, in this process or by the workers of a Ray cluster."""
