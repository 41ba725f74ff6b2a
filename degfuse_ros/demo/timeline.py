# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which degradation the built-in stream shows when, and how strongly."""
from dataclasses import dataclass

import numpy as np

# (class, share of the whole duration, greatest severity): clear spells at both ends and after
# the fog. The whitest exposure and the heaviest rain leave something to restore.
SPELLS = (('clean', 0.10, 0.0), ('fog', 0.20, 0.95), ('clean', 0.08, 0.0),
          ('low_light', 0.20, 0.95), ('overexposed', 0.16, 0.80), ('rain', 0.18, 0.85),
          ('clean', 0.08, 0.0))
# Share of a spell in which it fades in, and again in which it fades out.
RAMP = 0.3
# A fading degradation is hardly there: no verdict on it is called right or wrong.
FAINT = 0.35


@dataclass(frozen=True)
class Condition:
    """What a frame shows.

    Args:
        label: clean, fog, low_light, overexposed or rain.
        severity: 0 (nothing to be seen) to 1.
    """

    label: str
    severity: float

    @property
    def faint(self) -> bool:
        """Whether the degradation is too weak for a fair verdict on its class."""
        return 0 < self.severity < FAINT


class Timeline:
    """The drift clean, fog, clean, low light, overexposure, rain, clean.

    Args:
        seconds: duration of the whole drift; it repeats afterwards.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def at(self, time: float) -> Condition:
        """Return the condition at a time in seconds."""
        share = (time / self.seconds) % 1.0
        ends = np.cumsum([length for _, length, _ in SPELLS])
        number = min(int(np.searchsorted(ends, share, side='right')), len(SPELLS) - 1)
        label, length, peak = SPELLS[number]
        if peak == 0:
            return Condition(label, 0.0)
        edge = min(ends[number] - share, share - ends[number] + length) / (RAMP * length)
        severity = peak * (0.5 - 0.5 * np.cos(np.pi * min(1.0, max(0.0, edge))))
        return Condition(label if severity > 0 else 'clean', float(severity))
