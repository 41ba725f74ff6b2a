# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""One worker: what it loads, and that nothing that is wrong with a bag gets out of it."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from bag_files import contents, street

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
from degfuse_ros.fleet.here import Here
from degfuse_ros.fleet.worker import Worker
from degfuse_ros.ros.parameter_file import read_parameters


def values(**settings: str) -> dict[str, Any]:
    chosen = {'model': 'lite', 'device': 'cpu', **settings}
    return read_parameters(None, [f'{name}={value}' for name, value in chosen.items()])[0]


def test_bags_good_and_bad_one_after_the_other(tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 0.5)
    (tmp_path / 'bad.mcap').write_text('no bag')
    workers = Here(Worker(values(), tmp_path))
    outcomes = []
    for source, name in ((tmp_path / 'bad.mcap', 'x'), (bag, 'y'), (bag, 'y')):
        assert workers.free().endswith(f':{os.getpid()}')
        workers.submit(workers.free(), BagJob(source, tmp_path / name, values()))
        assert not workers.free()
        outcomes.append(workers.next())
    bad, good, again = [outcome for outcome in outcomes if outcome]
    assert (bad.out.name, dict(bad.numbers), bad.device_failed) == ('x', {}, False)
    assert 'is not a bag' in bad.reason
    assert good.numbers['fused'] == 5 and not good.reason
    assert 'exists already' in again.reason
    assert sum(topic == '/fused/image' for topic, _, _ in contents(tmp_path / 'y')) == 5


@pytest.mark.parametrize(('error', 'reason', 'device'), [
    (RuntimeError('CUDA error: unspecified launch failure'), 'launch failure', True),
    (KeyError('no such\nname'), 'KeyError: ', False)])
def test_what_fails_within_a_bag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                 error: Exception, reason: str, device: bool) -> None:
    worker = Worker(values(), tmp_path)
    worker.load()

    def fail(*_: object) -> None:
        raise error
    monkeypatch.setattr(BagFusion, '_stream', fail)
    outcome = worker.fuse(BagJob(street(tmp_path / 'bag', 0.3), tmp_path / 'out', values()))
    assert reason in outcome.reason and '\n' not in outcome.reason
    assert outcome.device_failed == device


def test_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        Worker(values(), tmp_path, before + 1).load()
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(BagError, match='huge'):
        Worker(values(model='huge'), tmp_path).load()
    with pytest.raises(BagError, match='same paths'):
        Worker(values(), tmp_path / 'not on this machine').load()
