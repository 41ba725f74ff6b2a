# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which severities are drawn."""

import math

import pytest
import torch
from degraded import generator

from degfuse_ros.network.config import CLASSES
from degfuse_ros.training.degradations import draw_severities


def test_the_class_is_the_worst_degradation():
    labels = torch.arange(20000) % len(CLASSES)
    severity = draw_severities(labels, generator(), lowest=0.2)
    assert severity.shape == (20000, 4) and severity.device.type == 'cpu'
    assert not severity[labels == 0].any()
    degraded = severity[labels > 0]
    assert torch.equal(degraded.argmax(1), labels[labels > 0] - 1)
    worst = degraded.amax(1)
    assert worst.min() >= 0.2 and worst.max() <= 1
    # Evenly drawn: mean 0.6, standard error 0.23 / sqrt(16000).
    assert worst.mean().item() == pytest.approx(0.6, abs=0.01)
    assert ((degraded > 0).sum(1) <= 2).all()
    second = degraded.sort(1, descending=True).values[:, 1]
    assert (second[second > 0] / worst[second > 0]).min() >= 0.2
    assert (second / worst).max() <= 0.8


def test_overexposure_meets_neither_low_light_nor_fog():
    labels = torch.arange(20000) % len(CLASSES)
    severity = draw_severities(labels, generator(), combined=1.0)
    # Every other two degradations do meet: fog, low light, overexposure and rain.
    together = (severity.T > 0).float() @ (severity > 0).float()
    assert ((together > 0) == torch.tensor([[True, True, False, True], [True, True, False, True],
                                            [False, False, True, True], [True] * 4])).all()


@pytest.mark.parametrize('combined', [0.0, 0.25, 1.0])
def test_share_of_combined_degradations(combined: float):
    labels = 1 + torch.arange(20000) % 4
    severity = draw_severities(labels, generator(), combined=combined)
    share = ((severity > 0).sum(1) == 2).float().mean().item()
    assert share == pytest.approx(combined, abs=4 * math.sqrt(combined * (1 - combined) / 20000))


def test_severities_repeat_with_the_seed():
    labels = torch.arange(100) % len(CLASSES)
    first = draw_severities(labels, generator(1))
    assert torch.equal(first, draw_severities(labels, generator(1)))
    assert not torch.equal(first, draw_severities(labels, generator(2)))
