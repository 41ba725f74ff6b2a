# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Whether one camera of two is gone. Nothing of ROS here, and no clock is read."""

from degfuse_ros.ros.matcher import OTHER


class LostCamera:
    """Told of every usable image, tells whether the other camera is gone.

    A camera is gone when it has been silent for `lost_after` while the other one delivered all
    the time: after a pause of both, as of a bag that is halted, neither is. A camera that
    delivers less often than every `lost_after` never makes the other one count as gone.
    """

    def __init__(self) -> None:
        """Start without a past."""
        self._last: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def other_gone(self, topic: str, now: float, lost_after: float) -> bool:
        """Note an image and return whether the other camera is gone.

        Args:
            topic: 'visible' or 'thermal'.
            now: when it came, in seconds on any steady clock.
            lost_after: seconds of silence.
        """
        if self.silent(topic, now, lost_after):
            self._since[topic] = now
        self._last[topic] = now
        heard = max(self._since[topic], self._last.get(OTHER[topic], self._since[topic]))
        return now - heard > lost_after

    def silent(self, topic: str, now: float, lost_after: float) -> bool:
        """Return whether a camera has not delivered for `lost_after`, or not at all."""
        return topic not in self._last or now - self._last[topic] > lost_after
