# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The look of plots: colours that can be told apart."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from evaluation_results import METHODS

from degfuse_ros.evaluation.plot_style import MODEL_COLOURS, looks

# How colours look to dichromats: Machado, Oliveira and Fernandes 2009, severity 1, linear RGB.
SIGHT = {
    'full': np.eye(3),
    'protanopia': [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    'deuteranopia': [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    'tritanopia': [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]]}


@pytest.mark.parametrize('sight', SIGHT)
def test_model_colours_can_be_told_apart(sight: str) -> None:
    coded = np.array([[int(colour[at:at + 2], 16) for at in (1, 3, 5)]
                      for colour in MODEL_COLOURS]) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(SIGHT[sight]).T, 0, 1)
    again = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = cv2.cvtColor(again[None].astype(np.float32), cv2.COLOR_RGB2Lab)[0]
    # A CIE76 difference of 2.3 can just be noticed (Mahy 1994); lines are thin.
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(lab, 2)) > 15


def test_curves_of_one_kind_differ() -> None:
    names = [f'method {number}' for number in range(12)]
    for kind in ('model', 'baseline', 'folder'):
        found = looks(dict.fromkeys(names, kind))
        assert len({(look.line, look.dash) for look in found.values()}) == len(names)


def test_yardsticks_of_one_kind_have_one_fill() -> None:
    found = looks({name: row[0] for name, row in METHODS.items()})
    assert found['mean'].fill == found['max'].fill != found['visible only'].fill
    assert found['degfuse'].fill != found['degfuse, dense'].fill
