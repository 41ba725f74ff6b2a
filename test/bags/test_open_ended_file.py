# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A file that always has its end."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from degfuse_ros.bags.open_ended_file import TAIL, OpenEndedFile


def test_commit_writes_over_the_former_end(tmp_path: Path) -> None:
    path = tmp_path / 'file'
    path.write_bytes(b'head and what is not wanted any more')
    file = OpenEndedFile(path, 4)
    file.write(b' one')
    assert (file.tell(), file.waiting) == (8, 4)
    file.commit()
    assert path.read_bytes() == b'head one' + TAIL
    file.write(memoryview(b' two'))
    assert path.read_bytes() == b'head one' + TAIL  # not before it is asked for
    file.commit()
    assert path.read_bytes() == b'head one two' + TAIL
    file.write(b'.')
    file.close()
    assert path.read_bytes() == b'head one two.'


def test_failed_commit_restores_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'file'
    path.write_bytes(b'head')
    file = OpenEndedFile(path, 4)
    file.write(b' one')
    file.commit()
    real = os.pwrite

    def full(descriptor: int, data: bytes, offset: int) -> int:
        """Take ten bytes, and then no more."""
        if len(data) > 100:
            return real(descriptor, bytes(data)[:10], offset)
        if len(data) > len(TAIL):
            raise OSError(28, 'No space left on device')
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, 'pwrite', full)
    file.write(bytes(55))
    with pytest.raises(OSError, match='No space'):
        file.commit()
    assert path.read_bytes() == b'head one' + TAIL
    file.abandon()


def test_short_writes_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'file'
    path.write_bytes(b'')
    real = os.pwrite
    monkeypatch.setattr(os, 'pwrite', lambda descriptor, data, offset: real(
        descriptor, bytes(data)[:7], offset))
    file = OpenEndedFile(path, 0)
    file.write(b'more than seven bytes at once')
    file.commit()
    assert path.read_bytes() == b'more than seven bytes at once' + TAIL
