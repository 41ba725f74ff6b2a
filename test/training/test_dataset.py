# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Training data: both layouts, what is wrong with it in one line, and crops."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from training_pairs import COLUMNS, street, write_image, write_pairs

from degfuse_ros.training.dataset import DataError, Pair, crop_batch, describe, load_pairs


def generator(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def refusal(root: Path, split: str = 'train') -> str:
    """Return the one line with which the data are refused."""
    with pytest.raises(DataError) as caught:
        load_pairs(root, split)
    message = str(caught.value)
    assert '\n' not in message
    return message


def write_folders(root: Path, names: tuple[str, ...] = ('a', 'b')) -> None:
    for index, name in enumerate(names):
        visible, thermal = street(index)
        write_image(root / 'visible' / f'{name}.png', visible)
        write_image(root / 'thermal' / f'{name}.bmp', thermal)


def test_pairs_of_a_table_are_the_files(tmp_path: Path):
    write_pairs(tmp_path, [('msrs', 'train', 'clean'), ('msrs', 'val', 'clean'),
                           ('kaist', 'train', 'low_light')])
    pairs = load_pairs(tmp_path, 'train')
    assert [(pair.name, pair.condition) for pair in pairs] == [
        ('msrs/000', 'clean'), ('kaist/002', 'low_light')]
    visible, thermal = street(0)
    assert np.array_equal(pairs[0].visible.permute(1, 2, 0).numpy(), visible)  # RGB, not BGR
    assert np.array_equal(pairs[0].thermal[0].numpy(), thermal)
    assert pairs[0].visible.dtype == torch.uint8 and pairs[0].thermal.shape == (1, 72, 96)
    assert [pair.name for pair in load_pairs(tmp_path, 'val')] == ['msrs/001']


def test_excluded_sources_are_left_out_unread(tmp_path: Path):
    write_pairs(tmp_path, [('msrs', 'train', 'clean'), ('kaist', 'train', 'clean'),
                           ('llvip', 'train', 'clean')])
    (tmp_path / 'kaist' / 'visible' / '001.png').unlink()
    pairs = load_pairs(tmp_path, 'train', exclude_sources=('kaist', 'llvip'))
    assert [pair.name for pair in pairs] == ['msrs/000']


def test_pairs_of_folders_have_equal_names(tmp_path: Path):
    write_folders(tmp_path)
    write_image(tmp_path / 'visible' / 'alone.png', street(5)[0])
    (tmp_path / 'thermal' / 'a.txt').write_text('notes')
    (tmp_path / 'visible' / 'a.txt').write_text('notes')
    pairs = load_pairs(tmp_path, 'train')
    assert [pair.name for pair in pairs] == [f'{tmp_path.name}/a', f'{tmp_path.name}/b']
    assert {pair.condition for pair in pairs} == {'unknown'}
    assert np.array_equal(pairs[1].thermal[0].numpy(), street(1)[1])


def test_plain_folders_hold_out_every_tenth_pair(tmp_path: Path):
    for number in range(21):
        visible, thermal = street(number)
        write_image(tmp_path / 'visible' / f'{number:02}.png', visible)
        write_image(tmp_path / 'thermal' / f'{number:02}.png', thermal)
    held = [pair.name.rpartition('/')[2] for pair in load_pairs(tmp_path, 'val')]
    kept = [pair.name.rpartition('/')[2] for pair in load_pairs(tmp_path, 'train')]
    assert held == ['09', '19'] and len(kept) == 19 and not set(held) & set(kept)


@pytest.mark.parametrize('split', ['test', 'validation', 'Val'])
def test_plain_folders_have_no_other_split(tmp_path: Path, split: str):
    write_folders(tmp_path, tuple('abcdefghijk'))
    message = refusal(tmp_path, split)
    assert repr(split) in message and "10 of 'train'" in message and "1 of 'val'" in message


def test_too_few_pairs_in_plain_folders_to_hold_one_out(tmp_path: Path):
    write_folders(tmp_path)
    assert 'ten or more' in refusal(tmp_path, 'val')


def test_a_source_has_the_name_of_the_folder_that_one_is_in(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_folders(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert load_pairs(Path(), 'train')[0].name == f'{tmp_path.name}/a'


def test_a_table_of_a_spreadsheet(tmp_path: Path):
    table = write_pairs(tmp_path, [('msrs', 'train', 'clean')]) / 'pairs.csv'
    table.write_text(table.read_text(), encoding='utf-8-sig')
    assert [pair.name for pair in load_pairs(tmp_path, 'train')] == ['msrs/000']


def test_sources_that_are_all_left_out_are_named(tmp_path: Path):
    write_pairs(tmp_path, [('kaist', 'train', 'clean'), ('mine', 'val', 'clean')])
    with pytest.raises(DataError, match='exclude_sources=.kaist,llvip. leaves out: kaist'):
        load_pairs(tmp_path, 'train', exclude_sources=('kaist', 'llvip'))


def test_no_layout_at_all(tmp_path: Path):
    assert str(tmp_path) in (message := refusal(tmp_path))
    assert 'pairs.csv' in message and 'visible/' in message


def test_a_split_without_pairs(tmp_path: Path):
    write_pairs(tmp_path, [('msrs', 'train', 'clean')])
    message = refusal(tmp_path, 'test')
    assert "'test'" in message and "1 of 'train'" in message and 'ten' not in message


def test_folders_without_a_common_name(tmp_path: Path):
    write_image(tmp_path / 'visible' / 'a.png', street(0)[0])
    write_image(tmp_path / 'thermal' / 'b.png', street(0)[1])
    assert str(tmp_path) in refusal(tmp_path)


@pytest.mark.parametrize('kind', ['visible', 'thermal'])
def test_an_image_that_cannot_be_read_is_named(tmp_path: Path, kind: str):
    write_folders(tmp_path)
    path = next((tmp_path / kind).glob('b.*'))
    path.write_bytes(b'no picture')
    assert str(path) in refusal(tmp_path)


def test_an_image_that_is_missing_is_named(tmp_path: Path):
    write_pairs(tmp_path, [('msrs', 'train', 'clean')])
    (tmp_path / 'msrs' / 'thermal' / '000.png').unlink()
    assert 'msrs/thermal/000.png' in refusal(tmp_path)


def test_a_pair_of_different_sizes_is_named(tmp_path: Path):
    write_folders(tmp_path)
    write_image(tmp_path / 'thermal' / 'b.bmp', np.zeros((40, 50), np.uint8))
    message = refusal(tmp_path)
    assert '/b' in message and '(72, 96)' in message and '(40, 50)' in message


def test_grey_and_colour_files_become_three_channels_and_one(tmp_path: Path):
    visible, thermal = street(0)
    write_image(tmp_path / 'visible' / 'a.png', thermal)
    write_image(tmp_path / 'thermal' / 'a.png', np.stack([thermal] * 3, -1))
    pair = load_pairs(tmp_path, 'train')[0]
    assert all(np.array_equal(channel.numpy(), thermal) for channel in pair.visible)
    assert np.array_equal(pair.thermal[0].numpy(), thermal)


def test_an_empty_table(tmp_path: Path):
    with (tmp_path / 'pairs.csv').open('w', newline='') as file:
        csv.writer(file).writerow(COLUMNS)
    refusal(tmp_path)


def test_a_table_without_a_column_names_it(tmp_path: Path):
    (tmp_path / 'pairs.csv').write_text('source,split,name,visible_path\nmsrs,train,a,a.png\n')
    message = refusal(tmp_path)
    assert 'condition, thermal_path' in message and 'pairs.csv' in message


def test_description_counts_conditions_and_sources(tmp_path: Path):
    write_pairs(tmp_path, [('b', 'train', 'fog'), ('a', 'train', 'clean'), ('b', 'train', 'fog')])
    line = describe(load_pairs(tmp_path, 'train'))
    assert line == '3 pairs: 1 clean, 2 fog; from 1 a, 2 b'


def test_an_unknown_condition_is_refused_with_the_known_ones(tmp_path: Path):
    write_pairs(tmp_path, [('msrs', 'train', 'clean'), ('msrs', 'train', 'cloudy')])
    message = refusal(tmp_path)
    assert 'msrs/001' in message and "'cloudy'" in message and 'pairs.csv' in message
    assert 'clean, fog, low_light, overexposed, rain, unknown' in message


def deep(path: Path, image: np.ndarray) -> np.ndarray:
    """Write a pair whose thermal file has more than 8 bits, and return what is read of it."""
    write_image(path / 'visible' / 'a.png', np.zeros((*image.shape, 3), np.uint8))
    suffix = 'png' if image.dtype == np.uint16 else 'tiff'
    write_image(path / 'thermal' / f'a.{suffix}', image)
    return load_pairs(path, 'train')[0].thermal[0].numpy()


@pytest.mark.parametrize('kind', [np.uint16, np.float32])
def test_thermal_files_of_more_bits_are_stretched(tmp_path: Path, kind: type):
    # Kelvins in hundredths, 20 to 40 degrees: cut to 8 bits, they would all be alike.
    ramp = np.linspace(29315, 31315, 10000).reshape(100, 100)
    ramp[50, 50] = 65535  # a hot pixel does not set the scale
    grey = deep(tmp_path, ramp.astype(kind))
    assert grey.dtype == np.uint8 and grey.min() == 0 and grey.max() == 255
    assert len(np.unique(grey)) == 256
    # A straight line between the 1st and the 99th percentile.
    assert abs(int(grey[25, 0]) - 255 * (0.25 - 0.01) / 0.98) <= 1
    assert (grey[0, :99] == 0).all() and (grey[99, 2:] == 255).all()


def test_thermal_files_of_more_bits_and_one_value_are_black(tmp_path: Path):
    assert not deep(tmp_path, np.full((40, 50), 3000, np.uint16)).any()


def test_a_thermal_file_with_no_numbers_is_named(tmp_path: Path):
    image = np.full((40, 50), 300, np.float32)
    image[3, 4] = np.nan
    with pytest.raises(DataError, match='a.tiff'):
        deep(tmp_path, image)


def pair_of(visible: np.ndarray, thermal: np.ndarray) -> Pair:
    """A pair of arrays, H x W x 3 and H x W."""
    return Pair('made', 'clean', torch.from_numpy(visible.copy()).permute(2, 0, 1),
                torch.from_numpy(thermal.copy())[None])


def coordinates(height: int = 100, width: int = 150) -> Pair:
    """A picture that says where each pixel was: red its column, green its row; thermal as red."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    return pair_of(np.stack([columns, rows, columns], -1), columns)


def in_pixels(crop: Tensor) -> np.ndarray:
    return (crop * 255).round().long().numpy()


@pytest.mark.parametrize('zoom', [(1.0, 1.0), (0.7, 1.4)])
def test_crops_of_a_pair_are_aligned(zoom: tuple[float, float]):
    pairs = []
    for seed in range(6):
        visible, _ = street(seed)
        pairs.append(pair_of(visible, visible[..., 0]))
    visible, thermal = crop_batch(pairs, (48, 64), zoom, generator())
    assert visible.shape == (6, 3, 48, 64) and thermal.shape == (6, 1, 48, 64)
    torch.testing.assert_close(visible[:, :1], thermal, rtol=0, atol=1e-6)


def test_crops_keep_native_pixels_at_zoom_1_and_flip_about_half():
    visible, _ = crop_batch([coordinates()] * 200, (32, 48), (1.0, 1.0), generator())
    columns, rows = in_pixels(visible)[:, 0, 0], in_pixels(visible)[:, 1, :, 0]
    assert (np.diff(rows) == 1).all()  # never upside down
    steps = np.diff(columns)
    assert (steps == steps[:, :1]).all() and set(steps[:, 0]) == {-1, 1}
    assert 70 < (steps[:, 0] == -1).sum() < 130  # 100 with a deviation of 7
    left, top = columns.min(1), rows[:, 0]
    # The whole picture is used, its borders too.
    assert left.min() < 6 and left.max() > 96 and top.min() < 4 and top.max() > 64
    assert left.max() <= 150 - 48 and top.max() <= 100 - 32


def test_zoom_is_the_scale_from_source_to_crop():
    for zoom in (0.8, 1.25):
        visible, _ = crop_batch([coordinates()] * 20, (32, 64), (zoom, zoom), generator())
        seen = visible[:, 0, 16, 60] - visible[:, 0, 16, 4]
        assert (seen.abs() * 255).mean().item() == pytest.approx(56 / zoom, rel=0.04)


def test_a_picture_that_is_too_small_is_enlarged():
    small = coordinates(20, 30)
    visible, thermal = crop_batch([small, coordinates()] * 3, (48, 64), (1.0, 1.0), generator())
    assert visible.shape == (6, 3, 48, 64) and thermal.shape == (6, 1, 48, 64)
    # 48 rows from 20: the whole height, so nothing is stretched beyond what the crop needs.
    tall = in_pixels(visible)[0::2, 1, :, 0]
    assert (tall[:, 0] <= 1).all() and (tall[:, -1] >= 18).all()
    # As much from left to right: 48 / 20 crop pixels for each of the source's.
    seen = (visible[0::2, 0, 24, 60] - visible[0::2, 0, 24, 4]).abs() * 255
    assert (seen - 56 * 20 / 48).abs().max() < 1.5


def test_crops_repeat_with_the_seed():
    pairs = [coordinates()] * 8
    first = crop_batch(pairs, (32, 48), (0.8, 1.2), generator(1))
    again = crop_batch(pairs, (32, 48), (0.8, 1.2), generator(1))
    other = crop_batch(pairs, (32, 48), (0.8, 1.2), generator(2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_crops_lie_in_0_to_1():
    random = np.random.default_rng(0)
    noise = random.choice([0, 255], (60, 80, 3)).astype(np.uint8)
    for zoom in ((0.6, 0.6), (1.7, 1.7)):
        visible, thermal = crop_batch([pair_of(noise, noise[..., 0])] * 4, (32, 48), zoom,
                                      generator())
        for image in (visible, thermal):
            assert image.min() >= 0 and image.max() <= 1 and image.dtype == torch.float32
