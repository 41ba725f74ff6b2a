# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Hashes of files follow their names and their bytes."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from degfuse_ros.evaluation.metrics import code_hash, fingerprint
from degfuse_ros.evaluation.metrics.fingerprint import hash_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the metrics that is hashed in their place."""
    copy = tmp_path / 'metrics'
    shutil.copytree(Path(fingerprint.__file__).parent, copy,
                    ignore=shutil.ignore_patterns('__pycache__'))
    monkeypatch.setattr(fingerprint, '__file__', str(copy / 'fingerprint.py'))
    return copy


def test_a_copy_has_the_same_hash(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = code_hash()
    monkeypatch.undo()
    assert code_hash() == copied
    assert len(copied) == len(hashlib.sha256().hexdigest())


@pytest.mark.skipif(shutil.which('sha256sum') is None, reason='sha256sum is not installed')
def test_the_hash_is_that_of_the_command_that_it_names(tmp_path: Path) -> None:
    names = ['b/Z.png', 'b/a.png', 'a/é c.png', 'A.png']
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() * 3)
    command = 'sha256sum "$@" | LC_ALL=C sort -u | sha256sum'
    said = subprocess.run(['sh', '-c', command, 'sh', *names, 'A.png'], cwd=tmp_path, check=True,
                          capture_output=True, text=True).stdout
    paths = [tmp_path / name for name in reversed(names)]
    assert hash_files(paths, tmp_path) == said.split()[0] == hash_files(2 * paths, tmp_path)


def test_names_and_bytes_count_and_other_files_do_not(folder: Path) -> None:
    hashes = [code_hash()]
    (folder / 'notes.txt').write_text('not code')
    assert code_hash() == hashes[0]
    with (folder / 'edges.py').open('a') as file:
        file.write('#')
    hashes.append(code_hash())
    (folder / 'edges.py').rename(folder / 'borders.py')
    hashes.append(code_hash())
    assert len(set(hashes)) == 3
