# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The manifest: what it remembers, what it refuses."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.fleet.manifest import NAME, Manifest

SETTINGS = {'model': 'lite', 'start': 0.0}


def written(folder: Path) -> Path:
    with Manifest(folder, SETTINGS, False) as manifest:
        manifest.add('a', 'started', worker='x')
        manifest.add('a', 'done', pairs=3)
        manifest.add('b', 'started')
    return folder / NAME


def refused(folder: Path, settings: dict[str, object] = SETTINGS) -> str:
    with pytest.raises(BagError) as raised:
        Manifest(folder, settings, False)
    assert '\n' not in str(raised.value)
    return str(raised.value)


def test_the_last_line_about_each_bag_is_found_again(tmp_path: Path) -> None:
    text = written(tmp_path / 'new' / 'out').read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line.get('bag') for line in lines] == [None, 'a', 'a', 'b']
    assert all(line['time'].endswith('+00:00') for line in lines)
    with Manifest(tmp_path / 'new' / 'out', SETTINGS, False) as manifest:
        assert {name: row['status'] for name, row in manifest.last.items()} == {
            'a': 'done', 'b': 'started'}
        assert manifest.last['a']['pairs'] == 3 and not manifest.overwrite


@pytest.mark.parametrize('cut', [1, 5, 20])
def test_a_last_line_that_was_cut_off_is_forgotten_and_written_over(
        tmp_path: Path, cut: int) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Manifest(tmp_path, SETTINGS, False) as manifest:
        assert list(manifest.last) == ['a']
        manifest.add('c', 'started')
    assert path.read_bytes().startswith(whole[:whole.rindex(b'\n', 0, -1) + 1])
    with Manifest(tmp_path, SETTINGS, False) as manifest:
        assert list(manifest.last) == ['a', 'c']


def test_a_first_line_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"settings": {"mo')
    with Manifest(tmp_path, SETTINGS, False) as manifest:
        assert manifest.last == {}
    assert len((tmp_path / NAME).read_text().splitlines()) == 1


def test_other_settings_are_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    line = refused(tmp_path, {'model': 'base', 'start': 0.0, 'new': 1})
    assert 'other settings: model, new.' in line and '--overwrite' in line
    assert path.read_bytes() == before
    with Manifest(tmp_path, {'model': 'base'}, True) as manifest:
        assert manifest.last == {} and manifest.overwrite
    with Manifest(tmp_path, {'model': 'base'}, False) as manifest:
        assert manifest.overwrite  # a run that overwrites is gone on with


@pytest.mark.parametrize('damage', [b'half a li\n', b'[1]\n', b'{"bag": "a"'])
def test_damage_in_the_middle_is_told(tmp_path: Path, damage: bytes) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b''.join([*lines[:2], damage + b'\n', *lines[2:]]))
    assert 'line 3 of' in refused(tmp_path)


def test_a_file_of_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"name": "mine"}\n')
    assert 'not of a manifest' in refused(tmp_path)
    assert (tmp_path / NAME).read_text() == '{"name": "mine"}\n'


def test_two_runs_at_once(tmp_path: Path) -> None:
    with Manifest(tmp_path, SETTINGS, False):
        assert 'in use' in refused(tmp_path)
    with Manifest(tmp_path, SETTINGS, False) as manifest:
        assert manifest.last == {}


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    assert 'cannot be written' in refused(tmp_path / 'file')
