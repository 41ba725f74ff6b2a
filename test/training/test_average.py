# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The moving average against a loop in plain numbers."""

import pytest
import torch

from degfuse_ros.training.average import MovingAverage


@pytest.mark.parametrize('decay', [0.0, 0.5, 0.999, 1.0])
def test_values_of_a_loop_by_hand(decay: float):
    weight = torch.tensor([4.0])
    average = MovingAverage([weight], decay)
    expected = 4.0
    for step in range(30):
        weight.copy_(torch.tensor([float(step)]))
        average.update(step)
        own = min(decay, (1 + step) / (10 + step))
        expected = own * expected + (1 - own) * step
    assert average.values[0].item() == pytest.approx(expected, rel=1e-5)
    assert weight.item() == 29


def test_the_start_is_soon_forgotten():
    weight = torch.tensor([1000.0])
    average = MovingAverage([weight], 0.9999)
    weight.zero_()
    for step in range(20):
        average.update(step)
    assert average.values[0].item() < 1e-3


def test_averages_stand_in_and_go_again_bit_for_bit():
    weights = [torch.randn(3, 4, 5, 6).to(memory_format=torch.channels_last), torch.randn(7)]
    average = MovingAverage(weights, 0.0)
    kept, places = [weight.clone() for weight in weights], [each.data_ptr() for each in weights]
    for weight in weights:
        weight.add_(1)
    after = [weight.clone() for weight in weights]
    with pytest.raises(ZeroDivisionError), average.applied():
        assert all(torch.equal(one, two) for one, two in zip(weights, kept))
        raise ZeroDivisionError
    assert all(torch.equal(one, two) for one, two in zip(weights, after))
    # In place: the optimiser and a captured step know the weights by their memory.
    assert places == [weight.data_ptr() for weight in weights]
