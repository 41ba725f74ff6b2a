# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Ray of this machine with the real model: kills, interrupts, and who can reach it."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bag_files import command, contents, degfuse, noise, one_line, single_threaded
from ray_processes import descendants, listening, variable

from degfuse_ros.cli.main import main

FAST = ('--model', 'lite', '--device', 'cpu')
NAMES = ('a', 'b', 'deep/c', 'd')
LOOPBACK = {'0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000'}
PAIRS = 120  # some seconds of work


@pytest.fixture(scope='module')
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two long bags, two short ones, and a bad one."""
    folder = tmp_path_factory.mktemp('fleet') / 'in'
    for name, seconds in zip(NAMES, (PAIRS / 10, PAIRS / 10, 0.5, 0.5)):
        noise(folder / name, seconds)
    (folder / 'bad.mcap').write_text('no bag')
    return folder


@pytest.fixture(scope='module')
def wanted(bags: Path) -> dict[str, Any]:
    """What comes of the bags one after the other, without Ray."""
    out = bags.parent / 'wanted'
    result = degfuse('bag', bags / '**/*.mcap', '--out', out, *FAST, env=single_threaded())
    assert result.returncode == 1, result.stderr
    assert 'bags: 4 done, 1 failed' in result.stdout, result.stdout
    return {name: contents(out / name) for name in NAMES}


def environment() -> dict[str, str]:
    """Two cores, whatever the machine has: two workers."""
    return {**single_threaded(), 'RAY_OVERRIDE_RESOURCES': json.dumps({'CPU': 2})}


def begun(bags: Path, out: Path) -> subprocess.Popen[str]:
    """Start a run by two workers."""
    return subprocess.Popen(
        command('bag', bags / '**/*.mcap', '--out', out, '--ray', *FAST), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())


def wait_for_some_pairs(process: subprocess.Popen[str], out: Path, bag: str) -> None:
    half = out / f'.{bag}.partial/{bag}/{bag}.mcap'
    deadline = time.monotonic() + 120
    # A pair takes 9 kB.
    while not (half.exists() and half.stat().st_size > 50_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / 'manifest.jsonl').read_text().splitlines()]


def workers_of(out: Path, bag: str) -> list[str]:
    """Return the workers that a bag was given to."""
    return [row['worker'] for row in rows(out)
            if row.get('bag') == bag and row['status'] == 'started']


def test_killed_workers_are_replaced_and_their_bags_gone_on_with(
        bags: Path, wanted: dict[str, Any], tmp_path: Path) -> None:
    process = begun(bags, tmp_path / 'out')
    killed = []
    for bag in ('a', 'b'):
        wait_for_some_pairs(process, tmp_path / 'out', bag)
        killed += workers_of(tmp_path / 'out', bag)
        os.kill(int(killed[-1].rpartition(':')[2]), signal.SIGKILL)
    output, errors = process.communicate(timeout=150)
    assert process.returncode == 1, errors
    assert 'a: again: the worker ' in output and 'bags: 4 done, 1 failed' in output, output
    table = {line.split()[0]: line.split() for line in output.splitlines()[-6:]}
    assert table['a'][1:4] == ['done', '2', str(PAIRS)]
    assert table['b'][1:4] == ['done', '2', str(PAIRS)]
    assert table['bad'][1:3] == ['failed', '3']
    assert len(set(killed)) == 2
    for bag in ('a', 'b'):
        first, second = workers_of(tmp_path / 'out', bag)
        assert first in killed and second not in killed
    summary = json.loads((tmp_path / 'out/a/summary.json').read_text())
    assert 0 < summary['fused_by_an_earlier_run'] < PAIRS
    assert {name: contents(tmp_path / 'out' / name) for name in NAMES} == wanted
    assert not list((tmp_path / 'out').rglob('.*'))


def test_an_interrupted_run_is_gone_on_with_without_ray(
        bags: Path, wanted: dict[str, Any], tmp_path: Path) -> None:
    process = begun(bags, tmp_path / 'out')
    wait_for_some_pairs(process, tmp_path / 'out', 'a')
    started = descendants(process.pid)
    assert len(started) > 4
    for number in started:  # nobody outside this machine reaches it, and it tells nobody
        assert listening(number) <= LOOPBACK
        assert variable(number, 'RAY_USAGE_STATS_ENABLED') == '0'
    assert any(listening(number) for number in started)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and 'go on with the same command' in errors, errors
    row = next(line for line in output.splitlines() if line.startswith('a  '))
    assert row.split()[1:3] == ['started', '1']
    deadline = time.monotonic() + 20
    while any(Path(f'/proc/{number}').exists() for number in started):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    result = degfuse('bag', bags / '**/*.mcap', '--out', tmp_path / 'out', *FAST,
                     '--retries', '0', env=single_threaded())
    assert result.returncode == 1 and ' 1 failed' in result.stdout.splitlines()[-1], result.stderr
    summary = json.loads((tmp_path / 'out/a/summary.json').read_text())
    assert 0 < summary['fused_by_an_earlier_run'] < PAIRS
    assert {name: contents(tmp_path / 'out' / name) for name in NAMES} == wanted


def test_workers_that_cannot_load_end_the_run(bags: Path, tmp_path: Path) -> None:
    result = degfuse('bag', bags / 'a', '--out', tmp_path / 'out', '--ray', '--model', 'huge',
                     '--device', 'cpu', env=environment())
    assert 'huge' in one_line(result, 'bag')
    assert len(rows(tmp_path / 'out')) == 1


def test_what_is_refused_before_ray_starts(bags: Path, tmp_path: Path, monkeypatch:
                                           pytest.MonkeyPatch, capsys:
                                           pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    monkeypatch.setattr(os, 'environ', os.environ.copy())
    for address, words in (('local', 'requirements/ray.txt'), ('127.0.0.1:9', 'refused'),
                           ('nowhere:x', "'x'"), ('ray://127.0.0.1:9', 'refused')):
        call = ['bag', str(bags / 'a'), '--out', str(tmp_path / 'out'), '--ray', address, *FAST]
        assert main(call) == 1
        line, = capsys.readouterr().err.splitlines()
        assert line.startswith('degfuse bag: ') and words in line
