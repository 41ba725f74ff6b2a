# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Folders of another program's images: found by name, and named where they cannot be used."""

from pathlib import Path

import numpy as np
import pytest
from made_scene import HEIGHT, WIDTH, make_scene
from PIL import Image
from training_pairs import write_image

from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.fused_folder import FusedFolder
from degfuse_ros.evaluation.pairs import PairError

FOG = next(case for case in CASES if case.name == 'fog_depth_2')


def flat(level: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH), level, np.uint8)


def level_of(folder: Path, name: str, source: str) -> int | None:
    """Grey level of the fused image that is found for a pair."""
    image = FusedFolder(folder).read(make_scene(name, source))
    return None if image is None else int(image[0, 0])


def test_a_flat_folder_serves_all_sources(tmp_path: Path) -> None:
    write_image(tmp_path / 'one.png', flat(10))
    assert level_of(tmp_path, 'one', 'zoo') == level_of(tmp_path, 'one', 'farm') == 10


def test_one_image_does_not_serve_two_pairs_of_one_name(tmp_path: Path) -> None:
    scene = make_scene()
    Image.fromarray(scene.thermal).save(tmp_path / f'{scene.pair.name}.png')
    shared = frozenset({scene.pair.name})
    assert FusedFolder(tmp_path).read(scene) is not None
    with pytest.raises(PairError, match=f'no fused image one.* in .*/{scene.pair.source}$'):
        FusedFolder(tmp_path, shared).read(scene)


def test_the_folder_of_a_source_comes_first(tmp_path: Path) -> None:
    for path, level in (('one.png', 10), ('zoo/one.bmp', 20), ('farm/one.png', 30)):
        write_image(tmp_path / path, flat(level))
    found = [level_of(tmp_path, 'one', source) for source in ('zoo', 'farm', 'else')]
    assert found == [20, 30, 10]


def test_colours_come_as_rgb_and_grey_stays_grey(tmp_path: Path) -> None:
    Image.new('RGB', (WIDTH, HEIGHT), (200, 20, 90)).save(tmp_path / 'colour.png')
    Image.new('RGBA', (WIDTH, HEIGHT), (200, 20, 90, 128)).save(tmp_path / 'clear.png')
    Image.new('L', (WIDTH, HEIGHT), 7).save(tmp_path / 'grey.png')
    folder = FusedFolder(tmp_path)
    for name in ('colour', 'clear'):
        image = folder.read(make_scene(name))
        assert image is not None
        assert image.shape == (HEIGHT, WIDTH, 3)
        assert image[0, 0].tolist() == [200, 20, 90]
        assert image.flags.c_contiguous  # torch takes no negative strides
    grey = folder.read(make_scene('grey'))
    assert grey is not None
    assert np.array_equal(grey, flat(7))


def test_degraded_pairs_lie_below_their_case(tmp_path: Path) -> None:
    write_image(tmp_path / 'one.png', flat(10))
    write_image(tmp_path / 'set/one.png', flat(15))
    degraded = make_scene().degraded(FOG, 0)
    # Nothing for this case: not a failure, and never the image of the clean pair.
    assert FusedFolder(tmp_path).read(degraded) is None
    write_image(tmp_path / FOG.name / 'one.png', flat(20))
    assert FusedFolder(tmp_path).read(degraded)[0, 0] == 20  # type: ignore[index]
    write_image(tmp_path / FOG.name / 'set/one.png', flat(30))
    assert FusedFolder(tmp_path).read(degraded)[0, 0] == 30  # type: ignore[index]
    assert FusedFolder(tmp_path).read(make_scene())[0, 0] == 15  # type: ignore[index]


def test_a_case_of_which_images_are_missing_is_named(tmp_path: Path) -> None:
    write_image(tmp_path / FOG.name / 'two.png', flat(20))
    with pytest.raises(PairError, match=r'no fused image one\.\* in .* or .*/fog_depth_2 '):
        FusedFolder(tmp_path).read(make_scene().degraded(FOG, 0))


def test_a_folder_of_cases_alone_is_not_judged_on_pairs_as_they_are(tmp_path: Path) -> None:
    write_image(tmp_path / FOG.name / 'set' / 'one.png', flat(20))
    folder = FusedFolder(tmp_path)
    assert folder.read(make_scene()) is None
    assert folder.read(make_scene().degraded(FOG, 0)) is not None


@pytest.mark.parametrize('below', ['', 'set/'])
def test_other_names_are_shown_beside_the_one_looked_for(tmp_path: Path, below: str) -> None:
    for name in ('fused_b.png', 'fused_a.png'):
        write_image(tmp_path / f'{below}{name}', flat(1))
    with pytest.raises(PairError) as info:
        FusedFolder(tmp_path).read(make_scene())
    assert 'no fused image one.*' in str(info.value)
    assert '2 others, the first is fused_a.png' in str(info.value)
    assert '\n' not in str(info.value)


def test_two_images_of_one_name_are_not_chosen_between(tmp_path: Path) -> None:
    write_image(tmp_path / 'one.png', flat(1))
    write_image(tmp_path / 'one.bmp', flat(2))
    write_image(tmp_path / 'two.png', flat(3))
    folder = FusedFolder(tmp_path)
    with pytest.raises(PairError, match=r'one\.bmp has the same name as one\.png'):
        folder.read(make_scene('one'))
    assert folder.read(make_scene('two'))[0, 0] == 3  # type: ignore[index]


def test_another_size_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / 'one.png', flat(1)[:, :60])
    with pytest.raises(PairError, match=r'one\.png is 60 x 48, its pair 64 x 48: .* own size'):
        FusedFolder(tmp_path).read(make_scene())


def test_other_depths_are_refused(tmp_path: Path) -> None:
    write_image(tmp_path / 'one.png', flat(1).astype(np.uint16))
    with pytest.raises(PairError, match=r'one\.png has uint16 pixels: .* 8 bits'):
        FusedFolder(tmp_path).read(make_scene())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / 'one.png').write_bytes(b'no image')
    with pytest.raises(PairError, match=r'one\.png is not an image') as info:
        FusedFolder(tmp_path).read(make_scene())
    assert '\n' not in str(info.value)


@pytest.mark.parametrize('name', ['nothing', 'file.png', 'a' * 300])
def test_what_is_not_a_folder_is_refused_at_once(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / 'file.png', flat(1))
    with pytest.raises(PairError, match='is not a folder: give --fused NAME=FOLDER'):
        FusedFolder(tmp_path / name)


def test_a_folder_without_images_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('nothing to see')
    (tmp_path / 'looks_like.png').mkdir()
    with pytest.raises(PairError, match='holds no image'):
        FusedFolder(tmp_path)
