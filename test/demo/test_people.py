# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""People: what of them is warm, and that they walk."""
import numpy as np

from degfuse_ros.demo.people import WARMTH, Person


def test_the_face_is_the_warmest_part() -> None:
    sprite = Person('2f4a6d', '2a2b30').sprite(np.pi, 0.0)  # towards the camera
    warmth = sprite.sun[..., 3]
    row = int(sprite.foot[1] - 1.62 * sprite.resolution)
    face = warmth[row, int(sprite.foot[0])]
    assert face > 0.9 * WARMTH['skin']
    chest = warmth[int(sprite.foot[1] - 1.2 * sprite.resolution), int(sprite.foot[0])]
    assert WARMTH['bag'] < chest < face


def test_from_behind_the_hair_hides_the_face() -> None:
    sprite = Person('2f4a6d', '2a2b30').sprite(0.0, 0.0)
    row = int(sprite.foot[1] - 1.64 * sprite.resolution)
    assert sprite.sun[row, int(sprite.foot[0]), 3] < 0.9 * WARMTH['skin']


def test_a_step_moves_the_legs_and_not_the_head() -> None:
    person = Person('2f4a6d', '2a2b30')
    first, second = (person.sprite(np.pi / 2, metres).sky[..., 3] for metres in (0.0, 0.34))
    changed = (first > 0.5) != (second > 0.5)
    rows = changed.shape[0]
    assert changed[rows // 2:].sum() > 100
    assert changed[:rows // 5].sum() == 0


def test_height_is_true_to_scale() -> None:
    person = Person('2f4a6d', '2a2b30', height=1.60)
    rows = np.flatnonzero(person.sprite(np.pi, 0.0).sky[..., 3].max(axis=1) > 0.5)
    metres = (rows[-1] - rows[0]) / person.sprite(np.pi, 0.0).resolution
    assert abs(metres - 1.60) < 0.06
