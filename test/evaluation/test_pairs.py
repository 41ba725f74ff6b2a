# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Pairs of an evaluation: all that can be used are found, and all that cannot are named."""

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training_pairs import COLUMNS, street, write_image, write_pairs

from degfuse_ros.evaluation.pairs import (
    EvaluationPair,
    PairError,
    find_pairs,
    in_order,
    limit,
    shared_names,
)

PERCENTILES = (0.0, 100.0)
ORIENTATION = 274  # Exif tag


def write_table(root: Path, rows: Sequence[Sequence[str]], encoding: str = 'utf-8') -> None:
    with (root / 'pairs.csv').open('w', newline='', encoding=encoding) as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def make_pair(root: Path) -> EvaluationPair:
    """A pair whose files are still to be written."""
    return EvaluationPair('one', 'set', 'set_val', 'clean', root / 'v.png', root / 't.png')


def make_files(root: Path, *names: str) -> Path:
    """Write pairs in the layout of plain folders."""
    for index, name in enumerate(names):
        for kind, image in zip(('visible', 'thermal'), street(index)):
            write_image(root / kind / name, image)
    return root


def assert_one_line(message: str) -> None:
    assert '\n' not in message
    assert message


# --- which pairs ---

def test_plain_folders_are_taken_whole_whatever_the_split(tmp_path: Path) -> None:
    root = make_files(tmp_path / 'street', 'b.png', 'a.jpg')
    pairs, problems = find_pairs(root, 'no such split')
    assert [pair.key for pair in pairs] == ['street/a', 'street/b']
    assert {(pair.group, pair.condition) for pair in pairs} == {('street', 'unknown')}
    assert not problems


def test_files_without_counterpart_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    root = make_files(tmp_path, 'both.png', 'seen.png', 'warm.png')
    (root / 'thermal' / 'seen.png').unlink()
    (root / 'visible' / 'warm.png').unlink()
    pairs, problems = find_pairs(root, 'val')
    assert [pair.name for pair in pairs] == ['both']
    assert len(problems) == 2
    for name, line in zip(('seen', 'warm'), problems):
        assert f'{name}.png has no counterpart' in line


def test_folders_with_other_names_have_no_pair(tmp_path: Path) -> None:
    for kind, image in zip(('visible', 'thermal'), street(0)):
        write_image(tmp_path / kind / f'{kind}_0.png', image)
    with pytest.raises(PairError, match='no pair of images .*1 images.*1 images'):
        find_pairs(tmp_path, 'val')


@pytest.mark.parametrize('name', ['nothing', 'a' * 300])
def test_a_folder_without_data_says_what_is_expected(tmp_path: Path, name: str) -> None:
    with pytest.raises(PairError, match='expected pairs.csv, or|cannot be read') as info:
        find_pairs(tmp_path / name, 'val')
    assert_one_line(str(info.value))


def test_the_table_chooses_split_order_and_groups(tmp_path: Path) -> None:
    rows = [('zoo', 'val', 'clean'), ('zoo', 'train', 'clean'), ('farm', 'val', 'fog')]
    pairs, problems = find_pairs(write_pairs(tmp_path, rows), 'val')
    assert [(pair.key, pair.group, pair.condition) for pair in pairs] == [
        ('zoo/000', 'zoo_val', 'clean'), ('farm/002', 'farm_val', 'fog')]
    assert not problems
    visible, thermal = pairs[1].read(PERCENTILES)
    assert np.array_equal(visible, street(2)[0])
    assert np.array_equal(thermal, street(2)[1])


def test_the_table_comes_before_the_folders(tmp_path: Path) -> None:
    make_files(write_pairs(tmp_path, [('zoo', 'val', 'fog')]), 'plain.png')
    assert [pair.key for pair in find_pairs(tmp_path, 'val')[0]] == ['zoo/000']


def test_msrs_is_split_into_day_and_night(tmp_path: Path) -> None:
    make_files(tmp_path, 'x.png')
    names = [('msrs', '00123D'), ('msrs', '00124N'), ('msrs', 'other'), ('zoo', '00125D')]
    write_table(tmp_path, [(source, 'val', name, 'clean', 'visible/x.png', 'thermal/x.png')
                           for source, name in names])
    assert [pair.group for pair in find_pairs(tmp_path, 'val')[0]] == [
        'msrs_val_day', 'msrs_val_night', 'msrs_val', 'zoo_val']


def test_a_condition_may_be_empty_or_the_column_missing(tmp_path: Path) -> None:
    make_files(tmp_path, 'x.png')
    row = ['zoo', 'val', 'x', '', 'visible/x.png', 'thermal/x.png']
    write_table(tmp_path, [row])
    assert find_pairs(tmp_path, 'val')[0][0].condition == 'unknown'
    text = (tmp_path / 'pairs.csv').read_text()
    (tmp_path / 'pairs.csv').write_text(text.replace(',condition', '').replace(',x,,', ',x,'))
    assert find_pairs(tmp_path, 'val')[0][0].condition == 'unknown'


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    make_files(tmp_path, 'x.png')
    write_table(tmp_path, [('zoo', 'val', 'x', 'fog', 'visible/x.png', 'thermal/x.png')],
                'utf-8-sig')  # Excel puts a byte order mark in front of the first column's name
    assert find_pairs(tmp_path, 'val')[0][0].key == 'zoo/x'


@pytest.mark.parametrize(('row', 'said'), [
    (('zoo', 'val', 'bad', 'clean', 'visible/x.png', 'thermal/gone.png'), 'gone.png is missing'),
    (('zoo', 'val', 'bad', 'clean', 'visible', 'thermal/x.png'), 'visible is missing'),
    (('zoo', 'val', 'bad', 'clean', 'v' * 300, 'thermal/x.png'), 'vvv is missing'),
    (('zoo', 'val', 'bad', 'smog', 'visible/x.png', 'thermal/x.png'), "condition 'smog' is none"),
    (('zoo', 'val', 'bad', 'clean', 'visible/x.png'), 'its line of pairs.csv is incomplete'),
    (('zoo', 'val', 'bad', 'clean', '', 'thermal/x.png'), 'its line of pairs.csv is incomplete'),
], ids=['missing', 'a folder', 'too long', 'condition', 'short', 'empty'])
def test_a_bad_line_is_named_and_the_rest_goes_on(tmp_path: Path, row: tuple[str, ...],
                                                  said: str) -> None:
    make_files(tmp_path, 'x.png')
    good = ('zoo', 'val', 'good', 'clean', 'visible/x.png', 'thermal/x.png')
    write_table(tmp_path, [row, good])
    pairs, problems = find_pairs(tmp_path, 'val')
    assert [pair.key for pair in pairs] == ['zoo/good']
    assert len(problems) == 1
    assert problems[0].startswith('zoo/bad: ')
    assert said in problems[0]
    assert_one_line(problems[0])


@pytest.mark.parametrize(('source', 'name'), [
    ('zoo', '../../bad'), ('..', 'bad'), ('/zoo', 'bad'), ('zoo', '/bad')])
def test_no_line_leads_out_of_the_folders_of_results(tmp_path: Path, source: str,
                                                     name: str) -> None:
    make_files(tmp_path, 'x.png')
    files = ('val', name, 'clean', 'visible/x.png', 'thermal/x.png')
    write_table(tmp_path, [(source, *files), ('zoo', 'val', 'part/good', *files[2:])])
    pairs, problems = find_pairs(tmp_path, 'val')
    assert [pair.key for pair in pairs] == ['zoo/part/good']
    assert len(problems) == 1 and problems[0].startswith(f'{source}/{name}: ')
    assert 'give plain names' in problems[0]
    assert_one_line(problems[0])


def test_a_pair_that_comes_twice_counts_once(tmp_path: Path) -> None:
    make_files(tmp_path, 'x.png')
    row = ('zoo', 'val', 'x', 'clean', 'visible/x.png', 'thermal/x.png')
    write_table(tmp_path, [row, row, ('farm', *row[1:])])
    pairs, problems = find_pairs(tmp_path, 'val')
    assert [pair.key for pair in pairs] == ['zoo/x', 'farm/x']
    assert problems == [f"zoo/x comes twice in {tmp_path / 'pairs.csv'}"]


def test_an_empty_split_names_those_that_there_are(tmp_path: Path) -> None:
    write_pairs(tmp_path, [('zoo', 'train', 'clean'), ('zoo', 'val', 'clean')])
    with pytest.raises(PairError, match=r"no pair of split 'test' in .*It has: train, val$"):
        find_pairs(tmp_path, 'test')
    write_table(tmp_path, [])
    with pytest.raises(PairError, match='It has: none$'):
        find_pairs(tmp_path, 'val')


def test_a_split_of_which_nothing_is_left_says_why(tmp_path: Path) -> None:
    write_table(tmp_path, [('zoo', 'val', name, 'clean', 'v.png', 't.png') for name in 'ab'])
    with pytest.raises(PairError, match='First of 2 left out: zoo/a: .*v.png is missing'):
        find_pairs(tmp_path, 'val')


@pytest.mark.parametrize(('content', 'said'), [
    (b'source,name\nzoo,x\n', 'lacks the columns split, visible_path, thermal_path'),
    (b'', 'lacks the columns source'),
    (b'source,split,name,visible_path,thermal_path\n\xff\xfe\n', 'cannot be read')])
def test_a_table_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, content: bytes,
                                                            said: str) -> None:
    (tmp_path / 'pairs.csv').write_bytes(content)
    with pytest.raises(PairError, match=re.escape(said)) as info:
        find_pairs(tmp_path, 'val')
    assert_one_line(str(info.value))


def test_a_limit_spreads_over_each_group() -> None:
    names = [('zoo', f'{index}') for index in range(10)] + [('farm', 'only')]
    pairs = [EvaluationPair(name, group, group, 'clean', Path(), Path()) for group, name in names]
    kept = [pair.key for pair in limit(pairs, 4, ())]
    assert kept == ['zoo/0', 'zoo/2', 'zoo/5', 'zoo/7', 'farm/only']
    assert limit(pairs, 99, ()) == pairs
    clip = [pair.key for pair in limit(pairs, 3, ('zoo',))]
    assert clip == ['zoo/0', 'zoo/1', 'zoo/2', 'farm/only']  # no gaps between frames


def test_pairs_are_sorted_within_their_group() -> None:
    names = [('zoo', 'c'), ('zoo', 'a'), ('farm', 'b'), ('farm', 'a'), ('zoo', 'b')]
    pairs = [EvaluationPair(name, group, group, 'clean', Path(), Path()) for group, name in names]
    assert [pair.key for pair in in_order(pairs)] == [
        'zoo/a', 'zoo/b', 'zoo/c', 'farm/a', 'farm/b']
    assert shared_names(pairs) == {'a', 'b'}


# --- reading one ---

def test_colours_come_as_rgb(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    Image.new('RGB', (60, 50), (200, 20, 90)).save(pair.visible)
    Image.new('L', (60, 50), 7).save(pair.thermal)
    visible, thermal = pair.read(PERCENTILES)
    assert visible.shape == (50, 60, 3)
    assert visible[0, 0].tolist() == [200, 20, 90]
    assert thermal.shape == (50, 60)
    assert thermal[0, 0] == 7


@pytest.mark.parametrize(('mode', 'suffix'), [
    ('RGB', '.png'), ('RGBA', '.png'), ('LA', '.png'), ('P', '.png'), ('RGB', '.bmp')])
def test_grey_that_is_stored_as_colour_is_grey(tmp_path: Path, mode: str, suffix: str) -> None:
    visible, thermal = street(0)
    pair = make_pair(tmp_path)
    path = pair.thermal.with_suffix(suffix)
    write_image(pair.visible, visible)
    Image.fromarray(thermal).convert(mode).save(path)
    found = EvaluationPair('one', 'set', 'set_val', 'clean', pair.visible, path).read(PERCENTILES)
    assert np.array_equal(found[1], thermal)


def test_grey_in_a_colour_jpeg_is_grey(tmp_path: Path) -> None:
    visible, thermal = street(0)
    write_image(tmp_path / 'v.png', visible)
    Image.fromarray(thermal).convert('RGB').save(tmp_path / 't.jpg', quality=90)
    pair = EvaluationPair('one', 'set', 'set_val', 'clean', tmp_path / 'v.png', tmp_path / 't.jpg')
    found = pair.read(PERCENTILES)[1].astype(int)
    assert np.abs(found - thermal).mean() < 2


def test_a_colour_palette_is_refused(tmp_path: Path) -> None:
    visible, thermal = street(0)
    pair = make_pair(tmp_path)
    write_image(pair.visible, visible)
    iron = np.stack([thermal, thermal // 2, 255 - thermal], axis=2)
    write_image(pair.thermal, iron)
    with pytest.raises(PairError, match=r't\.png is in colour: save the thermal image in grey'):
        pair.read(PERCENTILES)


def test_a_single_coloured_pixel_is_a_palette_too(tmp_path: Path) -> None:
    visible, thermal = street(0)
    pair = make_pair(tmp_path)
    write_image(pair.visible, visible)
    nearly = np.repeat(thermal[..., None], 3, axis=2)
    nearly[5, 5] = (255, 0, 0)
    write_image(pair.thermal, nearly)
    with pytest.raises(PairError, match='is in colour'):
        pair.read(PERCENTILES)


@pytest.mark.parametrize('channels', [1, 3])
def test_16_bits_are_shown_between_the_percentiles(tmp_path: Path, channels: int) -> None:
    pair = make_pair(tmp_path)
    write_image(pair.visible, np.zeros((101, 101, 3), np.uint8))
    ramp = np.repeat(np.arange(101, dtype=np.uint16)[None] * 100 + 7000, 101, axis=0)
    write_image(pair.thermal, ramp if channels == 1 else np.repeat(ramp[..., None], 3, axis=2))
    thermal = pair.read((10, 90))[1]
    assert thermal.dtype == np.uint8
    # 1 % of the ramp is one column: 10 is black, 90 white, 50 between them, and all rows equal.
    assert thermal[0, [0, 10, 90, 100]].tolist() == [0, 0, 255, 255]
    assert abs(int(thermal[0, 50]) - 127) <= 1
    assert not np.ptp(thermal, axis=0).any()


def test_the_pairs_before_do_not_change_a_16_bit_image(tmp_path: Path) -> None:
    pairs = []
    for index, offset in enumerate((7000, 7050)):
        folder = tmp_path / str(index)
        pairs.append(make_pair(folder))
        write_image(pairs[-1].visible, np.zeros((64, 64, 3), np.uint8))
        counts = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) + offset
        write_image(pairs[-1].thermal, counts)
    first, second = (pair.read((1, 99))[1] for pair in pairs)
    assert np.array_equal(first, second)  # the offset is gone: no memory of the former window


def test_other_depths_are_refused(tmp_path: Path) -> None:
    visible, thermal = street(0)
    write_image(tmp_path / 'v.png', visible)
    Image.fromarray(thermal.astype(np.float32)).save(tmp_path / 't.tif')
    pair = EvaluationPair('one', 'set', 'set_val', 'clean', tmp_path / 'v.png', tmp_path / 't.tif')
    with pytest.raises(PairError, match='has float32 pixels: save .* 8 or 16 bits'):
        pair.read(PERCENTILES)


def test_different_sizes_are_named(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    write_image(pair.visible, np.zeros((50, 60, 3), np.uint8))
    write_image(pair.thermal, np.zeros((60, 50), np.uint8))
    with pytest.raises(PairError, match='set/one: .* is 60 x 50 and the thermal one 50 x 60'):
        pair.read(PERCENTILES)


@pytest.mark.parametrize('which', ['visible', 'thermal'])
@pytest.mark.parametrize('content', [b'', b'no image', None], ids=['empty', 'text', 'cut'])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, which: str,
                                             content: bytes | None) -> None:
    pair = make_pair(tmp_path)
    for file, image in zip((pair.visible, pair.thermal), street(0)):
        write_image(file, image)
    path: Path = getattr(pair, which)
    path.write_bytes(path.read_bytes()[:20] if content is None else content)
    with pytest.raises(PairError, match=path.name) as info:
        pair.read(PERCENTILES)
    assert_one_line(str(info.value))


def test_a_file_that_has_gone_is_named(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    write_image(pair.visible, street(0)[0])
    with pytest.raises(PairError, match=r't\.png cannot be read: No such file'):
        pair.read(PERCENTILES)


def test_both_images_are_turned_upright_alike(tmp_path: Path) -> None:
    # A phone held upside down writes its pixels as they come, and says so (Exif orientation 3).
    turned = Image.Exif()
    turned[ORIENTATION] = 3
    bright = np.zeros((64, 64), np.uint8)
    bright[:32] = 255
    for name, mode in (('v.jpg', 'RGB'), ('t.jpg', 'L')):
        Image.fromarray(bright).convert(mode).save(tmp_path / name, exif=turned, quality=95)
    pair = EvaluationPair('one', 'set', 'set_val', 'clean', tmp_path / 'v.jpg', tmp_path / 't.jpg')
    visible, thermal = pair.read(PERCENTILES)
    assert abs(visible[..., 0].astype(int) - thermal).max() < 10
    assert thermal[:30].max() < 10  # upright: what was stored above is below


# --- real data ---

def test_the_val_split_of_the_data_set_is_whole() -> None:
    folder = os.environ.get('DEGFUSE_DATA')
    if not folder:
        pytest.skip('DEGFUSE_DATA names no folder of real pairs')
    pairs, problems = find_pairs(Path(folder), 'val')
    assert not problems
    assert Counter(pair.group for pair in pairs) == {
        'roadscene_val': 50, 'msrs_val_day': 21, 'msrs_val_night': 21, 'm3svd_smoke_val': 18}
    for pair in limit(pairs, 2, ()):
        visible, thermal = pair.read((1.0, 99.0))
        assert visible.shape == (*thermal.shape, 3)
        assert visible.dtype == thermal.dtype == np.uint8
