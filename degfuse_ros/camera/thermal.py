# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Thermal counts or degrees to 8-bit grey levels, steady over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import cv2
import numpy as np

from degfuse_ros.camera.image_error import ImageError

# Percentiles are taken from about this many pixels on a regular grid: the window edges then
# differ from those of the full image by well under one grey level, at a tenth of the time.
SAMPLE_PIXELS = 20_000

# The narrowest window, in counts. Radiometric cameras count in 0.01 to 0.04 K, so this is about
# 0.3 to 1.3 K: a narrower one would show the sensor's own noise at full contrast.
NARROWEST_WINDOW = 32.0

# The same for 32FC1, whose values are kelvin or degrees Celsius.
NARROWEST_WINDOW_KELVIN = 0.5

# An end of the window moves by at most this share of its width per frame, so that a hot object
# changes the grey levels of what lies around it by 2.5 %: half of the 5 % that we hold to. A
# window of ten times the width is reached in 3 s at 30 Hz.
LARGEST_STEP = 0.025

# CLAHE with OpenCV's usual eight tiles a side. A limit of 1.5 steepens flat parts by half. An
# object that enters changes the tiles around it: by up to 3.5 % per frame at 1.5, 5.8 % at 2.
CLAHE_TILES, CLAHE_LIMIT = 8, 1.5


@dataclass(frozen=True)
class ThermalLook:
    """How thermal values are shown. The names are those of the parameters, less `thermal_`.

    Attributes:
        range: percentile, fixed, or local_contrast (percentile, then CLAHE).
        percentile_low: percentile shown as black, 0 to 100.
        percentile_high: percentile shown as white, above the other.
        smoothing: share of the former window that a frame keeps, 0 (none) to below 1.
        unit: of `low` and `high`: counts (of whatever the camera sends) or celsius.
        low: shown as black by the fixed range.
        high: shown as white, above `low`.
        scale: degrees per count.
        offset: degrees Celsius at count 0.
        polarity: of the camera's images: white_hot, or black_hot, which are inverted.
    """

    range: str = 'percentile'
    percentile_low: float = 1.0
    percentile_high: float = 99.0
    smoothing: float = 0.9
    unit: str = 'celsius'
    low: float = 0.0
    high: float = 50.0
    scale: float = 0.01
    offset: float = -273.15
    polarity: str = 'white_hot'

    @classmethod
    def of(cls, values: Callable[[str], Any]) -> ThermalLook:
        """Read the look from parameters; `values` returns one by its name."""
        return cls(**{field.name: values(f'thermal_{field.name}') for field in fields(cls)})

    @property
    def fixed_window(self) -> tuple[float, float]:
        """Counts shown as black and as white by the fixed range."""
        if self.unit == 'counts':
            return self.low, self.high
        return (self.low - self.offset) / self.scale, (self.high - self.offset) / self.scale


class ThermalRange:
    """Maps thermal frames to 8 bits without the flicker of per-frame minimum and maximum.

    The window follows the frames' percentiles with an exponential mean and by small steps, so
    that a hot object entering the view dims the picture gradually. Where half of the view leaves
    the window, as when the camera changes its gain or turns round, the new percentiles hold at
    once. Frames of one value, as from a closed shutter or a dead sensor, do not move the window.
    8-bit frames already have a range chosen by their camera: they keep it, also where a camera
    changes between 8 and 16 bits, and the window waits.
    """

    def __init__(self) -> None:
        """Start without a window: the first frame of more than 8 bits with contrast sets it."""
        self._window: tuple[float, float] | None = None
        self._clahe = cv2.createCLAHE(CLAHE_LIMIT, (CLAHE_TILES, CLAHE_TILES))

    @property
    def window(self) -> tuple[float, float] | None:
        """Values shown as black and as white by percentiles; None before the first frame."""
        return self._window

    def to_8_bit(self, thermal: np.ndarray, look: ThermalLook) -> np.ndarray:
        """Return the frame as grey levels, brighter is hotter.

        Args:
            thermal: HxW uint8, uint16 counts or float32 counts or degrees; values that are not a
                number are shown black, infinite ones at their end of the range.
            look: how to show it.

        Returns:
            HxW uint8; the frame itself where nothing is to be done.

        Raises:
            ImageError: no value of the frame is a finite number.
            ValueError: the frame is of another shape or type.
        """
        if thermal.ndim != 2 or thermal.dtype not in (np.uint8, np.uint16, np.float32):
            raise ValueError('a thermal frame must be HxW uint8, uint16 or float32. Got '
                             f'{thermal.dtype} of shape {thermal.shape}')
        grey = thermal if thermal.dtype == np.uint8 else _stretch(thermal, *(
            look.fixed_window if look.range == 'fixed' else self._follow(thermal, look)))
        if look.range == 'local_contrast':
            grey = self._clahe.apply(grey)
        return grey if look.polarity == 'white_hot' else cv2.bitwise_not(grey)

    def _follow(self, thermal: np.ndarray, look: ThermalLook) -> tuple[float, float]:
        """Move the window towards this frame's percentiles; return the window to show it in."""
        sample = _sample(thermal)
        percentiles = look.percentile_low, look.percentile_high
        black, white = map(float, np.percentile(sample, percentiles))
        flat = black == white
        narrowest = NARROWEST_WINDOW if thermal.dtype == np.uint16 else NARROWEST_WINDOW_KELVIN
        missing = max(0.0, narrowest - (white - black))
        black = max(0.0 if thermal.dtype == np.uint16 else -np.inf, black - missing / 2)
        white = max(white + missing / 2, black + narrowest)
        if flat:
            return self._window or (black, white)
        if self._window is not None and look.smoothing > 0.0:
            inside = np.mean((sample >= self._window[0]) & (sample <= self._window[1]))
            if inside >= (percentiles[1] - percentiles[0]) / 100 / 2:
                black, white = self._towards(black, white, look.smoothing)
        self._window = (black, white)
        return self._window

    def _towards(self, black: float, white: float, smoothing: float) -> tuple[float, float]:
        assert self._window is not None
        largest = LARGEST_STEP * (self._window[1] - self._window[0])
        steps = np.clip((1 - smoothing) * (np.array((black, white)) - self._window),
                        -largest, largest)
        return self._window[0] + float(steps[0]), self._window[1] + float(steps[1])


def _sample(thermal: np.ndarray) -> np.ndarray:
    """Return finite values from all over the frame."""
    stride = max(1, round((thermal.size / SAMPLE_PIXELS) ** 0.5))
    sample = thermal[::stride, ::stride]
    if thermal.dtype != np.float32:
        # In order their percentiles take a fifth of the time; of counts a stable sort is linear.
        return np.sort(sample, axis=None, kind='stable')
    for values in (sample, thermal):  # the grid may miss the few that are finite
        finite = values[np.isfinite(values)]
        if finite.size:
            # The distance of two floats may be no float.
            return finite.astype(np.float64)
    raise ImageError('not_finite', f'none of the {thermal.size} values of the image is a finite '
                     'number. Check the camera driver')


def _stretch(thermal: np.ndarray, black: float, white: float) -> np.ndarray:
    """Map black to 0 and white to 255, and saturate beyond."""
    scale = 255.0 / (white - black)
    if thermal.dtype == np.uint16:
        # Saturates once, at the end: exact for a black outside of the counts too, and a fifth of
        # the time that NumPy takes.
        return cv2.addWeighted(thermal, scale, thermal, 0.0, -black * scale, dtype=cv2.CV_8U)
    # Clipped first: scaled before, the largest floats would overflow. fmax takes the number where
    # the other is none, so that not-a-number turns black.
    inside = np.fmin(np.fmax(thermal, np.float32(black)), np.float32(white))
    return cv2.convertScaleAbs(inside, alpha=scale, beta=-black * scale)
