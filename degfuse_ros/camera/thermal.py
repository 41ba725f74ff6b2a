# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Raw thermal counts to 8-bit grey levels, by a percentile window smoothed over time."""


import cv2
import numpy as np

# Percentiles are taken from about this many pixels on a regular grid: the window edges then
# differ from those of the full image by well under one grey level, at a tenth of the time.
SAMPLE_PIXELS = 20_000

# The narrowest window, in counts. Radiometric cameras count in 0.01 to 0.04 K, so this is about
# 0.3 to 1.3 K: a narrower one would show the sensor's own noise at full contrast.
NARROWEST_WINDOW = 32.0


class ThermalRange:
    """Maps 16-bit thermal frames to 8 bits without the flicker of per-frame minimum and maximum.

    The window follows the frames' percentiles with an exponential mean, so that a hot object
    entering the view dims the picture gradually. Where the camera changes its gain the counts
    leave the window altogether: then the new percentiles hold at once. Frames of one value, as
    from a closed shutter or a dead sensor, do not move the window. 8-bit frames already have a
    range chosen by their camera and pass through untouched.
    """

    def __init__(self) -> None:
        """Start without a window: the first 16-bit frame that has contrast sets it."""
        self._window: tuple[float, float] | None = None

    @property
    def window(self) -> tuple[float, float] | None:
        """Counts shown as black and as white; None before the first such frame."""
        return self._window

    def to_8_bit(self, thermal: np.ndarray, low: float, high: float,
                 smoothing: float) -> np.ndarray:
        """Return the frame as grey levels, brighter is hotter.

        Args:
            thermal: HxW uint8 (returned as it is) or uint16 counts.
            low: percentile shown as black, 0 to 100, below `high`.
            high: percentile shown as white, 0 to 100.
            smoothing: share of the former window kept, 0 (none) to below 1.

        Returns:
            HxW uint8.

        Raises:
            ValueError: the frame is neither HxW uint8 nor HxW uint16.
        """
        if thermal.ndim != 2 or thermal.dtype not in (np.uint8, np.uint16):
            raise ValueError('a thermal frame must be HxW uint8 or uint16. Got '
                             f'{thermal.dtype} of shape {thermal.shape}')
        if thermal.dtype == np.uint8:
            return thermal
        black, white = self._follow(thermal, low, high, smoothing)
        # Both steps saturate, which is the clipping at the ends of the window.
        above_black = cv2.subtract(thermal, np.array([round(black)], np.float64))
        return cv2.convertScaleAbs(above_black, alpha=255.0 / (white - black))

    def _follow(self, thermal: np.ndarray, low: float, high: float,
                smoothing: float) -> tuple[float, float]:
        """Move the window towards this frame's percentiles; return the window to show it in."""
        stride = max(1, int((thermal.size / SAMPLE_PIXELS) ** 0.5))
        black, white = map(float, np.percentile(thermal[::stride, ::stride], (low, high)))
        flat = black == white
        missing = max(0.0, NARROWEST_WINDOW - (white - black))
        black = max(0.0, black - missing / 2)
        white = max(white + missing / 2, black + NARROWEST_WINDOW)
        if flat:
            return self._window or (black, white)
        if self._window is not None and black < self._window[1] and white > self._window[0]:
            black += smoothing * (self._window[0] - black)
            white += smoothing * (self._window[1] - white)
        self._window = (black, white)
        return self._window
