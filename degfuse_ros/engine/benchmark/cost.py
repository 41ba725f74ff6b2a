# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Arithmetic and memory traffic of the stages, counted operation by operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from degfuse_ros.engine.benchmark.machine import Rates

StagedWork = Callable[[Callable[[str], None]], object]
"""Does the work once; calls what it is given with a stage's name where the stage begins."""

FLOPS_COUNTED = ('torch.utils.flop_counter: two per multiply-add of convolutions, matrix products '
                 'and attention; all other arithmetic counts nothing; of a mixture on a GPU the '
                 'mean of its experts')
BYTES_COUNTED = ('every ATen operation reads each input tensor once and writes each result once; '
                 'views are free and nothing stays in a cache from one operation to the next, so '
                 'that caches show as more than 100 % of the bandwidth')
FUSED_COUNTED = ('the same of convolutions, matrix products and attention alone: everything else '
                 'fused into its neighbours')
HOST_COUNTED = 'what crosses between host and device, once'

_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
    """Of the CPU's attention, which the counter of some versions of torch does not know."""
    return sdpa_flop_count(query, key, value)


@dataclass
class StageCost:
    """What one stage asks of the machine.

    Attributes:
        flops: floating point operations; see `FLOPS_COUNTED`.
        traffic: bytes read and written; see `BYTES_COUNTED`.
        fused_traffic: see `FUSED_COUNTED`.
        host_traffic: bytes; see `HOST_COUNTED`.
    """

    flops: float = 0.0
    traffic: float = 0.0
    fused_traffic: float = 0.0
    host_traffic: float = 0.0

    def __add__(self, other: StageCost) -> StageCost:
        return StageCost(self.flops + other.flops, self.traffic + other.traffic,
                         self.fused_traffic + other.fused_traffic,
                         self.host_traffic + other.host_traffic)

    def __mul__(self, factor: float) -> StageCost:
        return StageCost(self.flops * factor, self.traffic * factor, self.fused_traffic * factor,
                         self.host_traffic * factor)

    def floor_ms(self, rates: Rates, fused: bool = False) -> float:
        """Shortest time in which the machine can do this: arithmetic, memory or the bus binds.

        Args:
            rates: of the machine.
            fused: with `fused_traffic`.
        """
        traffic = self.fused_traffic if fused else self.traffic
        return 1e3 * max(self.flops / rates.flops_per_second, traffic / rates.bytes_per_second,
                         self.host_traffic / rates.host_bytes_per_second)


class _TrafficCounter(TorchDispatchMode):
    """Adds up what each operation reads and writes."""

    def __init__(self, counted_as_matrix: Iterable[Any]) -> None:
        super().__init__()
        self._matrix = set(counted_as_matrix)
        self.traffic = self.fused_traffic = self.host_traffic = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        result = func(*args, **(kwargs or {}))
        inputs, outputs = _tensors((args, kwargs)), _tensors(result)
        memory = {_address(each) for each in inputs}
        fresh = [each for each in outputs if _address(each) not in memory]
        # In place, an operation writes what it was given; a view only looks at it.
        changed = [] if fresh else [each for each in outputs if func._schema.is_mutable]
        allocates = func.overloadpacket.__name__.startswith(('empty', 'new_empty'))
        if allocates or not (fresh or changed):
            return result
        # A single number on the host takes part in operations on the device without a copy.
        if len({each.device for each in (*inputs, *outputs) if each.dim()}) > 1:
            self.host_traffic += sum(map(_bytes, (*fresh, *changed)))
            return result
        moved = sum(map(_bytes, (*inputs, *fresh, *changed)))
        self.traffic += moved
        if func.overloadpacket in self._matrix:
            self.fused_traffic += moved
        return result


def _tensors(values: Any) -> list[Tensor]:
    """Each tensor once, in whatever they are nested."""
    found = {id(each): each for each in tree_leaves(values) if isinstance(each, Tensor)}
    return list(found.values())


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _bytes(tensor: Tensor) -> int:
    """Bytes of a tensor's values; one that stands for many, as after expand, counts once."""
    repeated = [size for size, stride in zip(tensor.shape, tensor.stride()) if stride == 0]
    numel = tensor.numel()
    for size in repeated:
        numel //= max(size, 1)
    return numel * tensor.element_size()


def count(work: StagedWork) -> dict[str, StageCost]:
    """Count what each stage of some work costs, by doing it once.

    Args:
        work: with marks; what it does before the first one is not counted.

    Returns:
        The cost by stage.
    """
    flops = FlopCounterMode(display=False, custom_mapping={_ATTENTION: _attention_flops})
    traffic = _TrafficCounter(flops.flop_registry)
    costs: dict[str, StageCost] = defaultdict(StageCost)
    stage, before = '', StageCost()

    def mark(name: str) -> None:
        nonlocal stage, before
        now = StageCost(flops.get_total_flops(), traffic.traffic, traffic.fused_traffic,
                        traffic.host_traffic)
        if stage:
            costs[stage] += now + before * -1
        stage, before = name, now

    # The counter of operations comes last and so first: it takes composite ones apart.
    with traffic, flops:
        work(mark)
        mark('')
    return dict(costs)
