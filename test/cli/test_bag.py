# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bag` as a process: options, interrupts, kills, full disks, bad input."""
from __future__ import annotations

import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest
from bag_files import (
    command,
    contents,
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

FAST = ('--model', 'lite', '--device', 'cpu')
PAIRS = 150  # some seconds of work: time to be interrupted in


@pytest.fixture(scope='module')
def long_bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise(tmp_path_factory.mktemp('bags') / 'long', PAIRS / 10, sixteen_bits=True)


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
    # The header alone is smaller; an image has 9 kB.
    while not (partial(out).exists() and partial(out).stat().st_size > 200_000):
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
    line = one_line(degfuse('bag', bag, '--out', out, *FAST, '--keep'), 'bag')
    assert '--resume' in line and '--overwrite' in line
    line = one_line(degfuse('bag', bag, '--out', out, *FAST, '--resume'), 'bag')
    assert 'kept topics' in line
    result = degfuse('bag', bag, '--out', out, *FAST, '--keep', '--resume', env=single_threaded())
    assert result.returncode == 0, result.stderr
    assert f'fused {PAIRS}, {done} of them by an earlier run' in result.stdout
    assert contents(out) == whole
    assert not partial(out).parent.parent.exists()


def test_killed_run_opens_and_is_gone_on_with(long_bag: Path, tmp_path: Path,
                                              whole: list[tuple[str, int, bytes]]) -> None:
    result = stopped_half_way(long_bag, tmp_path / 'out', signal.SIGKILL)
    assert result.returncode == -signal.SIGKILL
    assert not (tmp_path / 'out').exists()
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
        resource.setrlimit(resource.RLIMIT_FSIZE, (800_000, 800_000))

    result = degfuse('bag', long_bag, '--out', tmp_path / 'out', *FAST, '--keep',
                     env=single_threaded(), preexec_fn=limit)
    line = one_line(result, 'bag')
    assert 'File too large' in line and 'Stopped after ' in line and '--resume' in line
    check_resumed(long_bag, tmp_path / 'out', whole)


def test_output_that_exists(tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 0.5)
    out = tmp_path / 'out'
    assert degfuse('bag', bag, '--out', out, *FAST).returncode == 0
    before = contents(out)
    assert '--overwrite' in one_line(degfuse('bag', bag, '--out', out, *FAST), 'bag')
    assert contents(out) == before
    result = degfuse('bag', bag, '--out', out, *FAST, '--overwrite', '--every', '5')
    assert result.returncode == 0, result.stderr
    assert sum(topic == '/fused/image' for topic, _, _ in contents(out)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bag', 'out']


def test_parameters_of_the_node(tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 1.0, rate=10.0, thermal_rate=5.0)
    params = tmp_path / 'fuse.yaml'
    params.write_text('/**:\n  ros__parameters:\n    pairing: nearest\n    output_encoding: mono8\n'
                      '    model: lite\n    use_sim_time: true\n    sync_slob: 3.0\n')
    result = degfuse('bag', bag, '--out', tmp_path / 'out', '--params', params, '--device', 'cpu',
                     '--set', 'output_encoding=bgr8')
    assert result.returncode == 0, result.stderr
    assert 'sync_slob' in result.stderr and 'use_sim_time' not in result.stderr
    with BagReader(tmp_path / 'out') as reader:
        assert reader.topics['/fused/image'].count >= 9  # exact_once would give five
    from bag_files import decoded
    assert {each.encoding for each in decoded(tmp_path / 'out', '/fused/image')} == {'bgr8'}


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', [*pair_messages(2), ('/third/image', 0.5, image(1))])
    (tmp_path / 'text').write_text('this is no bag')
    out = tmp_path / 'out'
    single = write_bag(tmp_path / 'single', pair_messages(1)[:1])
    cases: list[tuple[tuple[object, ...], str]] = [
        ((tmp_path / 'gone',), 'does not exist'), ((tmp_path / 'text',), 'is not a bag'),
        ((single,), 'the bag has'), ((bag, '--visible', '/nowhere'), "no topic '/nowhere'"),
        ((bag, '--start', '99'), 'behind the end'), ((bag, '--set', 'x=1'), 'NAME=VALUE'),
        ((bag, '--set', 'sync_slop=99'), 'sync_slop must be'),
        ((bag, '--params', tmp_path / 'text'), 'sets nothing'),
        ((bag, '--model', 'huge'), 'huge'), ((bag, '--device', 'tpu'), 'tpu'),
        ((bag, '--video', tmp_path / 'x.avi'), 'mp4'),
        ((bag, '--video', tmp_path / 'gone' / 'x.mp4'), 'folder that exists')]
    for arguments, words in cases:
        line = one_line(degfuse('bag', *arguments, '--out', out), 'bag')  # type: ignore[arg-type]
        assert words in line, line
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bag', 'single', 'text']


@pytest.mark.parametrize('arguments', [
    ('--start', '-1'), ('--duration', 'nan'), ('--every', '0'), ('--every', 'x')])
def test_bad_options(arguments: tuple[str, str]) -> None:
    result = degfuse('bag', 'in', '--out', 'out', *arguments)
    assert result.returncode == 2 and arguments[0] in result.stderr
    assert len(result.stderr.splitlines()) == 1
