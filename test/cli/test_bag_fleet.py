# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bag` with several bags, one after the other: options, table, status."""
from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from bag_files import command, contents, degfuse, noise, single_threaded, street

from degfuse_ros.cli.main import main

FAST = ('--model', 'lite', '--device', 'cpu')


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(['bag', *map(str, arguments)])
    output, errors = capsys.readouterr()
    return status, output, errors


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    status, output, errors = run(capsys, *arguments)
    line, = errors.splitlines()
    assert status == 1 and not output and line.startswith('degfuse bag: ')
    return line


def test_bags_of_a_pattern(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ('mon/a', 'tue/a'):
        street(tmp_path / 'in' / name, 0.4)
    out = tmp_path / 'out'
    call = (tmp_path / 'in/**/*.mcap', '--out', out, *FAST, '--every', '2')
    status, output, _ = run(capsys, *call)
    assert status == 0 and output.splitlines()[-1] == 'bags: 2 done'
    # One bag alone gives the same.
    assert main(['bag', str(tmp_path / 'in/tue/a'), '--out', str(tmp_path / 'one'), *FAST,
                 '--every', '2']) == 0
    assert contents(out / 'tue/a') == contents(tmp_path / 'one')
    before = (out / 'tue/a/a.mcap').stat()
    status, output, _ = run(capsys, *call)
    assert status == 0 and output.splitlines()[-1] == 'bags: 2 done before'
    assert (out / 'tue/a/a.mcap').stat() == before
    assert 'other settings: every.' in refused(capsys, *call[:-1], '3')
    assert run(capsys, *call[:-1], '1', '--overwrite')[0] == 0
    assert sum(topic == '/fused/image' for topic, _, _ in contents(out / 'tue/a')) == 4


def test_a_bad_bag_among_good_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = street(tmp_path / 'good', 0.4)
    (tmp_path / 'bad.mcap').write_text('no bag')
    status, output, _ = run(capsys, tmp_path / 'bad.mcap', good, '--out', tmp_path / 'out', *FAST,
                            '--retries', '1')
    assert status == 1 and output.splitlines()[-1] == 'bags: 1 failed, 1 done'
    row = next(line for line in output.splitlines() if line.startswith('bad  '))
    assert row.split()[1:3] == ['failed', '2'] and 'is not a bag' in row
    rows = [json.loads(line) for line in
            (tmp_path / 'out/manifest.jsonl').read_text().splitlines()]
    assert [(row['bag'], row['status']) for row in rows[1:]] == [
        ('bad', 'started'), ('bad', 'failed'), ('good', 'started'), ('good', 'done'),
        ('bad', 'started'), ('bad', 'failed')]


def test_what_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = street(tmp_path / 'in/bag', 0.2)
    out = ('--out', tmp_path / 'out')
    for arguments, words in (
            ((tmp_path / 'in/*.db3', *out), 'matches no bag'),
            ((bag, tmp_path / 'gone', *out), 'matches no bag'),
            ((tmp_path / 'in/*', *out, '--video', tmp_path / 'x.mp4'), '--video is for one bag'),
            ((tmp_path / 'in/*', '--out', bag / 'metadata.yaml'), 'cannot be written')):
        assert words in refused(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['in']
    assert 'huge' in refused(capsys, tmp_path / 'in/*', *out, '--model', 'huge')


@pytest.mark.parametrize('option', [('--cores', '0'), ('--retries', '-1')])
def test_bad_options(option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['bag', 'in', '--out', 'out', *option])
    assert option[0] in capsys.readouterr().err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_stopped_is_gone_on_with(tmp_path: Path, number: signal.Signals) -> None:
    bags, out = tmp_path / 'in', tmp_path / 'out'
    for name in 'ab':
        noise(bags / name, 8.0)
    call = ('bag', bags / '*', '--out', out, *FAST)
    process = subprocess.Popen(command(*call), text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=single_threaded())
    deadline = time.monotonic() + 120
    half = out / '.b.partial/b/b.mcap'
    while not (half.exists() and half.stat().st_size > 50_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 130 and 'bags: 1 done, 1 started' in output
        line, = errors.splitlines()
        assert 'interrupted' in line and 'go on' in line
    result = degfuse(*call, env=single_threaded())
    assert result.returncode == 0, result.stderr
    assert 'bags: 1 done before, 1 done' in result.stdout
    assert json.loads((out / 'b/summary.json').read_text())['fused_by_an_earlier_run'] > 0
    assert contents(out / 'b') == contents(out / 'a')  # the two bags hold the same
