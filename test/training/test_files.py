# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Files are replaced whole or not at all."""

from pathlib import Path

import pytest

from degfuse_ros.training.files import replaced


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path):
    path = tmp_path / 'deep' / 'file.txt'
    with replaced(path) as unfinished:
        unfinished.write_text('old')
    with pytest.raises(OSError, match='disk'), replaced(path) as unfinished:
        unfinished.write_text('half a new')
        raise OSError('disk full')
    assert path.read_text() == 'old'
    with replaced(path) as unfinished:
        unfinished.write_text('new')
        assert path.read_text() == 'old' and unfinished.suffix == '.txt'
    assert [each.name for each in path.parent.iterdir()] == ['file.txt']
    assert path.read_text() == 'new'
