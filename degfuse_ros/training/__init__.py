# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Training: degradations, data, guidance (stage 1) and fusion (stage 2)."""
