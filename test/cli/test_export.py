# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse export` as a user meets it."""

import subprocess
import sys
from pathlib import Path

import pytest
from privilege import WITHOUT_PRIVILEGE
from small_model import write_small_model

WITHOUT_ONNX = ('import sys; sys.modules["onnx"] = None; '
                'from degfuse_ros.cli.main import main; sys.exit(main())')


def export(*arguments: Path | str, program: tuple[str, ...] = ('-m', 'degfuse_ros.cli.main')
           ) -> subprocess.CompletedProcess[str]:
    command = [*WITHOUT_PRIVILEGE, sys.executable, *program, 'export', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)


def test_the_file_is_written_and_runs(tmp_path: Path) -> None:
    for name in ('onnx', 'onnxscript'):
        pytest.importorskip(
            name, reason=f'{name} is not installed: pip install -r requirements/export.txt')
    import numpy as np
    import onnxruntime
    model = write_small_model(tmp_path / 'small.safetensors')
    out = tmp_path / 'deep' / 'small.onnx'
    result = export('--format', 'onnx', '--out', out, '--model', model, '--size', '64x48')
    assert result.returncode == 0, result.stderr
    assert result.stderr == '' and str(out) in result.stdout and 'MiB' in result.stdout
    opened = onnxruntime.InferenceSession(out, providers=['CPUExecutionProvider'])
    image = opened.run(['image'], {'visible': np.zeros((1, 48, 64, 3), np.uint8),
                                   'thermal': np.zeros((1, 48, 64), np.uint8)})[0]
    assert image.shape == (1, 48, 64, 3)


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    out = tmp_path / 'model.onnx'
    out.write_text('precious')
    result = export('--out', out)
    assert result.returncode == 1 and result.stderr.count('\n') == 1
    assert f'{out} exists already: give another --out' in result.stderr
    assert out.read_text() == 'precious'


def test_a_place_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    locked = tmp_path / 'locked'
    locked.mkdir(mode=0o500)
    result = export('--out', locked / 'model.onnx', '--model', 'none')
    assert result.returncode == 1 and result.stderr.count('\n') == 1
    assert f'{locked} cannot be written: Permission denied' in result.stderr


@pytest.mark.parametrize('program, words', [
    (('-c', WITHOUT_ONNX), 'pip install -r requirements/export.txt'),
    (('-m', 'degfuse_ros.cli.main'), "no model named 'none'"),
])
def test_what_is_missing_is_named_on_one_line(tmp_path: Path, program: tuple[str, ...],
                                              words: str) -> None:
    if 'none' in words:
        pytest.importorskip(
            'onnxscript', reason='without onnxscript the command ends before the model is sought')
    result = export('--out', tmp_path / 'model.onnx', '--model', 'none', program=program)
    assert result.returncode == 1 and result.stderr.count('\n') == 1
    assert words in result.stderr and not (tmp_path / 'model.onnx').exists()
