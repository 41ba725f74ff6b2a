# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The learning rate's course against values known by hand; random numbers; arithmetic."""

import pytest
import torch

from degfuse_ros.training.config import ConfigError
from degfuse_ros.training.schedule import (
    Randomness,
    autocast,
    learning_rate_factor,
    to_device,
    training_device,
)

CPU = torch.device('cpu')


def test_warm_up_is_linear():
    factors = [learning_rate_factor(step, 100, 10) for step in range(10)]
    assert factors == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def test_cosine_of_known_angles():
    # 60, 90, 120 and 180 degrees of half a cosine from 1 to 0.01.
    for step, expected in ((10, 1.0), (40, 0.7525), (55, 0.505), (70, 0.2575), (100, 0.01)):
        assert learning_rate_factor(step, 100, 10) == pytest.approx(expected)


def test_cosine_never_rises():
    factors = [learning_rate_factor(step, 50, 0) for step in range(50)]
    assert factors[0] == 1 and all(high > low for high, low in zip(factors, factors[1:]))


def test_course_without_a_cosine_is_finite():
    assert learning_rate_factor(5, 5, 5) == pytest.approx(1)
    assert learning_rate_factor(4, 5, 20) == pytest.approx(0.25)


def draws(seed: int, rank: int, step: int) -> list[float]:
    """One number of each of the three streams, after some of another step."""
    randomness = Randomness(seed, rank, CPU)
    for each in (step + 7, step):
        randomness.begin(each)
        numbers = [torch.rand(1).item(), torch.rand(1, generator=randomness.host).item(),
                   torch.rand(1, generator=randomness.device).item()]
    return numbers


def test_a_steps_numbers_are_its_own_whatever_came_before():
    assert draws(1, 0, 5) == draws(1, 0, 5)
    keys = [(1, 0, 5), (2, 0, 5), (1, 1, 5), (1, 0, 6), (5, 0, 1), (0, 1, 5)]
    numbers = [number for key in keys for number in draws(*key)]
    assert len(set(numbers)) == len(numbers)


def test_bf16_is_for_gpus():
    for precision, kind, expected in (('bf16', 'cuda', True), ('float32', 'cuda', False),
                                      ('bf16', 'cpu', False), ('float32', 'cpu', False)):
        if kind == 'cuda' and not torch.cuda.is_available():
            continue
        context = autocast(torch.device(kind), precision)
        assert context._enabled == expected and context.fast_dtype == torch.bfloat16
    with autocast(CPU, 'bf16'):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_a_copy_to_the_same_device_is_none():
    values = torch.arange(3)
    assert to_device(values, CPU) is values


def test_a_device_that_is_there():
    assert training_device('cpu') == CPU


@pytest.mark.parametrize('name', ['coda', 'cuda:77', ''])
def test_a_device_that_is_not_there_is_refused_in_one_line(name: str):
    with pytest.raises(ConfigError) as caught:
        training_device(name)
    message = str(caught.value)
    assert repr(name) in message and 'device=cpu' in message and '\n' not in message
