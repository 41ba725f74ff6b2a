# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The command as a user meets it: help, and complaints of one line."""
import subprocess
import sys

import pytest


def degfuse(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, '-m', 'degfuse_ros.cli.main', *arguments],
                          capture_output=True, text=True, timeout=100, check=False)


COMMANDS = ('fuse', 'demo', 'calibrate', 'evaluate', 'bench', 'latency', 'train', 'export')


def test_help_names_every_command() -> None:
    result = degfuse('--help')
    assert result.returncode == 0
    assert all(name in result.stdout for name in COMMANDS)


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = degfuse(command, '--help')
    assert result.returncode == 0 and f'degfuse {command}' in result.stdout


def test_help_needs_neither_torch_nor_opencv_nor_ros() -> None:
    program = """
import sys
from degfuse_ros.cli.main import build_parser
build_parser().format_help()
heavy = {'torch', 'cv2', 'rclpy', 'numpy'} & set(sys.modules)
sys.exit(f'imported {sorted(heavy)}' if heavy else 0)
"""
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            timeout=100, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(('arguments', 'words'), [
    ((), 'COMMAND'),
    (('melt',), "invalid choice: 'melt'"),
    (('fuse', '--visible', 'x'), '--thermal, --out'),
    (('demo', '--size', '640'), "got '640'"),
    (('demo', '--rate', '0'), "got '0'"),
    (('demo', '--seconds', 'soon'), "got 'soon'"),
    (('fuse', '--nonsense'), 'required'),
    (('export',), '--out'),
    (('export', '--out', 'x', '--format', 'tensorrt'), "invalid choice: 'tensorrt'"),
    (('export', '--out', 'x', '--size', '640'), "give a size as 640x480; got '640'"),
    (('export', '--out', 'x', '--size', '640x8'), 'from 32x32'),
    (('export', '--out', 'x', '--opset', '9'), 'invalid choice: 9'),
    (('export', '--out', ''), "give a path, or . for this folder; got ''"),
])
def test_a_wrong_argument_ends_with_one_line_and_status_2(arguments: tuple[str, ...],
                                                         words: str) -> None:
    result = degfuse(*arguments)
    assert result.returncode == 2
    assert result.stderr.count('\n') == 1 and words in result.stderr
    assert 'Try degfuse' in result.stderr
