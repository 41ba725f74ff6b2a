# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A whole bag through the real engine."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from bag_files import (
    SIZE,
    at,
    contents,
    decoded,
    file_image,
    image,
    noise,
    pair_messages,
    street,
    write_bag,
)

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.bag_summary import BagSummary
from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.engine import CLASSES, FusionEngine
from degfuse_ros.ros.parameter_file import read_parameters
from degfuse_ros.ros.stamps import stamp_of


@pytest.fixture(scope='module')
def engine() -> FusionEngine:
    return FusionEngine.load('lite', 'cpu')


@pytest.fixture(scope='module')
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the street: 20 pairs."""
    return street(tmp_path_factory.mktemp('bags') / 'street', 2.0)


def job(bag: Path, *settings: str, **options: Any) -> BagJob:
    values, _ = read_parameters(None, ['model=lite', 'device=cpu', *settings])
    return BagJob(bag, bag.parent / 'fused', values, **options)


def fuse(engine: FusionEngine, given: BagJob) -> BagSummary:
    with BagFusion(given) as fusion:
        return fusion.run(engine)


def pixels(message: Any, channels: int) -> np.ndarray:
    shape = (message.height, message.width, channels)
    return message.data.reshape(shape[:2] if channels == 1 else shape)


def test_results_are_the_engines_own(engine: FusionEngine, recorded: Path, tmp_path: Path) -> None:
    given = replace(job(recorded), out=tmp_path / 'fused')
    summary = fuse(engine, given)
    assert (summary.pairs, summary.fused, summary.unmatched) == (20, 20, {
        'visible': 0, 'thermal': 0})
    images = decoded(tmp_path / 'fused', '/fused/image')
    degradations = decoded(tmp_path / 'fused', '/fused/degradation')
    routings = decoded(tmp_path / 'fused', '/fused/routing')
    infos = decoded(tmp_path / 'fused', '/fused/camera_info')
    inputs = list(zip(decoded(recorded, '/visible/image'), decoded(recorded, '/thermal/image')))
    assert len(images) == len(degradations) == len(routings) == len(infos) == len(inputs) == 20
    for number, (visible, thermal) in enumerate(inputs):
        expected = engine.fuse(pixels(visible, 3), pixels(thermal, 1))
        fused = images[number]
        assert fused.encoding == 'rgb8' and repr(fused.header) == repr(visible.header)
        np.testing.assert_array_equal(pixels(fused, 3), expected.image)
        assert repr(degradations[number].header) == repr(visible.header)
        scores = {each.class_id: each.score for each in degradations[number].results}
        assert scores == pytest.approx(expected.degradation.scores, abs=1e-12)
        assert degradations[number].results[0].class_id == expected.degradation.label
        assert [status.name for status in routings[number].status] == list(engine.layer_names)
        weights = [[float(each.value) for each in status.values]
                   for status in routings[number].status]
        np.testing.assert_allclose(weights, expected.routing, atol=1e-6)
        assert (infos[number].width, infos[number].height) == SIZE
    assert sum(summary.classes.labels.values()) == 20 and set(summary.classes.labels) == set(
        CLASSES)


def test_times_are_those_at_which_the_pair_was_there(engine: FusionEngine, recorded: Path,
                                                     tmp_path: Path) -> None:
    fuse(engine, replace(job(recorded), out=tmp_path / 'fused'))
    thermal = [time for topic, time, _ in contents(recorded) if topic == '/thermal/image']
    visible = [time for topic, time, _ in contents(recorded) if topic == '/visible/image']
    found = contents(tmp_path / 'fused')
    assert [time for topic, time, _ in found if topic == '/fused/image'] == [
        max(pair) for pair in zip(visible, thermal)]
    assert [time for _, time, _ in found] == sorted(time for _, time, _ in found)


def test_parts_of_a_bag(engine: FusionEngine, recorded: Path, tmp_path: Path) -> None:
    given = replace(job(recorded, start=0.45, duration=1.0, every=3), out=tmp_path / 'fused')
    summary = fuse(engine, given)
    # From 0.5 to 1.4 s there are ten pairs: numbers 0, 3, 6, 9 of them.
    assert (summary.pairs, summary.fused) == (10, 4)
    stamps = [stamp_of(each) for each in decoded(tmp_path / 'fused', '/fused/image')]
    assert stamps == [at(moment) for moment in (0.5, 0.8, 1.1, 1.4)]


def test_start_behind_the_end(recorded: Path, tmp_path: Path) -> None:
    with pytest.raises(BagError, match='behind the end'):
        BagFusion(replace(job(recorded, start=9.0), out=tmp_path / 'fused'))


@pytest.mark.parametrize('place', ['', 'street.mcap'])
def test_the_bag_that_is_read_is_never_replaced(recorded: Path, place: str) -> None:
    given = replace(job(recorded / place), out=recorded, overwrite=True)
    with pytest.raises(BagError, match='holds the bag that is read'):
        BagFusion(given)
    assert len(contents(recorded)) == 80


def test_other_topics_are_kept_as_they_are(engine: FusionEngine, tmp_path: Path) -> None:
    messages = pair_messages(3)
    messages += [('/other', 0.05 + moment / 10, image(at(7))) for moment in range(5)]
    messages += [('/fused/image', 0.01, image(at(0))), ('/../../etc/passwd', 0.02, image(at(0)))]
    messages.sort(key=lambda each: each[1])
    bag = write_bag(tmp_path / 'bag', messages)
    summary = fuse(engine, job(bag, keep=True))
    before, after = contents(bag), contents(tmp_path / 'fused')
    assert [each for each in after if each[0] == '/other'] == [
        each for each in before if each[0] == '/other']
    assert {topic for topic, _, _ in after} == {
        '/other', '/fused/image', '/fused/degradation', '/fused/routing'}
    assert sum(topic == '/fused/image' for topic, _, _ in after) == 3
    notices = [line for line in summary.notices if 'not kept' in line]
    assert len(notices) == 2 and 'passwd' in ''.join(notices)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bag', 'fused']
    fuse(engine, job(bag, keep_images=True, overwrite=True))
    assert [each for each in contents(tmp_path / 'fused') if each[0] == '/visible/image'] == [
        each for each in before if each[0] == '/visible/image']


@pytest.mark.parametrize(('storage', 'compression'), [
    ('sqlite3', 'none'), ('sqlite3', 'file'), ('mcap', 'chunk')])
def test_formats_give_the_same_messages(engine: FusionEngine, recorded: Path, tmp_path: Path,
                                        storage: str, compression: str) -> None:
    fuse(engine, replace(job(recorded), out=tmp_path / 'plain'))
    bag = street(tmp_path / 'other', 2.0, storage=storage, compression=compression)
    fuse(engine, job(bag, compression='chunk'))
    assert contents(tmp_path / 'fused') == contents(tmp_path / 'plain')


def test_compressed_images(engine: FusionEngine, tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 1.0, compressed=True)
    fuse(engine, job(bag))
    fused = decoded(tmp_path / 'fused', '/fused/image')
    assert len(fused) == 10
    for number, (visible, thermal) in enumerate(zip(
            decoded(bag, '/visible/image/compressed'),
            decoded(bag, '/thermal/image/compressed'))):
        expected = engine.fuse(file_image(visible), file_image(thermal))
        np.testing.assert_array_equal(pixels(fused[number], 3), expected.image)


def test_sixteen_bit_thermal_images_are_smoothed_from_the_beginning(
        engine: FusionEngine, tmp_path: Path) -> None:
    from degfuse_ros.camera.thermal import ThermalLook, ThermalRange
    bag = street(tmp_path / 'bag', 1.0, sixteen_bits=True)
    given = job(bag)
    fuse(engine, given)
    window, look = ThermalRange(), ThermalLook.of(given.values.__getitem__)
    fused = decoded(tmp_path / 'fused', '/fused/image')
    assert len(fused) == 10
    for number, (visible, thermal) in enumerate(zip(
            decoded(bag, '/visible/image'), decoded(bag, '/thermal/image'))):
        counts = thermal.data.view('<u2').reshape(thermal.height, thermal.width)
        expected = engine.fuse(pixels(visible, 3), window.to_8_bit(counts, look))
        np.testing.assert_array_equal(pixels(fused[number], 3), expected.image)


def test_video_has_a_frame_per_pair(engine: FusionEngine, recorded: Path, tmp_path: Path) -> None:
    video = tmp_path / 'street.mp4'
    fuse(engine, replace(job(recorded, video=video), out=tmp_path / 'fused'))
    capture = cv2.VideoCapture(str(video))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 20
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(10, abs=0.5)
    there, frame = capture.read()
    assert there and frame.shape[:2] == (SIZE[1], 3 * SIZE[0])
    first = pixels(decoded(recorded, '/visible/image')[0], 3)[..., ::-1]
    assert np.abs(frame[:, :SIZE[0]].astype(int) - first).mean() < 12  # compressed hard


def test_what_cannot_be_fused_is_counted_and_the_rest_goes_on(engine: FusionEngine,
                                                              tmp_path: Path) -> None:
    messages = pair_messages(6)
    messages[2] = ('/visible/image', 0.1, image(at(0.1), 'mono8'))  # changes midway: fine
    messages[5] = ('/thermal/image', 0.201, image(at(0.2), 'mono16'))  # fine as well
    messages[6] = ('/visible/image', 0.3, image(at(0.3), '16UC1'))
    messages[9] = ('/thermal/image', 0.401, image(at(0.4), 'mono8', (10, 10)))
    messages[10] = ('/visible/image', 0.5, image(at(0.5), 'rgb8', (20, 64)))
    summary = fuse(engine, job(write_bag(tmp_path / 'bag', messages)))
    assert (summary.pairs, summary.fused) == (6, 3)
    assert dict(summary.drops.counts) == {
        'visible.encoding': 1, 'thermal.refused': 1, 'visible.refused': 1}
    stamps = [stamp_of(each) for each in decoded(tmp_path / 'fused', '/fused/image')]
    assert stamps == [at(0.0), at(0.1), at(0.2)]
    text = '\n'.join(summary.lines())
    assert 'dropped: 1 visible.encoding: 16UC1' in text and 'pairs: 6, fused 3' in text


def test_lost_thermal_camera_leaves_the_restored_visible_image(engine: FusionEngine,
                                                               tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 6.0, rate=5.0, gaps=(('thermal', 1.0, 4.0),))
    summary = fuse(engine, job(bag))
    alone = summary.alone['visible']
    assert 8 <= alone <= 11 and summary.fused == summary.pairs + alone
    routings = decoded(tmp_path / 'fused', '/fused/routing')
    lost = [each for each in routings if each.status[0].message == 'thermal lost: visible alone']
    assert len(lost) == alone and lost[0].status[0].level == 1
    by_stamp = {stamp_of(each): each for each in decoded(bag, '/visible/image')}
    fused = {stamp_of(each): each for each in decoded(tmp_path / 'fused', '/fused/image')}
    for each in lost:
        expected = engine.restore(pixels(by_stamp[stamp_of(each)], 3))
        np.testing.assert_array_equal(pixels(fused[stamp_of(each)], 3), expected.image)


def test_lost_visible_camera_leaves_the_thermal_image(engine: FusionEngine,
                                                      tmp_path: Path) -> None:
    bag = street(tmp_path / 'bag', 6.0, rate=5.0, gaps=(('visible', 1.0, 4.0),))
    summary = fuse(engine, job(bag))
    alone = summary.alone['thermal']
    assert 8 <= alone <= 11
    degradations = {stamp_of(each) for each in decoded(tmp_path / 'fused', '/fused/degradation')}
    by_stamp = {stamp_of(each): each for each in decoded(bag, '/thermal/image')}
    fused = [each for each in decoded(tmp_path / 'fused', '/fused/image')
             if stamp_of(each) not in degradations]
    assert len(fused) == alone
    for each in fused:
        grey = pixels(by_stamp[stamp_of(each)], 1)
        np.testing.assert_array_equal(pixels(each, 3), np.repeat(grey[..., None], 3, 2))


def test_truncated_bag_is_fused_as_far_as_it_goes(engine: FusionEngine, tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 2.0)
    file = bag / 'bag.mcap'
    (bag / 'metadata.yaml').unlink()
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])
    summary = fuse(engine, job(bag))
    assert 7 <= summary.fused <= 10
    assert any('its end is missing' in line for line in summary.lines())


def test_a_bag_without_pairs(engine: FusionEngine, tmp_path: Path) -> None:
    bag = noise(tmp_path / 'bag', 1.0, clock_offset=5.0)
    summary = fuse(engine, job(bag, 'lost_camera=silent'))
    assert summary.fused == 0
    assert 'pairs: 0, fused 0' in summary.lines() and 'classes: none' in summary.lines()
    with BagReader(tmp_path / 'fused') as reader:
        assert reader.topics['/fused/image'].count == 0
    assert (tmp_path / 'fused' / 'classes.png').is_file()


def test_summary_beside_the_bag(engine: FusionEngine, recorded: Path, tmp_path: Path) -> None:
    import json
    fuse(engine, replace(job(recorded), out=tmp_path / 'fused'))
    numbers = json.loads((tmp_path / 'fused' / 'summary.json').read_text())
    assert numbers['pairs'] == numbers['fused'] == 20
    assert numbers['images'] == {'visible': 20, 'thermal': 20}
    assert numbers['offset_ms']['largest'] == 0.0
    assert 0 < numbers['engine_ms']['p50'] <= numbers['engine_ms']['p95']
    assert sum(numbers['classes'].values()) == 20
    picture = cv2.imread(str(tmp_path / 'fused' / 'classes.png'))
    assert picture is not None and picture.std() > 5


@pytest.mark.parametrize('period', [1, 3])
def test_failing_device_stops_cleanly(recorded: Path, tmp_path: Path, period: int,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    # With a period above 1 the result of a frame depends on those before it.
    engine = FusionEngine.load('lite', 'cpu', period)
    real, calls = engine.fuse, []

    def failing(*images: Any) -> Any:
        calls.append(1)
        if len(calls) > 7:
            raise RuntimeError('the device has fallen off the bus.')
        return real(*images)

    given = replace(job(recorded), out=tmp_path / 'fused')
    monkeypatch.setattr(engine, 'fuse', failing)
    with BagFusion(given) as fusion, pytest.raises(BagError) as raised:
        fusion.run(engine)
    line = str(raised.value)
    assert 'fallen off the bus. Stopped after 7 pairs' in line and '--resume' in line
    assert not (tmp_path / 'fused').exists()
    monkeypatch.undo()
    fuse(engine, replace(given, resume=True))
    fuse(engine, replace(given, out=tmp_path / 'whole'))
    assert contents(tmp_path / 'fused') == contents(tmp_path / 'whole')
