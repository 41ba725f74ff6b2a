# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What was dropped on the way through a bag, and why."""
from __future__ import annotations

import threading
from collections import Counter


class Drops:
    """Counts by kind, with one reason each. The kinds are those of the node's diagnostics.

    Several threads may add at once.

    Attributes:
        counts: by kind, as 'visible.truncated'.
        reasons: the first of each kind; one line.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.counts: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, kind: str, reason: str = '') -> None:
        """Count one drop.

        Args:
            kind: what and why, as 'visible.truncated'.
            reason: one line; '' for drops that are part of normal work.
        """
        with self._lock:
            self.counts[kind] += 1
            if reason:
                self.reasons.setdefault(kind, reason)
