# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse calibrate` on folders, as a user meets it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_cameras import random_scene
from made_target import cameras, poses
from registration_trials import Trial, make_trial

from degfuse_ros.bags.made_frames import MadeFrames
from degfuse_ros.bags.make_bag import BagRecipe, make_bag
from degfuse_ros.camera.calibration import load_calibration
from degfuse_ros.camera.calibration_target import Target
from degfuse_ros.camera.homography import project
from degfuse_ros.cli.main import main


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture(scope='module')
def trial() -> Trial:
    scenes = [random_scene((320, 240), np.random.default_rng(seed)) for seed in range(4)]
    return make_trial(scenes, 4, np.random.default_rng(3))


@pytest.fixture
def folder(tmp_path: Path, trial: Trial) -> Path:
    for number, (visible, thermal) in enumerate(zip(trial.visible, trial.thermal)):
        write(tmp_path / 'data' / 'visible' / f'{number}.png', visible)
        write(tmp_path / 'data' / 'thermal' / f'{number}.png', thermal)
    return tmp_path / 'data'


def calibrate(*arguments: object) -> int:
    return main(['calibrate', *map(str, arguments)])


def test_edges_give_a_calibration_and_overlays(folder: Path, tmp_path: Path, trial: Trial,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'deep' / 'calibration.yaml'
    assert calibrate(folder, '--out', out) == 0
    made = load_calibration(out)
    assert made.homography is not None and made.visible_size == (320, 240)
    apart = project(made.homography, trial.places) - project(trial.truth, trial.places)
    assert np.linalg.norm(apart, axis=1).max() < 1.0
    printed = capsys.readouterr().out
    assert re.search(r'residual \d\.\d pixels, corners sure to \d\.\d pixels', printed)
    pictures = sorted(path.name for path in (out.parent / 'calibration_overlays').iterdir())
    assert pictures == [f'{number}_{when}.png' for number in range(3)
                        for when in ('after', 'before')]
    before, after = (cv2.imread(str(out.parent / 'calibration_overlays' / f'0_{when}.png'))
                     for when in ('before', 'after'))
    assert before is not None and after is not None and before.shape == (240, 320, 3)
    assert np.abs(before.astype(int) - after).mean() > 5


def test_a_target_gives_both_lenses(tmp_path: Path) -> None:
    board = Target('circles', 8, 5, 0.05)
    for number, pose in enumerate(poses(12, 0.75, 0.4)):
        for kind, camera in zip(('visible', 'thermal'), cameras()):
            write(tmp_path / 'data' / kind / f'{number}.png', camera.see(board, *pose))
    assert calibrate(tmp_path / 'data', '--out', tmp_path / 'c.yaml', '--target', 'circles',
                     '--corners', '8x5', '--square', '0.05', '--kind', 'full', '--distance',
                     '7') == 0
    made = load_calibration(tmp_path / 'c.yaml')
    assert made.rig is not None and made.rig.distance == 7.0 and made.residual < 0.5
    assert made.rig.translation == pytest.approx([-0.1, 0.0, 0.0], abs=0.01)


def test_weak_evidence_is_no_calibration(folder: Path, tmp_path: Path,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        (folder / 'thermal' / f'{number}.png').unlink()
    assert calibrate(folder, '--out', tmp_path / 'c.yaml') == 1
    error = capsys.readouterr().err
    assert 'not calibrated: 2 pairs are too few' in error and '2 files left out' in error
    assert [path.name for path in tmp_path.iterdir()] == ['data']


@pytest.mark.parametrize(('more', 'words'), [
    (('--kind', 'full'), 'give --target'),
    (('--target', 'chessboard'), 'needs --corners'),
    (('--target', 'circles', '--corners', '9x6', '--kind', 'full'), 'needs --square'),
    (('--target', 'circles', '--corners', '9x6', '--zoom', '0.5'), '--zoom is for edges'),
    (('--target', 'circles', '--corners', '9x6', '--square', '0.05'), 'are for --kind full'),
    (('--distance', '10'), 'are for --kind full'),
    (('--zoom', '0.1'), 'needs 32 x 32'),
])
def test_contradicting_options_end_with_one_line(folder: Path, tmp_path: Path,
                                                 capsys: pytest.CaptureFixture[str],
                                                 more: tuple[str, ...], words: str) -> None:
    assert calibrate(folder, '--out', tmp_path / 'c.yaml', *more) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and words in error


def trial_bag(folder: Path, trial: Trial, **recipe: Any) -> Path:
    """Make a bag of a trial's scenes, a new one every half second."""
    def frame(images: list[np.ndarray], time: float) -> np.ndarray:
        return images[int(time * 2 + 1e-6) % len(images)]

    frames = MadeFrames(lambda time: cv2.cvtColor(frame(trial.visible, time), cv2.COLOR_GRAY2RGB),
                        lambda time: frame(trial.thermal, time), 4.0, 1.0)
    make_bag(BagRecipe(**{'rate': 10.0, **recipe}), frames, folder)
    return folder


@pytest.mark.parametrize('recipe', [
    {}, {'sixteen_bits': True, 'compressed': True, 'storage': 'sqlite3', 'drop': 0.2}])
def test_a_bag_gives_the_same_calibration(tmp_path: Path, trial: Trial, recipe: dict[str, Any]
                                          ) -> None:
    bag = trial_bag(tmp_path / 'bag', trial, **recipe)
    assert calibrate(bag, '--out', tmp_path / 'c.yaml', '--pairs', 8) == 0
    made = load_calibration(tmp_path / 'c.yaml')
    assert made.homography is not None and 'the edges of 8 pairs' in made.source
    apart = project(made.homography, trial.places) - project(trial.truth, trial.places)
    assert np.linalg.norm(apart, axis=1).max() < 1.5
    pictures = sorted(path.name for path in (tmp_path / 'c_overlays').iterdir())
    assert len(pictures) == 6 and pictures[0].startswith('00000.')


def test_a_bag_without_pairs_or_topics_ends_with_one_line(
        tmp_path: Path, trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'out' / 'c.yaml'
    apart = trial_bag(tmp_path / 'apart', trial, clock_offset=0.05)
    (tmp_path / 'torn.mcap').write_bytes(b'\x89MCAP0\r\n' + b'\0' * 40)
    for arguments, words in (
            ((apart,), 'has no pair of /visible/image and /thermal/image'),
            ((apart, '--visible', '/none'), "--visible: no topic '/none' in the bag"),
            ((apart, '--set', 'sync_slop=fast'), 'sync_slop must be'),
            ((tmp_path / 'torn.mcap',), 'torn.mcap'),
            ((tmp_path / 'none',), 'none')):
        assert calibrate(*arguments, '--out', out) == 1
        error = capsys.readouterr().err
        assert error.count('\n') == 1 and words in error
        assert not out.exists()
    assert calibrate(apart, '--out', tmp_path / 'c.yaml', '--set', 'sync_slop=0.06') == 0
    # Nothing is written into a bag.
    assert calibrate(apart, '--out', apart / 'c.yaml', '--set', 'sync_slop=0.06') == 1
    assert 'lies among the input' in capsys.readouterr().err


def test_options_of_bags_are_refused_for_a_folder(folder: Path, tmp_path: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    assert calibrate(folder, '--out', tmp_path / 'c.yaml', '--visible', '/rgb') == 1
    assert '--visible, --thermal and --set are for bags' in capsys.readouterr().err


def test_other_sizes_and_bad_places_end_with_one_line(folder: Path, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / 'thermal' / '2.png', np.zeros((100, 160), np.uint8))
    assert calibrate(folder, '--out', tmp_path / 'c.yaml') == 1
    assert '2 and 0 have other sizes' in capsys.readouterr().err
    assert calibrate(folder, '--out', folder / 'visible' / 'c.yaml') == 1
    assert 'among the input' in capsys.readouterr().err
    assert calibrate(tmp_path / 'none', '--out', tmp_path / 'c.yaml') == 1
    assert 'does not exist' in capsys.readouterr().err


def test_a_folder_or_weights_as_out_end_with_one_line(folder: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'model.safetensors').write_bytes(b'weights')
    for out, words in (('.', 'is a folder'), ('model.safetensors', 'weights')):
        assert calibrate(folder, '--out', out) == 1
        error = capsys.readouterr().err
        assert error.count('\n') == 1 and words in error and 'another --out' in error
    assert (tmp_path / 'model.safetensors').read_bytes() == b'weights'


@pytest.mark.parametrize('link', [os.symlink, os.link])
def test_an_input_is_not_written_over(folder: Path, tmp_path: Path, link: Callable[..., None],
                                      capsys: pytest.CaptureFixture[str]) -> None:
    image = folder / 'thermal' / '1.png'
    before = image.read_bytes()
    link(image, tmp_path / 'c.yaml')
    assert calibrate(folder, '--out', tmp_path / 'c.yaml') == 1
    assert 'among the input' in capsys.readouterr().err
    assert image.read_bytes() == before and not (tmp_path / 'c_overlays').exists()


@pytest.mark.parametrize('more', [('--corners', '2x6'), ('--corners', 'many'), ('--zoom', '0'),
                                  ('--zoom', 'nan'), ('--zoom', '0.001'), ('--zoom', '999999'),
                                  ('--zoom', '100'), ('--pairs', '0'), ('--square', '-1')])
def test_a_wrong_value_ends_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                          more: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as end:
        calibrate(tmp_path, '--out', tmp_path / 'c.yaml', *more)
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count('\n') == 1 and f'got {more[1]!r}' in error
