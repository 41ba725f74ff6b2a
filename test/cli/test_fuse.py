# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse fuse` on files, as a process and with the shipped weights."""
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from privilege import WITHOUT_PRIVILEGE

from degfuse_ros.camera.calibration import Calibration, to_text
from degfuse_ros.camera.homography import similarity
from degfuse_ros.demo.stream import DemoStream
from degfuse_ros.demo.timeline import Condition
from degfuse_ros.engine import CLASSES, FusionEngine


def command(visible: Path, thermal: Path, out: Path | str) -> list[str]:
    return [*WITHOUT_PRIVILEGE, sys.executable, '-m', 'degfuse_ros.cli.main', 'fuse', '--visible',
            str(visible), '--thermal', str(thermal), '--out', str(out), '--device', 'cpu']


def fuse(visible: Path, thermal: Path, out: Path | str, *more: str
         ) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command(visible, thermal, out), *more],
                          capture_output=True, text=True, timeout=170, check=False)


@pytest.fixture(scope='module')
def scene() -> Any:
    return DemoStream((96, 64), seconds=10.0, rate=2.0).frame(4, Condition('fog', 0.7))


@pytest.fixture
def folders(tmp_path: Path, scene: Any) -> tuple[Path, Path]:
    visible, thermal = tmp_path / 'visible', tmp_path / 'thermal'
    visible.mkdir()
    thermal.mkdir()
    for name in ('one', 'two'):
        write(visible / f'{name}.png', scene.visible[..., ::-1])
        write(thermal / f'{name}.bmp', scene.thermal)
    return visible, thermal


def write(path: Path, image: np.ndarray) -> None:
    assert cv2.imwrite(str(path), image)


def test_images_and_results_are_the_engines_own(folders: tuple[Path, Path], tmp_path: Path,
                                                scene: Any) -> None:
    result = fuse(*folders, tmp_path / 'out')
    assert result.returncode == 0, result.stderr
    document = json.loads((tmp_path / 'out' / 'fusion.json').read_text())
    engine = FusionEngine.load(device='cpu')
    expected = engine.fuse(scene.visible, scene.thermal)
    assert document['left_out'] == []
    assert document['engine']['model_hash'] == engine.model_hash
    assert [entry['name'] for entry in document['images']] == ['one', 'two']
    for entry in document['images']:
        image = cv2.imread(entry['fused'])
        assert image is not None
        difference = np.abs(image[..., ::-1].astype(int) - expected.image)
        assert difference.max() <= 1  # another process may run with another number of threads
        assert entry['label'] == expected.degradation.label
        assert set(entry['scores']) == set(CLASSES) and len(entry['severity']) == 4
        assert sum(entry['scores'].values()) == pytest.approx(1, abs=1e-3)
        assert list(entry['routing']) == list(engine.layer_names)
        assert all(sum(weight > 0 for weight in row) == 2 for row in entry['routing'].values())


def test_two_files_and_a_json_of_ones_own(folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = fuse(folders[0] / 'one.png', folders[1] / 'two.bmp', tmp_path / 'out', '--json',
                  str(tmp_path / 'deep' / 'results.json'))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / 'out' / 'one.png').exists()
    assert len(json.loads((tmp_path / 'deep' / 'results.json').read_text())['images']) == 1


def test_what_cannot_be_fused_is_named_and_the_rest_goes_on(folders: tuple[Path, Path],
                                                            tmp_path: Path, scene: Any) -> None:
    visible, thermal = folders
    (visible / 'broken.png').write_bytes(b'no picture')
    write(thermal / 'broken.png', scene.thermal)
    write(visible / 'alone.png', scene.visible)
    write(visible / 'tiny.png', scene.visible[:20, :20])
    write(thermal / 'tiny.png', scene.thermal[:20, :20])
    result = fuse(visible, thermal, tmp_path / 'out')
    assert result.returncode == 1
    assert '2 fused, 3 left out' in result.stdout
    assert 'Traceback' not in result.stderr
    for words in ('broken.png is not an image', 'alone.png has no counterpart',
                  'tiny: the thermal image must be 32 x 32 pixels or larger'):
        assert words in result.stderr
    document = json.loads((tmp_path / 'out' / 'fusion.json').read_text())
    assert len(document['images']) == 2 and len(document['left_out']) == 3


def test_counts_and_other_sizes_are_brought_into_line_with_one_warning(
        folders: tuple[Path, Path], tmp_path: Path, scene: Any) -> None:
    visible, thermal = folders
    for name in ('one', 'two'):
        (thermal / f'{name}.bmp').unlink()
        counts = cv2.resize(scene.thermal, (48, 40)).astype(np.uint16) * 20 + 29_000
        write(thermal / f'{name}.png', counts)
    result = fuse(visible, thermal, tmp_path / 'out')
    assert result.returncode == 0, result.stderr
    assert result.stderr.count('were resized') == 1 and '2 thermal images' in result.stderr
    fused = cv2.imread(str(tmp_path / 'out' / 'one.png'))
    assert fused is not None and fused.shape == (64, 96, 3)
    result = fuse(visible / 'one.png', thermal / 'one.png', tmp_path / 'out')
    assert '1 thermal image was resized' in result.stderr


def calibration_file(folder: Path, thermal_size: tuple[int, int] = (48, 32)) -> Path:
    """Write a calibration: half the size, so that the thermal view is the middle of the other."""
    made = Calibration((96, 64), thermal_size, 0.5, 1.0, '', '', similarity(
        0.0, 1.0, (0.0, 0.0), (48, 32), (96, 64)))
    (folder / 'calibration.yaml').write_text(to_text(made))
    return folder / 'calibration.yaml'


def test_with_a_calibration_the_thermal_image_has_a_say_only_where_it_reaches(
        folders: tuple[Path, Path], tmp_path: Path, scene: Any) -> None:
    visible, thermal = folders
    write(thermal / 'one.bmp', scene.thermal[16:48, 24:72])
    write(thermal / 'two.bmp', 255 - scene.thermal[16:48, 24:72])
    calibration = calibration_file(tmp_path)
    result = fuse(visible, thermal, tmp_path / 'out', '--calibration', str(calibration))
    assert result.returncode == 0 and 'resized' not in result.stderr, result.stderr
    one, two = (cv2.imread(str(tmp_path / 'out' / f'{name}.png')) for name in ('one', 'two'))
    assert one is not None and two is not None
    restored = FusionEngine.load(device='cpu').restore(scene.visible).image[..., ::-1].astype(int)
    outside = np.ones((64, 96), bool)
    outside[16:48, 24:72] = False
    for fused in (one, two):
        assert np.abs(fused - restored)[outside].max() <= 2
    inside = np.s_[20:44, 28:68]
    assert np.abs(one.astype(int) - two)[inside].mean() > 10


def test_a_calibration_that_does_not_fit_leaves_the_pairs_out(
        folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = fuse(*folders, tmp_path / 'out', '--calibration',
                  str(calibration_file(tmp_path, (48, 48))))
    assert result.returncode == 1
    assert 'one: the calibration was made for thermal images of 48 x 48. Got 96 x 64, another '\
        'aspect' in result.stderr
    assert '0 fused, 2 left out' in result.stdout


def test_the_results_do_not_replace_the_calibration(folders: tuple[Path, Path], tmp_path: Path
                                                    ) -> None:
    file = calibration_file(tmp_path)
    before = file.read_bytes()
    result = fuse(*folders, tmp_path / 'out', '--calibration', str(file), '--json', str(file))
    assert result.returncode == 1 and 'is the same file as' in result.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize(('more', 'words'), [
    (('--calibration', '/none.yaml'), '--calibration: /none.yaml cannot be read'),
    (('--calibration', '/proc/version'), '--calibration: /proc/version is no'),
    (('--model', 'none'), "no model named 'none'"),
    (('--model', '/nowhere/x.safetensors'), '/nowhere/x.safetensors'),
    (('--device', 'toaster'), "'toaster'"),
    (('--json', '/proc/none/x.json'), '/proc/none'),
    (('--json', '/proc'), '/proc is a folder'),
    # The model comes after: places to write are checked before anything slow.
    (('--json', '/proc/x.json', '--model', 'none'), '/proc cannot be written'),
    (('--out', '/proc', '--model', 'none'), '/proc cannot be written'),
])
def test_a_wrong_option_ends_with_one_line(folders: tuple[Path, Path], tmp_path: Path,
                                           more: tuple[str, ...], words: str) -> None:
    result = fuse(*folders, tmp_path / 'out', *more)
    assert result.returncode == 1
    assert result.stderr.count('\n') == 1 and words in result.stderr
    assert not (tmp_path / 'out' / 'one.png').exists()


def test_the_input_folder_is_no_output_folder(folders: tuple[Path, Path]) -> None:
    before = (folders[0] / 'one.png').read_bytes()
    result = fuse(*folders, folders[0])
    assert result.returncode == 1 and 'would overwrite' in result.stderr
    assert (folders[0] / 'one.png').read_bytes() == before


@pytest.mark.parametrize('link', ['soft', 'hard'])
@pytest.mark.parametrize('option', ['--out', '--json'])
def test_no_link_leads_a_result_into_an_input(folders: tuple[Path, Path], tmp_path: Path,
                                              link: str, option: str) -> None:
    original, out = folders[0] / 'one.png', tmp_path / 'out'
    before = original.read_bytes()
    out.mkdir()
    target = out / ('one.png' if option == '--out' else 'results.json')
    if link == 'soft':
        target.symlink_to(original)
    else:
        target.hardlink_to(original)
    result = fuse(*folders, out, *(('--json', str(target)) if option == '--json' else ()))
    assert original.read_bytes() == before
    assert result.returncode == 1 and result.stderr.count('\n') == 1
    assert f'{target} is the same file as' in result.stderr and option in result.stderr


def test_an_input_that_is_a_link_in_the_output_folder_is_kept(folders: tuple[Path, Path],
                                                              tmp_path: Path) -> None:
    original, out = folders[0] / 'one.png', tmp_path / 'out'
    before = original.read_bytes()
    out.mkdir()
    (out / 'w.png').symlink_to(original)
    result = fuse(out / 'w.png', folders[1] / 'one.bmp', out)
    assert result.returncode == 1 and 'would overwrite' in result.stderr
    assert original.read_bytes() == before


def test_the_results_do_not_replace_a_picture(folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = fuse(*folders, tmp_path / 'out', '--json', str(tmp_path / 'out' / 'two.png'))
    assert result.returncode == 1 and 'would overwrite' in result.stderr


def test_places_without_permission_end_with_one_line(folders: tuple[Path, Path], tmp_path: Path
                                                     ) -> None:
    visible, thermal = folders
    locked = tmp_path / 'locked'
    locked.mkdir()
    (tmp_path / 'results.json').touch(mode=0o444)
    locked.chmod(0o500)
    # None of these needs the model, which does not exist.
    cases = [fuse(visible, thermal, locked, '--model', 'none'),
             fuse(visible, thermal, tmp_path, '--model', 'none', '--json',
                  str(tmp_path / 'results.json'))]
    locked.chmod(0)
    cases += [fuse(locked / 'a.png', thermal, tmp_path / 'out'),
              fuse(visible, thermal, tmp_path / 'out', '--model', str(locked / 'x.safetensors'))]
    locked.chmod(0o700)
    for result, words in zip(cases, ('locked cannot be written', 'results.json cannot be written',
                                     'a.png cannot be read', 'cannot open'), strict=True):
        assert result.returncode == 1 and result.stderr.count('\n') == 1, result.stderr
        assert words in result.stderr and 'Permission denied' in result.stderr


def test_a_picture_that_cannot_be_written_is_found_at_the_start(folders: tuple[Path, Path],
                                                                tmp_path: Path) -> None:
    (tmp_path / 'two.png').mkdir()
    result = fuse(*folders, tmp_path)
    assert result.returncode == 1 and result.stderr.count('\n') == 1
    assert 'two.png is a folder' in result.stderr and not (tmp_path / 'one.png').exists()


def test_an_output_that_is_a_file_is_called_one(folders: tuple[Path, Path], tmp_path: Path
                                                ) -> None:
    (tmp_path / 'file').touch()
    result = fuse(*folders, tmp_path / 'file')
    assert result.returncode == 1 and 'file is a file: give a folder as --out' in result.stderr


@pytest.mark.parametrize('option', ['--visible', '--thermal', '--out', '--json'])
def test_an_empty_path_is_refused(folders: tuple[Path, Path], tmp_path: Path, option: str) -> None:
    result = fuse(*folders, tmp_path / 'out', option, '')
    assert result.returncode == 2 and result.stderr.count('\n') == 1
    assert f"argument {option}: give a path, or . for this folder; got ''" in result.stderr


def test_an_interruption_keeps_the_results_so_far(folders: tuple[Path, Path], tmp_path: Path
                                                  ) -> None:
    for number in range(500):  # far more than are fused before the signal
        (folders[0] / f'{number:03}.png').symlink_to(folders[0] / 'one.png')
        (folders[1] / f'{number:03}.bmp').symlink_to(folders[1] / 'one.bmp')
    # A shell that runs the tests in the background may have SIGINT ignored.
    with subprocess.Popen(
            command(*folders, tmp_path / 'out'), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / 'out' / '002.png').exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ''
    assert error.count('\n') == 1 and 'interrupted' in error
    document = json.loads((tmp_path / 'out' / 'fusion.json').read_text())
    fused = [Path(entry['fused']) for entry in document['images']]
    assert 2 <= len(fused) < 502 and all(cv2.imread(str(file)) is not None for file in fused)
    assert document['left_out'] == [
        f'interrupted: {502 - len(fused)} of 502 pairs were not fused']


def test_a_missing_folder_ends_with_one_line(tmp_path: Path) -> None:
    result = fuse(tmp_path / 'none', tmp_path, tmp_path / 'out')
    assert result.returncode == 1
    assert result.stderr.count('\n') == 1 and 'does not exist' in result.stderr
