# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The sheet shows the pictures that it is given, where it says so."""
import numpy as np

from degfuse_ros.demo.contact_sheet import PANEL, Row, contact_sheet, panels, strip


def row(height: int = 60, width: int = 80) -> Row:
    visible = np.zeros((height, width, 3), np.uint8)
    visible[..., 0] = 200
    fused = np.zeros((height, width, 3), np.uint8)
    fused[..., 2] = 200
    return Row(visible, np.full((height, width), 90, np.uint8), fused, 'fog', 0.5,
               {'fog': 0.7, 'clean': 0.3}, {'layer': [0.5, 0.5, 0, 0, 0, 0, 0, 0]}, 12.0)


def test_panels_come_in_the_order_of_the_headings() -> None:
    sheet = contact_sheet([row(), row()], 'title', 'footer')
    middle = 74 + PANEL[1] // 2
    centres = [10 + PANEL[0] // 2 + i * (PANEL[0] + 10) for i in range(3)]
    assert [sheet[middle, x].tolist() for x in centres] == [
        [200, 0, 0], [90, 90, 90], [0, 0, 200]]
    one = contact_sheet([row()], 'title', 'footer')
    assert sheet.shape[0] - one.shape[0] == PANEL[1] + 10
    assert sheet.dtype == np.uint8


def test_a_wide_picture_keeps_its_shape() -> None:
    visible = panels(row(30, 120), (80, 60))[0]
    assert visible.shape == (60, 80, 3)
    red = (visible == (200, 0, 0)).all(axis=2)
    assert red.any(axis=1).sum() == 20 and red.any(axis=0).sum() == 80


def test_missing_answers_leave_their_place_empty() -> None:
    bare = row()
    sheet = contact_sheet([Row(bare.visible, bare.thermal, bare.fused, 'clean', 0.0, {}, {}, 1.0)],
                          'title', 'footer')
    assert sheet.shape == contact_sheet([bare], 'title', 'footer').shape


def test_a_picture_of_the_animation_has_a_line_of_text_below() -> None:
    picture = strip(row(), (80, 60))
    assert picture.shape == (60 + 26, 3 * 80, 3)
    assert picture[60:].max() > 200  # letters
