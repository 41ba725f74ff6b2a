# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The demo: three real processes over real DDS, in short."""
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
from PIL import Image


def demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'degfuse_ros.cli.main', 'demo', '--device', 'cpu', *arguments],
        capture_output=True, text=True, timeout=170, check=False,
        env={**os.environ, **environment})


def test_a_short_demo_fuses_and_tells_the_truth_about_it(tmp_path: Path) -> None:
    result = demo('--out', str(tmp_path), '--seconds', '6', '--size', '160x120')
    assert result.returncode == 0, result.stderr
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert summary['published'] == 60
    assert 8 < summary['published_rate_hz'] <= 10.5
    assert summary['fused'] + summary['not_fused'] == 60
    # At this size the engine keeps up on the slowest machine; a few pairs may be skipped.
    assert summary['fused'] > 30
    assert summary['without_truth'] == 0
    assert 0 < summary['latency_ms']['p50'] < 1000
    assert summary['judged'] > 10
    assert summary['diagnostics']['device'] == 'cpu'
    assert set(summary['classes']) == {'clean', 'fog', 'low_light', 'overexposed', 'rain'}
    for words in ('published 60 pairs', 'class right on', '  truth |', 'latency'):
        assert words in result.stdout
    sheet = cv2.imread(str(tmp_path / 'contact_sheet.png'))
    assert sheet is not None and sheet.shape[0] > 5 * 240  # five rows of panels
    with Image.open(tmp_path / 'demo.gif') as animation:
        assert getattr(animation, 'n_frames', 1) > 20


def test_a_node_that_cannot_start_is_reported_in_its_own_words(tmp_path: Path) -> None:
    result = demo('--out', str(tmp_path), '--model', 'none')
    assert result.returncode == 1
    assert "no model named 'none'" in result.stderr and 'Traceback' not in result.stderr
    assert not (tmp_path / 'summary.json').exists()


def test_without_ros_one_line_says_what_to_install(tmp_path: Path) -> None:
    program = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == 'rclpy' else find(name, *more)
from degfuse_ros.cli.main import main
sys.exit(main(['demo', '--out', sys.argv[1]]))
"""
    result = subprocess.run([sys.executable, '-c', program, str(tmp_path)], capture_output=True,
                            text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.count('\n') == 1
    assert 'rclpy cannot be imported' in result.stderr and 'make demo' in result.stderr


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    assert 'is a file: give a folder as --out' in refused('--out', str(tmp_path / 'file'))


def test_an_output_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    # Nobody can make a file in /proc, not even root.
    assert '/proc cannot be written' in refused('--out', '/proc')
    (tmp_path / 'demo.gif').mkdir()
    assert 'demo.gif is a folder' in refused('--out', str(tmp_path))


def test_a_drift_shorter_than_one_pair_is_refused(tmp_path: Path) -> None:
    message = refused('--out', str(tmp_path), '--seconds', '0.04', '--rate', '10')
    assert '--seconds 0.04' in message and 'give 0.1 or more' in message


def refused(*arguments: str) -> str:
    """Return the one line with which the demo ends at once."""
    result = demo(*arguments)
    assert result.returncode == 1 and result.stdout == ''
    assert result.stderr.count('\n') == 1
    return result.stderr
