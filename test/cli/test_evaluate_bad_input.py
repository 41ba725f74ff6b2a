# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse evaluate` and what users get wrong: each fault is named in one line."""
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from evaluation_command import Report, evaluate, metrics_of, scene, write, write_plain

from degfuse_ros.evaluation.degradations import CASES


@pytest.fixture(scope='module')
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plain folders in which one pair is sound and every other has another fault."""
    root = write_plain(tmp_path_factory.mktemp('odd set'), 'good.png', 'seen.png', 'warm.png',
                       'torn.png', 'sizes.png', 'palette.png', 'tiny.png')
    (root / 'thermal' / 'seen.png').unlink()
    (root / 'visible' / 'warm.png').unlink()
    (root / 'visible' / 'torn.png').write_bytes(b'no picture')
    write(root / 'thermal' / 'sizes.png', scene(4)[1][:48])
    heat = cv2.applyColorMap(scene(5)[1], cv2.COLORMAP_INFERNO)
    write(root / 'thermal' / 'palette.png', heat)
    for kind, image in zip(('visible', 'thermal'), scene(6)):
        write(root / kind / 'tiny.png', image[:32, :32])
    write(root / 'rival' / 'another name.png', scene(0)[0])
    return root


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(faulty: Path, tmp_path: Path) -> None:
    result = evaluate(faulty, tmp_path, '--fused', f'rival={faulty / "rival"}')
    assert result.status == 1 and 'Traceback' not in result.error
    assert '1 pairs, 10 methods, 7 left out' in result.out
    left_out = metrics_of(tmp_path / 'metrics.json')['data']['left_out']
    wanted = (r'seen\.png has no counterpart', r'warm\.png has no counterpart',
              r'torn\.png is not an image', r'sizes: .* 96 x 64 .* 96 x 48: register the pair',
              r'palette\.png is in colour', r'/tiny: images .* 41 x 41 pixels or larger',
              r'rival, .*/good: no fused image good\.\* in .*another name\.png')
    for words in wanted:
        assert len([line for line in left_out if re.search(words, line)]) == 1, words
    assert len(left_out) == len(wanted)
    notes = metrics_of(tmp_path / 'metrics.json')['data']['notes']
    assert [note.split()[0] for note in notes] == ['plain', 'no']  # no splits, none known as clean
    assert result.error.splitlines() == [
        *(f'degfuse evaluate: note: {note}' for note in notes),
        *(f'degfuse evaluate: left out: {line}' for line in left_out)]
    words = ' '.join(Report(tmp_path / 'report.html').words)
    assert all(line in words for line in left_out)


def test_what_is_missing_may_be_allowed(faulty: Path, tmp_path: Path) -> None:
    result = evaluate(faulty, tmp_path, '--allow-missing', '--limit', 1)
    assert result.status == 0
    assert '1 pairs' in result.out and '2 left out' in result.out
    assert result.error.count('left out: ') == 2  # those without a counterpart


@pytest.fixture(scope='module')
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plain(tmp_path_factory.mktemp('plain'), 'one.png', 'two.PNG')


@pytest.mark.parametrize(('more', 'words'), [
    (('--fused', 'folder'), "give --fused as NAME=FOLDER; got 'folder'"),
    (('--fused', 'x='), "give NAME=VALUE; got 'x='"),
    (('--fused', 'x=/none'), '/none is not a folder'),
    (('--fused', 'mean=/'), "two rows would be called 'mean'"),
    (('--fused', 'base=/'), "two rows would be called 'base'"),
    (('--model', 'base', '--model', 'base'), "two rows would be called 'base'"),
    (('--model', '=base'), "give NAME=VALUE; got '=base'"),
    (('--model', ''), "give NAME=VALUE; got ''"),
    (('--model', 'none'), "no model named 'none'"),
    (('--model', 'ours=/none/x.safetensors'), '/none/x.safetensors'),
    (('--device', 'toaster'), "'toaster'"),
    (('--detector', '/none.onnx'), '/none.onnx'),
    (('--detector', __file__), 'is not an ONNX file'),
    (('--limit', '0'), '--limit must be 1 or more; got 0'),
    (('--clip', 'nowhere'), "no source 'nowhere' for --clip"),
    (('--out', __file__), 'is a file: give a folder as --out'),
    (('--json', '/proc'), '/proc is a folder'),
    (('--write-degraded', __file__), 'is a file: give a folder as --write-degraded'),
    (('--data', '/none'), 'no data in /none'),
])
def test_a_wrong_option_ends_with_one_line(plain: Path, tmp_path: Path, more: tuple[str, ...],
                                           words: str) -> None:
    result = evaluate(plain, tmp_path / 'out', *more)
    assert result.status == 1 and result.out == ''
    assert result.error.count('\n') == 1 and words in result.error
    assert not (tmp_path / 'out' / 'metrics.json').exists()


def test_the_results_replace_no_input_and_not_the_report(tmp_path: Path) -> None:
    table, weights, detector = (tmp_path / name
                                for name in ('pairs.csv', 'w.safetensors', 'd.onnx'))
    for file in (table, weights, detector):
        file.write_text('precious')
    for file in (table, weights, detector, tmp_path / 'out' / 'report.html'):
        result = evaluate(tmp_path, tmp_path / 'out', '--json', file, '--model', f'a={weights}',
                          '--detector', detector)
        assert result.status == 1 and 'give another --json' in result.error
        assert result.error.count('\n') == 1
    assert all(file.read_text() == 'precious' for file in (table, weights, detector))


def test_a_split_that_the_table_lacks_is_told_from_those_it_has(tmp_path: Path) -> None:
    (tmp_path / 'pairs.csv').write_text('source,split,name,visible_path,thermal_path\n'
                                        'street,train,noon,v.png,t.png\n')
    for split, words in (('val', "no pair of split 'val'"), ('train', 'v.png is missing')):
        result = evaluate(tmp_path, tmp_path / 'out', '--split', split)
        assert result.status == 1 and result.error.count('\n') == 1 and words in result.error


def test_a_set_without_any_usable_pair_ends_with_one_line(tmp_path: Path) -> None:
    root = tmp_path / 'small'
    for kind, image in zip(('visible', 'thermal'), scene(0)):
        write(root / kind / 'a.png', image[:32, :32])
    result = evaluate(root, tmp_path / 'out')
    assert result.status == 1 and result.error.count('\n') == 1
    assert 'none of the 1 pairs can be used' in result.error and 'small/a: ' in result.error


def test_an_interruption_ends_with_one_line(plain: Path, tmp_path: Path) -> None:
    command = [sys.executable, '-m', 'degfuse_ros.cli.main', 'evaluate', '--data', str(plain),
               '--out', str(tmp_path), '--device', 'cpu', '--write-degraded', str(tmp_path / 'in')]
    # A shell that runs the tests in the background may have SIGINT ignored.
    with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        deadline = time.monotonic() + 120
        while not (tmp_path / 'in' / CASES[1].name).exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130 and out.startswith('2 pairs as they are')
    assert error == 'degfuse: interrupted\n'
    assert not (tmp_path / 'metrics.json').exists()
