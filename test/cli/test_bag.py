# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bag` as a process: options, interrupts, kills, full disks, bad input."""
from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bag_files import (
    command,
    contents,
    decoded,
    degfuse,
    image,
    noise,
    one_line,
    pair_messages,
    single_threaded,
    street,
    write_bag,
)

from degfuse_ros.bags.reader import BagReader
from degfuse_ros.cli.main import main

FAST = ('--model', 'lite', '--device', 'cpu')
PAIRS = 80  # some seconds of work: time to be interrupted in


@pytest.fixture(scope='module')
def long_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # 58 kB a pair, so that a megabyte, after which the file is brought up to date, comes soon.
    return noise(tmp_path_factory.mktemp('bags') / 'long', PAIRS / 10, (160, 120),
                 sixteen_bits=True)


@pytest.fixture(scope='module')
def whole(long_bag: Path) -> list[tuple[str, int, bytes]]:
    """What comes of the long bag in one go."""
    out = long_bag.parent / 'whole'
    result = degfuse('bag', long_bag, '--out', out, *FAST, '--keep', env=single_threaded())
    assert result.returncode == 0, result.stderr
    found = contents(out)
    assert sum(topic == '/fused/image' for topic, _, _ in found) == PAIRS
    return found


def partial(out: Path) -> Path:
    return out.with_name(f'.{out.name}.partial') / out.name / f'{out.name}.mcap'


def stopped_half_way(bag: Path, out: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Send a signal to a run when it has written some of its pairs."""
    process = subprocess.Popen(command('bag', bag, '--out', out, *FAST, '--keep'), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=single_threaded())
    deadline = time.monotonic() + 120
    while not (partial(out).exists() and partial(out).stat().st_size > 1_000_000):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, output, errors)


def check_resumed(bag: Path, out: Path, whole: list[tuple[str, int, bytes]]) -> None:
    """Check that what is there opens, and that going on gives the same bytes as one run."""
    there = contents(partial(out))  # by rosbags alone
    done = sum(topic == '/fused/image' for topic, _, _ in there)
    assert 0 < done < PAIRS and there == whole[:len(there)]
    result = degfuse('bag', bag, '--out', out, *FAST, '--keep', '--resume', env=single_threaded())
    assert result.returncode == 0, result.stderr
    assert f'fused {PAIRS}, {done} of them by an earlier run' in result.stdout
    assert contents(out) == whole
    assert not partial(out).parent.parent.exists()


def test_killed_run_opens_and_is_gone_on_with(
        long_bag: Path, tmp_path: Path, whole: list[tuple[str, int, bytes]],
        capsys: pytest.CaptureFixture[str]) -> None:
    result = stopped_half_way(long_bag, tmp_path / 'out', signal.SIGKILL)
    assert result.returncode == -signal.SIGKILL
    assert not (tmp_path / 'out').exists()
    call = ('bag', long_bag, '--out', tmp_path / 'out', *FAST)
    line = refused(capsys, *call, '--keep')
    assert '--resume' in line and '--overwrite' in line
    assert 'kept topics' in refused(capsys, *call, '--resume')
    check_resumed(long_bag, tmp_path / 'out', whole)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_says_how_far_and_is_gone_on_with(
        long_bag: Path, tmp_path: Path, whole: list[tuple[str, int, bytes]],
        number: signal.Signals) -> None:
    result = stopped_half_way(long_bag, tmp_path / 'out', number)
    assert result.returncode == 130
    line, = result.stderr.splitlines()
    assert line.startswith('degfuse bag: interrupted. Stopped after ') and '--resume' in line
    check_resumed(long_bag, tmp_path / 'out', whole)


def test_full_disk_says_how_far_and_is_gone_on_with(
        long_bag: Path, tmp_path: Path, whole: list[tuple[str, int, bytes]]) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_500_000, 2_500_000))

    result = degfuse('bag', long_bag, '--out', tmp_path / 'out', *FAST, '--keep',
                     env=single_threaded(), preexec_fn=limit)
    line = one_line(result, 'bag')
    there = contents(partial(tmp_path / 'out'))
    done = sum(topic == '/fused/image' for topic, _, _ in there)
    assert 'File too large' in line and f'Stopped after {done} pairs' in line
    assert '--resume' in line
    check_resumed(long_bag, tmp_path / 'out', whole)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Check that the command, in this process, says why it fails in one line, and return it."""
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == 1
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('degfuse bag: ')
    return line


def test_output_that_exists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = street(tmp_path / 'bag', 0.5)
    out = tmp_path / 'out'
    call = ['bag', str(bag), '--out', str(out), *FAST]
    assert main(call) == 0
    before = contents(out)
    assert '--overwrite' in refused(capsys, *call)
    assert contents(out) == before
    assert main([*call, '--overwrite', '--every', '5']) == 0
    assert sum(topic == '/fused/image' for topic, _, _ in contents(out)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bag', 'out']


def test_parameters_of_the_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = street(tmp_path / 'bag', 1.0, rate=10.0, thermal_rate=5.0)
    params = tmp_path / 'fuse.yaml'
    params.write_text('/**:\n  ros__parameters:\n    pairing: nearest\n    model: lite\n'
                      '    output_encoding: mono8\n    use_sim_time: true\n    sync_slob: 3.0\n')
    assert main(['bag', str(bag), '--out', str(tmp_path / 'out'), '--params', str(params),
                 '--device', 'cpu', '--set', 'output_encoding=bgr8']) == 0
    errors = capsys.readouterr().err
    assert 'sync_slob' in errors and 'use_sim_time' not in errors
    with BagReader(tmp_path / 'out') as reader:
        assert reader.topics['/fused/image'].count >= 9  # exact_once would give five
    assert {each.encoding for each in decoded(tmp_path / 'out', '/fused/image')} == {'bgr8'}


def test_bad_input_is_one_line_and_leaves_nothing(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / 'bag', [*pair_messages(2), ('/third/image', 0.5, image(1))])
    (tmp_path / 'text').write_text('this is no bag')
    single = write_bag(tmp_path / 'single', pair_messages(1)[:1])
    named = (bag, '--visible', '/visible/image')
    cases: list[tuple[tuple[object, ...], str]] = [
        ((tmp_path / 'gone',), 'does not exist'), ((tmp_path / 'text',), 'is not a bag'),
        ((single,), 'the bag has'), ((bag, '--visible', '/nowhere'), "no topic '/nowhere'"),
        ((*named, '--start', '99'), 'behind the end'), ((*named, '--set', 'x=1'), 'NAME=VALUE'),
        ((*named, '--set', 'sync_slop=99'), 'sync_slop must be'),
        ((*named, '--params', tmp_path / 'text'), 'sets nothing'),
        ((*named, '--model', 'huge'), 'huge'), ((*named, '--device', 'tpu'), 'tpu'),
        ((*named, '--video', tmp_path / 'x.avi'), 'mp4'),
        ((*named, '--video', tmp_path / 'gone' / 'x.mp4'), 'folder that exists')]
    for arguments, words in cases:
        line = refused(capsys, 'bag', *arguments, '--out', tmp_path / 'out')
        assert words in line, line
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bag', 'single', 'text']


@pytest.mark.parametrize('arguments', [
    ('--start', '-1'), ('--duration', 'nan'), ('--every', '0'), ('--every', 'x')])
def test_bad_options(arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(['bag', 'in', '--out', 'out', *arguments])
    line, = capsys.readouterr().err.splitlines()
    assert raised.value.code == 2 and arguments[0] in line


def test_a_bag_is_refused_without_loading_torch(tmp_path: Path) -> None:
    program = ("import sys; from degfuse_ros.cli.main import main; "
               "status = main(['bag', sys.argv[1], '--out', sys.argv[1] + '_out']); "
               "sys.exit(9 if 'torch' in sys.modules else status)")
    result = subprocess.run([sys.executable, '-c', program, str(tmp_path / 'gone')],
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1 and 'does not exist' in result.stderr
