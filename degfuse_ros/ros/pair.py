# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A visible and a thermal image of the same moment."""

from dataclasses import dataclass

from sensor_msgs.msg import Image

from degfuse_ros.ros.stamps import stamp_of


@dataclass(frozen=True)
class Pair:
    """Two messages that the synchroniser matched."""

    visible: Image
    thermal: Image

    @property
    def stamp(self) -> int:
        """Stamp of the visible image, in nanoseconds."""
        return stamp_of(self.visible)

    @property
    def offset(self) -> int:
        """Visible minus thermal stamp, in nanoseconds."""
        return stamp_of(self.visible) - stamp_of(self.thermal)
