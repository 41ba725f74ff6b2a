# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Counts of arithmetic and traffic against sums done by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from degfuse_ros.engine.benchmark.cost import StageCost, count
from degfuse_ros.engine.benchmark.machine import Rates

BATCH, INPUTS, OUTPUTS, HEIGHT, WIDTH = 2, 3, 5, 8, 12


def cost_of(work: Callable[[], object]) -> StageCost:
    def marked(mark: Callable[[str], None]) -> None:
        mark('it')
        work()

    with torch.inference_mode():
        return count(marked)['it']


def test_a_convolution_costs_what_its_loops_would() -> None:
    layer = nn.Conv2d(INPUTS, OUTPUTS, (3, 5), padding=(1, 2))
    image = torch.zeros(BATCH, INPUTS, HEIGHT, WIDTH)
    cost = cost_of(lambda: layer(image))
    results = BATCH * OUTPUTS * HEIGHT * WIDTH
    assert cost.flops == 2 * results * INPUTS * 3 * 5
    moved = 4 * (image.numel() + OUTPUTS * INPUTS * 3 * 5 + OUTPUTS + results)
    assert cost.traffic == cost.fused_traffic == moved
    assert cost.host_traffic == 0


def test_a_linear_layer_in_half_precision() -> None:
    layer = nn.Linear(6, 7).bfloat16()
    tokens = torch.zeros(4, 6, dtype=torch.bfloat16)
    cost = cost_of(lambda: layer(tokens))
    assert cost.flops == 2 * 4 * 6 * 7
    assert cost.traffic == 2 * (4 * 6 + 6 * 7 + 7 + 4 * 7)


def test_attention_counts_both_products() -> None:
    heads, tokens, width = 2, 16, 8
    query = torch.zeros(1, heads, tokens, width)
    cost = cost_of(lambda: functional.scaled_dot_product_attention(query, query, query))
    assert cost.flops == 2 * 2 * heads * tokens * tokens * width


NUMBERS = 60  # float32 values of the tensor that the following work on


@pytest.mark.parametrize(('work', 'values'), [
    (lambda x: x + x, 2 * NUMBERS),  # one tensor is read, one written
    (lambda x: x + x[:1], 10 + 2 * NUMBERS),
    (lambda x: x.view(-1)[3:].unsqueeze(0), 0),
    (lambda x: x.mul_(2), 2 * NUMBERS),
    (lambda x: x[:1].expand(6, 10) + x, 10 + 2 * NUMBERS),  # a repeated row is read once
    (lambda x: torch.empty_like(x), 0),
])
def test_pointwise_work_reads_and_writes_each_value_once(work: Callable[[Any], object],
                                                         values: int) -> None:
    tensor = torch.ones(6, 10)
    cost = cost_of(lambda: work(tensor))
    assert cost.traffic == 4 * values
    assert cost.flops == cost.fused_traffic == 0


def test_what_crosses_to_another_device_is_no_traffic_of_its_memory() -> None:
    cost = cost_of(lambda: torch.ones(5, 4).to('meta'))
    assert cost.host_traffic == 4 * 20
    assert cost.traffic == 4 * 20  # the ones


def test_costs_belong_to_the_stage_in_which_they_arise() -> None:
    left, right = torch.ones(3, 4), torch.ones(4, 5)

    def work(mark: Callable[[str], None]) -> None:
        left @ right
        mark('one')
        left @ right
        mark('two')
        left + left
        mark('one')
        left @ right

    costs = count(work)
    assert costs['one'].flops == 2 * (2 * 3 * 4 * 5)
    assert costs['two'].flops == 0 and costs['two'].traffic == 4 * 24


def test_the_floor_is_what_binds() -> None:
    rates = Rates(bytes_per_second=1e3, flops_per_second=1e6, host_bytes_per_second=10)
    cost = StageCost(flops=2e6, traffic=3e3, fused_traffic=1e3, host_traffic=5)
    assert cost.floor_ms(rates) == 3000  # memory
    assert cost.floor_ms(rates, fused=True) == 2000  # arithmetic
    assert StageCost(host_traffic=50).floor_ms(rates) == 5000
