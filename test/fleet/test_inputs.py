# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What patterns match, and how results are called."""
from pathlib import Path

import pytest
from bag_files import pair_messages, write_bag

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.fleet.inputs import find_inputs, is_pattern, size_of


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('x')


def test_results_are_called_after_the_path_below_the_pattern(tmp_path: Path) -> None:
    files(tmp_path / 'in', 'a.mcap', 'mon/b.mcap', 'mon/deep/b.db3', 'mon/c.mcap.zstd', 'mon/text')
    found = find_inputs([tmp_path / 'in' / '**' / '*'], tmp_path / 'out')
    assert found == {name: tmp_path / 'in' / file for name, file in (
        ('a', 'a.mcap'), ('mon/b', 'mon/b.mcap'), ('mon/c', 'mon/c.mcap.zstd'),
        ('mon/deep/b', 'mon/deep/b.db3'))}
    assert list(find_inputs([tmp_path / 'in' / 'mon' / '*.mcap'], tmp_path / 'out')) == ['b']


def test_several_paths_are_named_below_the_folder_that_they_share(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, 'mon/a.mcap', 'tue/a.mcap')
    monkeypatch.chdir(tmp_path / 'mon')
    found = find_inputs([Path('a.mcap'), Path('../tue/*.mcap')], Path('out'))
    assert found == {'mon/a': tmp_path / 'mon/a.mcap', 'tue/a': tmp_path / 'tue/a.mcap'}


@pytest.mark.parametrize('pattern', ['in/**', 'in/**/split.x.mcap', 'in/*', 'in/split.x'])
def test_a_split_bag_is_one_bag_by_whatever_it_is_matched(tmp_path: Path, pattern: str) -> None:
    bag = write_bag(tmp_path / 'in' / 'split.x', pair_messages(2))
    assert find_inputs([tmp_path / pattern], tmp_path / 'out') == {'split.x': bag}


def test_a_pattern_within_a_bag_gives_the_bag_its_own_name(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(2))
    assert find_inputs([bag / '*.mcap'], tmp_path / 'out') == {'bag': bag}


def test_the_folder_of_the_results_is_not_read(tmp_path: Path) -> None:
    files(tmp_path, 'a.mcap', 'fused/old/old.mcap')
    assert list(find_inputs([tmp_path / '**' / '*.mcap'], tmp_path / 'fused')) == ['a']
    with pytest.raises(BagError, match='matches no bag'):
        find_inputs([tmp_path / 'fused' / '**' / '*.mcap'], tmp_path / 'fused')


@pytest.mark.parametrize(('names', 'patterns', 'words'), [
    (('a.mcap', 'a.db3'), ('*',), 'would both become a'),
    (('a.mcap', 'a/b.mcap'), ('**/*.mcap',), 'into the result of'),
    (('a.txt',), ('*',), 'matches no bag'),
    (('a.mcap',), ('*.mcap', '*.db3'), r'\*.db3 matches no bag'),
    (('a.mcap',), ('b.mcap',), 'matches no bag')])
def test_what_is_refused(tmp_path: Path, names: tuple[str, ...], patterns: tuple[str, ...],
                         words: str) -> None:
    files(tmp_path / 'in', *names)
    with pytest.raises(BagError, match=words) as raised:
        find_inputs([tmp_path / 'in' / pattern for pattern in patterns], tmp_path / 'out')
    assert '\n' not in str(raised.value)


def test_names_that_look_like_patterns_are_names_where_they_exist(tmp_path: Path) -> None:
    files(tmp_path, 'a[1].mcap')
    assert is_pattern(tmp_path / 'a[2].mcap') and not is_pattern(tmp_path / 'a[1].mcap')
    assert list(find_inputs([tmp_path / 'a[1].mcap'], tmp_path / 'out')) == ['a[1]']


def test_size(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', pair_messages(2))
    assert size_of(bag) == (bag / 'bag.mcap').stat().st_size > 0
    assert size_of(tmp_path / 'gone') == 0
