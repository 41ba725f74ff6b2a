# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node's default window for 16-bit thermal images, for commands that read files."""

from typing import cast


def default_percentiles() -> tuple[float, float]:
    """Return the percentiles that are shown as black and as white."""
    from degfuse_ros.ros.parameter_table import TABLE
    low, high = (cast(float, row.default) for row in TABLE
                 if row.name in ('thermal_percentile_low', 'thermal_percentile_high'))
    return low, high
