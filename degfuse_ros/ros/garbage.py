# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which objects Python's garbage collection looks at."""
import gc
import threading
from typing import ClassVar


class Garbage:
    """Spares a node the full collections that stop all its threads. One per node.

    Once torch and rclpy are loaded one takes 0.1 s, and one came within the first seconds of
    images. Objects are the process's: they stay left out until no node wants it any more.
    """

    _lock = threading.Lock()
    _wanting: ClassVar[set['Garbage']] = set()

    def leave_out(self) -> None:
        """Collect garbage now, and leave out of later collections all objects that there are."""
        with Garbage._lock:
            Garbage._wanting.add(self)
            gc.collect()
            gc.freeze()

    def include(self) -> None:
        """Let collections look at them again, for those that are no longer used."""
        with Garbage._lock:
            if self in Garbage._wanting:
                Garbage._wanting.remove(self)
                if not Garbage._wanting:
                    gc.unfreeze()
