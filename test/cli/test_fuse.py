# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse fuse` on files, as a process and with the shipped weights."""
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from degfuse_ros.demo.stream import DemoStream
from degfuse_ros.demo.timeline import Condition
from degfuse_ros.engine import CLASSES, FusionEngine


def fuse(visible: Path, thermal: Path, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'degfuse_ros.cli.main', 'fuse', '--visible', str(visible),
         '--thermal', str(thermal), '--out', str(out), '--device', 'cpu', *more],
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
                  'tiny: an image is smaller than 32x32'):
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


@pytest.mark.parametrize(('more', 'words'), [
    (('--model', 'none'), "no model named 'none'"),
    (('--model', '/nowhere/x.safetensors'), '/nowhere/x.safetensors'),
    (('--device', 'toaster'), "'toaster'"),
    (('--json', '/proc/none/x.json'), '/proc/none'),
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


def test_a_missing_folder_ends_with_one_line(tmp_path: Path) -> None:
    result = fuse(tmp_path / 'none', tmp_path, tmp_path / 'out')
    assert result.returncode == 1
    assert result.stderr.count('\n') == 1 and 'does not exist' in result.stderr
