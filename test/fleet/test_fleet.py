# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Who fuses what and how often, with workers that do as a script says."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from degfuse_ros.bags.fuse_bag import BagJob
from degfuse_ros.fleet.fleet import BagState, Fleet
from degfuse_ros.fleet.manifest import Manifest
from degfuse_ros.fleet.worker import Outcome

NUMBERS = {'pairs': 4, 'fused': 3, 'seconds': 1.5, 'other': 0}


class Scripted:
    """Workers whose outcomes a function decides; the last bag given ends first."""

    def __init__(self, count: int, act: Callable[[BagJob], str | None]) -> None:
        self.names = [f'w{number}' for number in range(count)]
        self.count, self.act, self.most = count, act, 0
        self.running: list[tuple[str, BagJob]] = []
        self.jobs: list[BagJob] = []
        self.said_nothing = False

    def free(self) -> str:
        return self.names[0] if self.names else ''

    def submit(self, worker: str, job: BagJob) -> None:
        self.names.remove(worker)
        self.running.append((worker, job))
        self.jobs.append(job)
        self.most = max(self.most, len(self.running))

    def next(self) -> Outcome | None:
        self.said_nothing = not self.said_nothing
        if self.said_nothing:
            return None
        name, job = self.running.pop()
        self.names.append(name)
        reason = self.act(job)
        if reason is None:
            job.out.mkdir(parents=True, exist_ok=True)
            (job.out / 'metadata.yaml').write_text('')
            (job.out / 'summary.json').write_text(
                json.dumps({**NUMBERS, 'source': str(job.source)}))
            return Outcome(job.out, NUMBERS)
        return Outcome(job.out, {}, reason)


def sources(folder: Path, *names: str) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f'{name}.mcap').write_text(name)
    return {name: folder / f'{name}.mcap' for name in names}


def fuse(folder: Path, inputs: dict[str, Path], workers: Scripted, retries: int = 2,
         overwrite: bool = False) -> dict[str, BagState]:
    job = BagJob(Path(), folder / 'out', {}, overwrite=overwrite)
    with Manifest(job.out, {}, overwrite) as manifest:
        fleet = Fleet(inputs, job, manifest, retries)
        fleet.run(workers, lambda name, bag: None)
    return fleet.bags


def last(folder: Path) -> dict[str, dict[str, object]]:
    with Manifest(folder / 'out', {}, False) as manifest:
        return manifest.last


def good(job: BagJob) -> str | None:
    return None


def stop(job: BagJob) -> str | None:
    raise KeyboardInterrupt


def test_every_bag_is_fused_once_by_all_workers(tmp_path: Path) -> None:
    workers = Scripted(2, good)
    bags = fuse(tmp_path, sources(tmp_path / 'in', *'abcde'), workers)
    assert workers.most == 2 and sorted(job.out.name for job in workers.jobs) == [*'abcde']
    assert {bag.status for bag in bags.values()} == {'done'}
    assert bags['a'].numbers == {'pairs': 4, 'fused': 3, 'seconds': 1.5}
    assert not any(job.resume or job.overwrite for job in workers.jobs)
    assert {name: row['status'] for name, row in last(tmp_path).items()} == dict.fromkeys(
        'abcde', 'done')


def test_a_bag_that_always_fails_is_given_up_and_stops_no_other(tmp_path: Path) -> None:
    workers = Scripted(2, lambda job: 'it is bad' if job.out.name == 'b' else None)
    bags = fuse(tmp_path, sources(tmp_path / 'in', *'abcd'), workers, retries=2)
    assert [bags[name].status for name in 'abcd'] == ['done', 'failed', 'done', 'done']
    assert bags['b'].attempts == 3 and bags['b'].reason == 'it is bad'
    row = last(tmp_path)['b']
    assert row['status'] == 'failed' and row['attempt'] == 3 and row['reason'] == 'it is bad'


def test_a_second_attempt_goes_on_with_the_first(tmp_path: Path) -> None:
    failures = ['the worker has ended']
    workers = Scripted(1, lambda job: failures.pop() if failures else None)
    bags = fuse(tmp_path, sources(tmp_path / 'in', 'a'), workers, retries=1)
    assert [job.resume for job in workers.jobs] == [False, True]
    assert bags['a'].status == 'done' and bags['a'].attempts == 2 and not bags['a'].reason


def test_the_next_run_does_only_what_is_left(tmp_path: Path) -> None:
    inputs = sources(tmp_path / 'in', *'abc')
    fuse(tmp_path, inputs, Scripted(1, lambda job: 'bad' if job.out.name == 'b' else None), 0)
    inputs |= sources(tmp_path / 'in', 'd')
    workers = Scripted(1, good)
    bags = fuse(tmp_path, inputs, workers)
    assert [(job.out.name, job.resume) for job in workers.jobs] == [('b', True), ('d', False)]
    assert [bags[name].status for name in 'abcd'] == ['done before', 'done', 'done before', 'done']
    assert (bags['a'].numbers or {})['fused'] == 3


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path) -> None:
    inputs = sources(tmp_path / 'in', *'ab')
    with pytest.raises(KeyboardInterrupt):
        fuse(tmp_path, inputs, Scripted(1, stop))
    workers = Scripted(1, good)
    fuse(tmp_path, inputs, workers)
    assert [(job.out.name, job.resume) for job in workers.jobs] == [('a', True), ('b', False)]


@pytest.mark.parametrize('change', ['grown', 'deleted'])
def test_what_is_not_as_it_was_is_fused_again(tmp_path: Path, change: str) -> None:
    inputs = sources(tmp_path / 'in', 'a')
    fuse(tmp_path, inputs, Scripted(1, good))
    if change == 'grown':
        inputs['a'].write_text('more than before')
    else:
        (tmp_path / 'out/a/metadata.yaml').unlink()
    with pytest.raises(KeyboardInterrupt):
        fuse(tmp_path, inputs, Scripted(1, stop))
    # The old result must not pass for that of the run that was stopped.
    workers = Scripted(1, lambda job: 'exists already')
    bags = fuse(tmp_path, inputs, workers, 0)
    assert workers.jobs[0].overwrite and bags['a'].status == 'failed'
    assert fuse(tmp_path, inputs, Scripted(1, good))['a'].status == 'done'


def test_a_worker_that_ended_before_it_could_tell_has_fused_the_bag(tmp_path: Path) -> None:
    inputs = sources(tmp_path / 'in', *'ab')

    def finish_and_end(job: BagJob) -> str:
        job.out.mkdir(exist_ok=True)
        source = str(job.source if job.out.name == 'a' else 'another')
        (job.out / 'summary.json').write_text(json.dumps({**NUMBERS, 'source': source}))
        return 'the worker has ended'

    bags = fuse(tmp_path, inputs, Scripted(1, finish_and_end), 0)
    assert bags['a'].status == 'done' and bags['b'].status == 'failed'


def test_a_result_of_somebody_else_stays(tmp_path: Path) -> None:
    inputs = sources(tmp_path / 'in', *'ab')
    (tmp_path / 'out/a').mkdir(parents=True)
    (tmp_path / 'out/a/summary.json').write_text(
        json.dumps({**NUMBERS, 'source': str(inputs['a'])}))
    workers = Scripted(1, good)
    bags = fuse(tmp_path, inputs, workers)
    assert bags['a'].status == 'failed' and '--overwrite' in bags['a'].reason
    assert [job.out.name for job in workers.jobs] == ['b']


def test_overwrite_begins_anew_and_can_be_gone_on_with(tmp_path: Path) -> None:
    inputs = sources(tmp_path / 'in', *'ab')
    fuse(tmp_path, inputs, Scripted(1, good))
    ended: list[str] = []

    def stop_at_the_second(job: BagJob) -> str | None:
        ended.append(job.out.name)
        return stop(job) if len(ended) == 2 else None

    with pytest.raises(KeyboardInterrupt):
        fuse(tmp_path, inputs, Scripted(1, stop_at_the_second), overwrite=True)
    workers = Scripted(1, good)
    bags = fuse(tmp_path, inputs, workers)
    assert [(job.out.name, job.overwrite, job.resume) for job in workers.jobs] == [
        ('b', True, True)]
    assert bags['a'].status == 'done before'
