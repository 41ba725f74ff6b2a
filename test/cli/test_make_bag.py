# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse make-bag`."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degfuse_ros.bags.reader import BagReader
from degfuse_ros.cli.main import main

DEMO = ('make-bag', '--from', 'demo', '--size', '64x48', '--seconds', '1')


def counts(bag: Path) -> dict[str, tuple[str, int]]:
    with BagReader(bag) as reader:
        return {name: (topic.kind.rpartition('/')[2], topic.count)
                for name, topic in reader.topics.items()}


def test_the_street_with_everything(tmp_path: Path) -> None:
    out = tmp_path / 'bag'
    assert main([*DEMO, '--out', str(out), '--rate', '20', '--thermal-rate', '10', '--compressed',
                 '--sixteen-bits', '--jitter', '0.001', '--clock-offset', '0.1', '--gap',
                 'thermal:0.5:0.2', '--visible', '/rgb/image', '--thermal', '/ir/image',
                 '--storage', 'sqlite3', '--compression', 'message']) == 0
    assert counts(out) == {
        '/rgb/camera_info': ('CameraInfo', 20), '/rgb/image/compressed': ('CompressedImage', 20),
        '/ir/camera_info': ('CameraInfo', 8), '/ir/image/compressed': ('CompressedImage', 8)}


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ('visible', 'thermal'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
        for number in range(4):
            assert cv2.imwrite(str(tmp_path / 'in' / folder / f'{number}.png'),
                               np.full((48, 64), 50 * number, np.uint8))
    call = ['make-bag', '--from', str(tmp_path / 'in'), '--out', str(tmp_path / 'bag')]
    assert main(call) == 0
    assert '/visible/image 4' in capsys.readouterr().out
    assert counts(tmp_path / 'bag')['/thermal/image'] == ('Image', 4)
    assert main(call) == 1
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith('degfuse make-bag: ') and '--overwrite' in line
    assert main([*call, '--overwrite', '--seconds', '1']) == 0
    assert counts(tmp_path / 'bag')['/thermal/image'] == ('Image', 10)


def test_bad_input_is_one_line_and_leaves_nothing(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more, words in ((('--visible', '/x/../y'), 'no topic for images'),
                        (('--storage', 'sqlite3', '--compression', 'chunk'), 'for mcap'),
                        (('--from', str(tmp_path / 'gone')), 'does not exist')):
        assert main([*DEMO, '--out', str(tmp_path / 'bag'), *more]) == 1
        line, = capsys.readouterr().err.splitlines()
        assert line.startswith('degfuse make-bag: ') and words in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('more', [('--gap', 'third:1:2'), ('--gap', 'thermal:1'), ('--drop', '2'),
                                  ('--jitter', '-1'), ('--rate', '0')])
def test_bad_options(more: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([*DEMO, '--out', 'bag', *more])
    line, = capsys.readouterr().err.splitlines()
    assert raised.value.code == 2 and more[0] in line
