# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse latency`: three real processes over real DDS, in short."""
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest


def latency(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'degfuse_ros.cli.main', 'latency', '--device', 'cpu',
         '--model', 'lite', *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True,
        timeout=170, check=False,
        env={**os.environ, 'OMP_NUM_THREADS': '1'})


def test_a_short_run_counts_every_pair(tmp_path: Path) -> None:
    file = tmp_path / 'latency.json'
    result = latency('--size', '64x48', '--rate', '5', '--seconds', '4', '--json', str(file))
    assert result.returncode == 0, result.stderr
    numbers = json.loads(file.read_text())
    # A busy machine publishes more slowly, and then more of the 45 pairs come after five seconds.
    assert 19 <= numbers['published'] <= 45 and numbers['rate_hz'] < 5.5
    assert numbers['received'] + numbers['lost'] == numbers['published']
    # At this size the engine keeps up on the slowest machine; a few pairs may be skipped.
    assert numbers['received'] > 10
    # What another process sees is later than what the node and its engine take.
    assert 0 < numbers['engine_ms'] < numbers['latency_ms']['max']
    assert numbers['node_ms'] > 0 and 0 < numbers['node_cores'] < numbers['cores'] < 2
    assert all(window['memory_mib'] is None or 100 < window['memory_mib'] < 4000
               for window in numbers['windows'])
    assert any(window['memory_mib'] is not None for window in numbers['windows'])
    assert 'lite.safetensors' in numbers['model']
    assert 'stamp to another process: p50' in result.stdout


def test_a_node_that_cannot_start_is_reported_in_its_own_words() -> None:
    result = latency('--model', 'none')
    assert result.returncode == 1
    assert "no model named 'none'" in result.stderr and 'Traceback' not in result.stderr


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--json', '/proc/latency.json'), '/proc cannot be written'),
    (('--json', 'models/lite.safetensors'), 'is a place for weights'),
    (('--rate', '2', '--seconds', '0.9'), '--rate 2 and --seconds 0.9 make fewer than two pairs'),
])
def test_what_cannot_be_done_is_refused_before_anything_runs(arguments: tuple[str, ...],
                                                             words: str) -> None:
    result = latency(*arguments)
    assert result.returncode == 1 and result.stdout == '' and result.stderr.count('\n') == 1
    assert words in result.stderr


def test_the_progress_is_shown_on_a_terminal() -> None:
    ours, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('4H', 24, 80, 0, 0))
    result = latency('--size', '64x48', '--rate', '5', '--seconds', '1', stderr=terminal)
    os.close(terminal)
    shown = os.read(ours, 2 ** 16).decode()
    os.close(ours)
    assert result.returncode == 0, shown
    assert '6/6' in shown, shown
