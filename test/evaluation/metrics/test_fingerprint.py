# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The metrics' hash follows their names and their bytes."""

import hashlib
import shutil
from pathlib import Path

import pytest

from degfuse_ros.evaluation.metrics import code_hash, fingerprint


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
