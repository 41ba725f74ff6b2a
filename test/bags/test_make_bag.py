# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bags that are made: rates, clocks, faults, formats."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bag_files import BEGIN, SIZE, contents, decoded, file_image, noise, offered, street
from rosbags.rosbag2 import Reader

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.made_frames import demo_frames
from degfuse_ros.bags.make_bag import BagRecipe, make_bag
from degfuse_ros.ros.stamps import stamp_of


def stamps(bag: Path, camera: str) -> np.ndarray:
    """Return the stamps of a camera's images in seconds since BEGIN."""
    return np.array([stamp_of(each) - BEGIN * 10 ** 9
                     for each in decoded(bag, f'/{camera}/image')]) / 1e9


def test_rates(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 3.0, rate=30.0, thermal_rate=9.0)
    assert np.diff(stamps(bag, 'visible')) == pytest.approx(1 / 30, abs=1e-6)
    assert np.diff(stamps(bag, 'thermal')) == pytest.approx(1 / 9, abs=1e-6)
    assert (len(stamps(bag, 'visible')), len(stamps(bag, 'thermal'))) == (90, 27)


def test_jitter_is_independent_and_recorded_in_order(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 40.0, jitter=0.02)
    ideal = np.arange(400) / 10
    noise_of = {camera: stamps(bag, camera) - ideal for camera in ('visible', 'thermal')}
    for each in noise_of.values():
        assert each.std() == pytest.approx(0.02, rel=0.15)
    assert abs(np.corrcoef(noise_of['visible'], noise_of['thermal'])[0, 1]) < 0.2
    times = [time for _, time, _ in contents(bag)]
    assert times == sorted(times)


def test_clock_offset_is_in_the_stamps_and_not_in_the_recording(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 1.0, clock_offset=0.25)
    np.testing.assert_allclose(stamps(bag, 'thermal') - stamps(bag, 'visible'), 0.25, atol=1e-6)
    times = {camera: [time for topic, time, _ in contents(bag) if topic == f'/{camera}/image']
             for camera in ('visible', 'thermal')}
    assert times['visible'] == times['thermal']


def test_drop_outs(tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 50.0, drop=0.2, gaps=(('visible', 10.0, 5.0),))
    assert len(stamps(bag, 'thermal')) == pytest.approx(400, abs=40)
    visible = stamps(bag, 'visible')
    assert not np.any((visible > 9.99) & (visible < 14.99))
    assert len(visible) == pytest.approx(360, abs=40)


def test_the_same_seed_gives_the_same_bag(tmp_path: Path) -> None:
    first, second, other = (contents(street(tmp_path / f'bag{number}', 0.5, jitter=0.01,
                                            seed=seed)) for number, seed in enumerate((3, 3, 4)))
    assert first == second != other


def test_sixteen_bits_are_temperatures(tmp_path: Path) -> None:
    raw = decoded(street(tmp_path / 'raw', 0.5), '/thermal/image')[0]
    counts = decoded(street(tmp_path / 'counts', 0.5, sixteen_bits=True), '/thermal/image')[0]
    assert (counts.encoding, counts.step) == ('mono16', 2 * SIZE[0])
    celsius = counts.data.view('<u2') / 100 - 273.15
    assert 5 <= celsius.min() < celsius.max() <= 37.1
    np.testing.assert_array_equal(np.argsort(raw.data, kind='stable'),
                                  np.argsort(celsius, kind='stable'))


@pytest.mark.parametrize('sixteen_bits', [False, True])
def test_compressed_images_are_the_raw_ones(tmp_path: Path, sixteen_bits: bool) -> None:
    raw = street(tmp_path / 'raw', 0.5, sixteen_bits=sixteen_bits)
    bag = street(tmp_path / 'bag', 0.5, compressed=True, sixteen_bits=sixteen_bits)
    thermal = decoded(bag, '/thermal/image/compressed')[0]
    expected = decoded(raw, '/thermal/image')[0]
    found = file_image(thermal)
    assert found.tobytes() == expected.data.tobytes()  # PNG loses nothing
    assert thermal.format == f'{expected.encoding}; png compressed '
    visible = decoded(bag, '/visible/image/compressed')[0]
    assert visible.format == 'rgb8; jpeg compressed bgr8'
    seen = file_image(visible)
    difference = np.abs(seen.ravel().astype(int) - decoded(raw, '/visible/image')[0].data)
    assert difference.mean() < 5


def test_camera_info_fits_the_scene(tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 0.5)
    frames = demo_frames(SIZE, 0.5, 0)
    infos = decoded(bag, '/visible/camera_info')
    images = decoded(bag, '/visible/image')
    assert len(infos) == len(images) == 5
    assert [repr(each.header) for each in infos] == [repr(each.header) for each in images]
    assert (infos[0].width, infos[0].height) == SIZE
    assert infos[0].k[0] == pytest.approx(frames.focal * SIZE[0])
    assert infos[0].p.reshape(3, 4)[:, :3].ravel() == pytest.approx(infos[0].k)


def test_cameras_offer_best_effort(tmp_path: Path) -> None:
    with Reader(street(tmp_path / 'bag', 0.5)) as reader:
        assert {profile.reliability.name for each in reader.connections
                for profile in offered(each)} == {'BEST_EFFORT'}


@pytest.mark.parametrize('topics', [
    {'visible_topic': 'image'}, {'visible_topic': '/image'}, {'thermal_topic': '/a/../b'},
    {'visible_topic': '/same/image', 'thermal_topic': '/same/image'}])
def test_impossible_topics(tmp_path: Path, topics: dict[str, str]) -> None:
    with pytest.raises(BagError, match='topic'):
        make_bag(BagRecipe(**topics), demo_frames(SIZE, 0.5, 0), tmp_path / 'bag')  # type: ignore
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / '.bag.partial' / 'bag'
    left.mkdir(parents=True)
    (left / 'bag.mcap').write_bytes(b'half')
    assert len(contents(noise(tmp_path / 'bag', 0.5))) == 20
    assert [path.name for path in tmp_path.iterdir()] == ['bag']
