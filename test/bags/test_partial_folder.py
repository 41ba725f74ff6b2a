# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The hidden folder of an unfinished bag."""
from __future__ import annotations

from pathlib import Path

import pytest

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.partial_folder import PartialFolder

RECORD = {'bag': '/a', '--every': 1, 'parameters': {'sync_slop': 0.02}}


def begun(out: Path, resume: bool = False, **changes: object) -> tuple[PartialFolder, bool]:
    folder = PartialFolder(out)
    folder.check(False, resume)
    return folder, folder.begin({**RECORD, **changes}, resume)


def test_the_name_comes_with_the_end(tmp_path: Path) -> None:
    folder, found = begun(tmp_path / 'deep' / 'out')
    assert not found and folder.bag.name == 'out'
    folder.bag.mkdir()
    (folder.bag / 'out.mcap').write_text('x')
    assert not (tmp_path / 'deep' / 'out').exists()
    assert [path.name for path in (tmp_path / 'deep').iterdir()] == ['.out.partial']
    folder.finish()
    assert (tmp_path / 'deep' / 'out' / 'out.mcap').read_text() == 'x'
    assert [path.name for path in (tmp_path / 'deep').iterdir()] == ['out']


def unfinished(out: Path) -> None:
    folder, _ = begun(out)
    folder.bag.mkdir()
    (folder.bag / 'out.mcap').write_text('half')
    folder.leave()


def test_an_unfinished_run_is_gone_on_with_only_when_asked(tmp_path: Path) -> None:
    unfinished(tmp_path / 'out')
    with pytest.raises(BagError, match='--resume'):
        begun(tmp_path / 'out')
    folder, found = begun(tmp_path / 'out', resume=True)
    assert found and folder.unfinished.read_text() == 'half' and not folder.bag.exists()
    folder.leave()
    # Killed right now, the next one finds it again.
    folder, found = begun(tmp_path / 'out', resume=True)
    assert found and folder.unfinished.read_text() == 'half'


def test_one_run_at_a_time(tmp_path: Path) -> None:
    first, _ = begun(tmp_path / 'out')
    for overwrite, resume in ((True, False), (False, True)):
        second = PartialFolder(tmp_path / 'out')
        second.check(overwrite, resume)
        with pytest.raises(BagError, match='another run'):
            second.begin(RECORD, resume)
    first.bag.mkdir()
    first.finish()
    begun(tmp_path / 'other')


def test_only_with_the_same_settings(tmp_path: Path) -> None:
    unfinished(tmp_path / 'out')
    with pytest.raises(BagError, match='--every, parameters differ'):
        begun(tmp_path / 'out', resume=True, **{'--every': 2, 'parameters': {}})


def test_resume_without_anything_begins_anew(tmp_path: Path) -> None:
    _, found = begun(tmp_path / 'out', resume=True)
    assert not found


def test_overwrite(tmp_path: Path) -> None:
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'metadata.yaml').write_text('old')
    with pytest.raises(BagError, match='exists already'):
        PartialFolder(out).check(overwrite=False, resume=True)
    folder = PartialFolder(out)
    folder.check(overwrite=True, resume=False)
    folder.begin(RECORD, resume=False)
    folder.bag.mkdir()
    (folder.bag / 'metadata.yaml').write_text('new')
    assert (out / 'metadata.yaml').read_text() == 'old'  # to the very end
    folder.finish()
    assert (out / 'metadata.yaml').read_text() == 'new'
    assert [path.name for path in tmp_path.iterdir()] == ['out']


def test_only_bags_are_overwritten(tmp_path: Path) -> None:
    home = tmp_path / 'home'
    home.mkdir()
    (home / 'thesis.tex').write_text('')
    (tmp_path / 'file').write_text('')
    (tmp_path / 'link').symlink_to(home)
    for name in ('home', 'file', 'link'):
        with pytest.raises(BagError, match='not a bag'):
            PartialFolder(tmp_path / name).check(overwrite=True, resume=False)


def test_places_where_nothing_can_be(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot be a bag'):
        PartialFolder(Path('/'))
    with pytest.raises(BagError, match='cannot be written'):
        begun(tmp_path / 'file' / 'out')
