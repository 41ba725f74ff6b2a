# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a result, against values worked out by hand."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bag_files import image

from degfuse_ros.bags.fuse_stream import Frame
from degfuse_ros.bags.golden_frame import GoldenFrame, golden_frame
from degfuse_ros.bags.pair_source import SourcePair
from degfuse_ros.engine import Degradation, Fusion
from degfuse_ros.ros.alone import Alone
from degfuse_ros.ros.pair import Pair


def fused(pixels: np.ndarray) -> GoldenFrame:
    """Return what is kept of a fused image, HxWx3 uint8."""
    fusion = Fusion(pixels, Degradation('rain', {'clean': 0.25, 'rain': 0.75}, {'rain': 0.5}),
                    np.array([[0, 0.25, 0.75], [1, 0, 0]], np.float32))
    pair: Any = Pair(image(3_000_000_007), image(3_000_000_009, 'mono8'))
    ready: Any = None
    return golden_frame(Frame(SourcePair(pair, {}, 0), ready, fusion))


def test_values_of_a_picture_in_two_halves() -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, 16:] = 200  # one step of 200 in each row
    frame = fused(pixels)
    assert (frame.visible, frame.thermal, frame.size) == (3_000_000_007, 3_000_000_009, (32, 16))
    assert (frame.label, frame.scores) == ('rain', {'clean': 0.25, 'rain': 0.75})
    assert frame.routing == [{'1': 0.25, '2': 0.75}, {'0': 1.0}]
    assert (frame.mean, frame.deviation) == ([100.0, 100.0, 100.0], 100.0)
    # 0 down the columns, 200 once in 31 steps of a row.
    assert frame.sharpness == pytest.approx(200 / 31 / 2, abs=1e-3)
    colours = frame.colours()
    assert colours.shape == (8, 8, 3) and not colours[:, :4].any()
    # OpenCV interpolates in tables. Of sRGB 200 CIE L* = 116 Y ** (1 / 3) - 16, where Y =
    # ((200 / 255 + 0.055) / 1.055) ** 2.4.
    lightness = 116 * (((200 / 255 + 0.055) / 1.055) ** 2.4) ** (1 / 3) - 16
    np.testing.assert_allclose(colours[:, 4:, 0], lightness, atol=0.15)
    np.testing.assert_allclose(colours[:, 4:, 1:], 0, atol=0.1)


def test_red_stays_red() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[..., 0] = 255
    frame = fused(pixels)
    assert frame.mean == [255.0, 0.0, 0.0]
    # CIE L*a*b* (D65) of the sRGB primary red, as tables have it.
    np.testing.assert_allclose(frame.colours()[3, 3], [53.24, 80.09, 67.2], atol=0.3)


def test_a_thermal_image_alone_has_no_class() -> None:
    pair: Any = Pair(None, image(5, 'mono8'))
    grey = np.full((16, 16), 40, np.uint8)
    frame = golden_frame(Frame(SourcePair(pair, {}, None), Alone(pair, grey, 'visible lost')))
    assert (frame.visible, frame.thermal, frame.mean) == (0, 5, [40.0, 40.0, 40.0])
    assert (frame.label, frame.scores, frame.routing) == ('', {}, [])


@pytest.mark.parametrize(('text', 'reason'), [
    ('AAAA', 'has 192 bytes, this one 3'), ('?', 'base64')])
def test_what_is_no_thumbnail_is_refused(text: str, reason: str) -> None:
    frame = replace(fused(np.zeros((16, 16, 3), np.uint8)), thumbnail=text)
    with pytest.raises(ValueError, match=reason):
        frame.colours()
