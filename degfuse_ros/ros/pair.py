# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A visible and a thermal image of the same moment, or one of them where a camera is gone.

Nothing of ROS is imported here.
"""

from dataclasses import dataclass
from typing import Any

from degfuse_ros.ros.stamps import stamp_of


@dataclass(frozen=True)
class Pair:
    """Two messages that the matcher paired.

    Attributes:
        visible: the visible camera's message; None where that camera is gone.
        thermal: the thermal camera's; None where that one is gone. Never are both None.
    """

    visible: Any
    thermal: Any

    @property
    def header(self) -> Any:
        """The visible image's, or that of the thermal one where it is alone."""
        return (self.thermal if self.visible is None else self.visible).header

    @property
    def stamp(self) -> int:
        """Stamp of the header, in nanoseconds."""
        return stamp_of(self)
