# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Figures of one size, against what they are made of."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_model import write_small_model

from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.benchmark.cost import StageCost
from degfuse_ros.engine.benchmark.machine import Rates
from degfuse_ros.engine.benchmark.size_benchmark import (
    Case,
    Measured,
    compare,
    measure,
    set_beside,
)
from degfuse_ros.engine.benchmark.staged_fusion import STAGES, StagedFusion
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.network.fusion_network import FusionNetwork

CASE = Case(48, 40)


@pytest.fixture(scope='module')
def engine(tmp_path_factory: pytest.TempPathFactory) -> FusionEngine:
    path = write_small_model(tmp_path_factory.mktemp('model') / 'small.safetensors')
    return FusionEngine.load(str(path), 'cpu')


def test_everything_is_measured(engine: FusionEngine) -> None:
    measured = measure(engine, StagedFusion(engine), CASE, 3)
    assert len(measured.times) == 3 and min(measured.times) > 0
    assert list(measured.stages) == list(STAGES)
    assert {len(times) for times in measured.stages.values()} == {3}
    assert all(time > 0 for times in measured.stages.values() for time in times)
    assert set(measured.costs) == set(STAGES)
    busy = {stage for stage, cost in measured.costs.items() if cost.flops > 0}
    assert busy == {'PKDM', 'guidance', 'routing', 'encoders', 'decoder'}


def test_arithmetic_grows_with_the_pixels_but_in_the_guidance(engine: FusionEngine) -> None:
    staged = StagedFusion(engine)
    small, large = (measure(engine, staged, Case(side, side), 1).costs for side in (64, 128))
    for stage in ('encoders', 'decoder'):
        # Not quite: the experts chosen may have other kernels.
        assert large[stage].flops == pytest.approx(4 * small[stage].flops, rel=0.05)
    assert large['guidance'].flops == small['guidance'].flops


def test_a_batchs_stages_take_the_time_of_all_its_pairs(monkeypatch: pytest.MonkeyPatch,
                                                        engine: FusionEngine) -> None:
    now = 0.0
    encode, decode = FusionNetwork.encode, FusionNetwork.decode

    def slow(seconds: float, method: Callable[..., Any]) -> Callable[..., Any]:
        def spending(network: FusionNetwork, first: Any, routing: Any) -> Any:
            nonlocal now
            now += seconds * routing.decision.gates.shape[1]  # a pair
            return method(network, first, routing)
        return spending

    monkeypatch.setattr('time.perf_counter', lambda: now)
    monkeypatch.setattr(FusionNetwork, 'encode', slow(2, encode))
    monkeypatch.setattr(FusionNetwork, 'decode', slow(1, decode))
    measured = measure(engine, StagedFusion(engine), Case(48, 40, batch=4), 3)
    assert measured.times == [4 * 3000] * 3
    assert measured.stages['encoders'] == [4 * 2000] * 3
    assert measured.stages['decoder'] == [4 * 1000] * 3
    one = measure(engine, StagedFusion(engine), CASE, 1).costs
    for stage, cost in measured.costs.items():
        assert cost.flops == pytest.approx(4 * one[stage].flops)
        assert cost.traffic == pytest.approx(4 * one[stage].traffic)


def test_a_batch_on_a_gpu_reads_the_weights_once(engine: FusionEngine) -> None:
    staged = StagedFusion(engine)
    staged._forward = StagedForward(staged._guidance, staged._network, torch.float32)
    one, four = (measure(engine, staged, Case(48, 40, batch), 1).costs for batch in (1, 4))
    for stage in ('PKDM', 'guidance', 'encoders', 'decoder'):
        assert four[stage].flops == pytest.approx(4 * one[stage].flops)
        assert one[stage].traffic < four[stage].traffic < 4 * one[stage].traffic


def test_figures_beside_the_machines_rates() -> None:
    rates = Rates(bytes_per_second=1e9, flops_per_second=1e10, host_bytes_per_second=1e9)
    costs = {'one': StageCost(flops=1e7, traffic=5e6, fused_traffic=0.0),  # 1 ms or 5 ms
             'two': StageCost(flops=3e7, traffic=1e6, fused_traffic=1e6)}  # 3 ms or 1 ms
    stages = {'one': [6.0, 8.0, 10.0], 'two': [12.0, 12.0, 12.0]}
    entry = set_beside(Measured(CASE, 'graph', [30.0, 40.0, 50.0], 12.5, stages, costs), rates)
    assert (entry['width'], entry['height'], entry['frames']) == (48, 40, 3)
    assert entry['ms']['p50'] == 40
    assert entry['floor_ms'] == pytest.approx(8) and entry['fused_floor_ms'] == pytest.approx(4)
    assert entry['gflop'] == pytest.approx(0.04)
    assert entry['matrix_share'] == pytest.approx(0.04e9 / 0.040 / 1e10)
    assert entry['bandwidth_share'] == pytest.approx(6e6 / 0.040 / 1e9)
    assert entry['stages_ms']['p50'] == 20 and entry['stages_over_whole'] == pytest.approx(0.5)
    one, two = entry['stages']
    assert (one['name'], one['ms']['p50'], one['share']) == ('one', 8, pytest.approx(0.4))
    assert one['bandwidth_share'] == pytest.approx(5e6 / 0.008 / 1e9)
    assert two['matrix_share'] == pytest.approx(3e7 / 0.012 / 1e10)
    assert (two['floor_ms'], two['share']) == (pytest.approx(3), pytest.approx(0.6))


def test_the_ratio_is_of_times_side_by_side(monkeypatch: pytest.MonkeyPatch,
                                            engine: FusionEngine) -> None:
    times = [[10.0, 20.0, 40.0], [20.0, 40.0, 20.0]]
    monkeypatch.setattr('degfuse_ros.engine.benchmark.size_benchmark.alternate',
                        lambda works, frames: times)
    entry = compare((engine, engine), CASE, 3)
    assert entry['ratio']['p50'] == 2 and entry['ratio']['p5'] == pytest.approx(0.65)
    assert entry['ratio_of_minima'] == 2 and entry['b_ms']['p50'] == 20
