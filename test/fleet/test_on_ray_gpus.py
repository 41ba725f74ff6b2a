# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What is asked of Ray for machines that are not here, by a stand-in for it: GPUs, failures."""
from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.fuse_bag import BagJob
from degfuse_ros.fleet.on_ray import OnRay
from degfuse_ros.fleet.worker import Outcome


class StandIn(ModuleType):
    """A Ray with nodes as told, whose calls end at once, in the order in which they came."""

    def __init__(self, nodes: list[dict[str, float]], answers: list[Any]) -> None:
        super().__init__('ray')
        error = type('RayError', (Exception,), {})
        self.exceptions = SimpleNamespace(
            RayError=error, RayTaskError=type('RayTaskError', (error,), {}))
        self.machines, self.answers = nodes, answers
        self.options: dict[str, Any] = {}
        self.hired: list[tuple[Any, ...]] = []
        self.killed = 0

    def init(self, address: str, **options: Any) -> None:
        pass

    def shutdown(self) -> None:
        pass

    def nodes(self) -> list[dict[str, Any]]:
        return [{'Alive': True, 'Resources': each} for each in self.machines] + [
            {'Alive': False, 'Resources': {'CPU': 64.0, 'GPU': 8.0}}]

    def remote(self, kind: type) -> Any:
        def options(**given: Any) -> Any:
            self.options = given
            return SimpleNamespace(remote=hire)

        def hire(*arguments: Any) -> Any:
            self.hired.append(arguments)
            return SimpleNamespace(load=SimpleNamespace(remote=lambda: object()),
                                   fuse=SimpleNamespace(remote=lambda job: object()))
        return SimpleNamespace(options=options)

    def wait(self, calls: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return calls[:1], calls[1:]

    def get(self, call: Any) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, type):
            raise answer('worker died')
        return answer

    def kill(self, actor: Any) -> None:
        self.killed += 1


def workers(monkeypatch: pytest.MonkeyPatch, nodes: list[dict[str, float]], device: str = 'auto',
            cores: int = 1, answers: list[Any] | None = None) -> tuple[OnRay, StandIn]:
    ray = StandIn(nodes, answers or [])
    monkeypatch.setitem(sys.modules, 'ray', ray)
    monkeypatch.setattr(os, 'environ', os.environ.copy())
    return OnRay('auto', {'device': device}, Path('out'), 100, cores, print), ray


@pytest.mark.parametrize(('nodes', 'device', 'cores', 'count', 'chosen'), [
    ([{'CPU': 16.0}, {'CPU': 7.0}], 'auto', 4, 5, 'cpu'),
    ([{'CPU': 16.0, 'GPU': 2.0}, {'CPU': 16.0}], 'auto', 4, 2, 'cuda'),
    ([{'CPU': 4.0, 'GPU': 4.0}, {'CPU': 16.0, 'GPU': 1.0}], 'cuda', 2, 3, 'cuda'),
    ([{'CPU': 4.0, 'GPU': 4.0}], 'cpu', 1, 4, 'cpu')])
def test_one_worker_for_each_gpu_or_so_many_cores(
        monkeypatch: pytest.MonkeyPatch, nodes: list[dict[str, float]], device: str, cores: int,
        count: int, chosen: str) -> None:
    _, ray = workers(monkeypatch, nodes, device, cores)
    assert ray.hired == [({'device': chosen}, Path('out'), cores)] * count
    assert ray.options == {'num_cpus': cores, 'num_gpus': int(chosen == 'cuda')}


@pytest.mark.parametrize(('nodes', 'device', 'cores', 'words'), [
    ([{'CPU': 8.0}], 'cuda', 1, 'and a GPU'), ([{'CPU': 4.0}, {'CPU': 4.0}], 'auto', 5, '--cores'),
    ([{'CPU': 8.0, 'GPU': 2.0}], 'cuda:1', 1, 'Ray hands out the GPUs')])
def test_what_no_machine_has(monkeypatch: pytest.MonkeyPatch, nodes: list[dict[str, float]],
                             device: str, cores: int, words: str) -> None:
    with pytest.raises(BagError, match=words):
        workers(monkeypatch, nodes, device, cores)


def test_a_worker_whose_device_failed_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    job = BagJob(Path('in'), Path('out'), {})
    fleet, ray = workers(monkeypatch, [{'CPU': 1.0, 'GPU': 1.0}], answers=[
        'first', Outcome(job.out, {}, 'CUDA error', True), 'second', Outcome(job.out, {}, 'bad'),
        Outcome(job.out, {'fused': 1})])
    seen = []
    for _ in range(5):
        if fleet.free():
            seen.append(fleet.free())
            fleet.submit(fleet.free(), job)
        fleet.next()
    assert seen == ['first', 'second', 'second'] and ray.killed == 1 and len(ray.hired) == 2


def test_workers_that_end_while_they_load_are_not_replaced_for_ever(
        monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, ray = workers(monkeypatch, [{'CPU': 1.0}])
    ray.answers = [ray.exceptions.RayError] * 3
    assert fleet.next() is None and fleet.next() is None
    with pytest.raises(BagError, match='end while they load'):
        fleet.next()
    assert len(ray.hired) == 3
