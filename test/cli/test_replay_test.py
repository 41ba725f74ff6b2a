# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse replay-test`: the golden replay of the demo bag, what fails it, and bad input."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from bag_files import contents, image, pair_messages, street, write_bag

from degfuse_ros.cli.main import main

GOLDEN = Path(__file__).resolve().parents[1] / 'golden' / 'demo.json'
# How the demo bag is made; docs/replay.md says the same.
DEMO = ('make-bag', '--from', 'demo', '--size', '320x240', '--seconds', '45', '--rate', '1',
        '--jitter', '0.002', '--sixteen-bits')
FAST = ('--model', 'lite', '--device', 'cpu')


@pytest.fixture(scope='module')
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short bag and its golden file."""
    folder = tmp_path_factory.mktemp('replay')
    street(folder / 'bag', 0.6)
    assert main(['replay-test', str(folder / 'bag'), '--golden', str(folder / 'golden.json'),
                 '--record', *FAST]) == 0
    return folder


def check(recorded: Path, *arguments: str | Path, bag: str = 'bag') -> int:
    """Run the check of a bag."""
    return main(['replay-test', str(recorded / bag), '--golden', str(recorded / 'golden.json'),
                 *map(str, arguments)])


def altered(recorded: Path, tmp_path: Path, **changes: Any) -> Path:
    """Write a golden file with other values; `frame` alters the third frame."""
    content = json.loads((recorded / 'golden.json').read_text())
    content['frames'][2].update(changes.pop('frame', {}))
    content.update(changes)
    file = tmp_path / 'other.json'
    file.write_text(json.dumps(content))
    return file


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith('degfuse replay-test: '), lines
    return lines[0]


def test_the_demo_bag_gives_what_it_gave(tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                         ) -> None:
    assert main([*DEMO, '--out', str(tmp_path / 'demo')]) == 0
    content = json.loads(GOLDEN.read_text())
    assert content['pairs'] == 45 and {frame['label'] for frame in content['frames']} == {
        'clean', 'fog', 'low_light', 'overexposed', 'rain'}
    status = main(['replay-test', str(tmp_path / 'demo'), '--golden', str(GOLDEN)])
    assert status == 0, capsys.readouterr().out


def test_the_demo_bag_is_the_same_each_time(tmp_path: Path) -> None:
    short = [*DEMO[:6], '3', *DEMO[7:]]
    for name in ('one', 'two'):
        assert main([*short, '--out', str(tmp_path / name)]) == 0
    one = contents(tmp_path / 'one')
    assert len(one) == 12 and one == contents(tmp_path / 'two')


def test_same_bag_passes_and_says_how_near(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(recorded, '--junit', tmp_path / 'junit.xml') == 0
    output = capsys.readouterr().out
    assert output.count(' ok ') == 7 and 'gives the 6 pairs' in output
    [suite] = ElementTree.parse(tmp_path / 'junit.xml').getroot()
    assert (suite.get('tests'), suite.get('failures'), suite.get('errors')) == ('7', '0', '0')
    assert [case.get('name') for case in suite] == [
        'pairs', 'class', 'routing', 'mean', 'deviation', 'sharpness', 'colour']


@pytest.mark.parametrize(('change', 'name', 'words'), [
    ({'label': 'rain'}, 'class', ['expected rain']),
    ({'routing': [{'0': 1.0}] * 11}, 'routing', ['layer 0', 'expected 1.000 of expert 0']),
    ({'mean': [0.0, 0.0, 0.0]}, 'mean', ['expected [0.0, 0.0, 0.0]']),
    ({'deviation': 1.5}, 'deviation', ['expected 1.5']),
    ({'sharpness': 2.5}, 'sharpness', ['expected 2.5']),
    ({'thumbnail': 'A' * 256}, 'colour', ['expected (0.0, 0.0, 0.0)', 'row', 'column']),
    ({'visible': 1_700_000_000_250_000_000}, 'pairs', ['missing']),
    ({'thermal': 1_700_000_000_250_000_000}, 'pairs', ['got images of visible 1700000000.2000']),
    ({'size': [640, 480]}, 'pairs', ['got 64x48 pixels, expected 640x480']),
])
def test_a_difference_names_frame_value_got_and_expected(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        change: dict[str, Any], name: str, words: list[str]) -> None:
    golden = altered(recorded, tmp_path, frame=change)
    assert check(recorded, '--golden', golden, '--junit', tmp_path / 'junit.xml') == 1
    printed = capsys.readouterr()
    assert f'differs from {golden} in {name}\n' in printed.err
    assert all(word in printed.out for word in ['frame 3 (0.2', *words])
    [suite] = ElementTree.parse(tmp_path / 'junit.xml').getroot()
    [failed] = [case for case in suite if len(case)]
    assert suite.get('failures') == '1' and failed.get('name') == name
    assert all(word in str(failed[0].text) for word in words)


def test_a_tolerance_lets_a_difference_pass(recorded: Path, tmp_path: Path) -> None:
    deviation = json.loads((recorded / 'golden.json').read_text())['frames'][2]['deviation']
    golden = altered(recorded, tmp_path, frame={'deviation': deviation + 5})
    assert check(recorded, '--golden', golden) == 1
    assert check(recorded, '--golden', golden, '--tolerance', 'deviation=5.1') == 0
    content = json.loads(golden.read_text())
    content['tolerances']['deviation'] = 5.1
    golden.write_text(json.dumps(content))
    assert check(recorded, '--golden', golden) == 0


def test_another_setting_of_the_node_is_seen(recorded: Path, tmp_path: Path) -> None:
    content = json.loads((recorded / 'golden.json').read_text())
    golden = altered(recorded, tmp_path, parameters={
        **content['parameters'], 'thermal_polarity': 'black_hot'})
    assert check(recorded, '--golden', golden) == 1


def test_fewer_and_more_frames(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    street(tmp_path / 'short', 0.4)
    assert check(recorded, bag=str(tmp_path / 'short')) == 1
    output = capsys.readouterr().out
    assert 'got 4 pairs, expected 6' in output and 'frame 6 (0.500 s): missing' in output
    street(tmp_path / 'long', 0.7)
    assert check(recorded, bag=str(tmp_path / 'long')) == 1
    assert 'a pair that is not expected, at 0.600 s' in capsys.readouterr().out


def test_what_was_dropped_is_told(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = image(1_700_000_000_600_000_000)
    wrong.data = wrong.data[:9]
    write_bag(tmp_path / 'bag', [*pair_messages(2), ('/visible/image', 0.6, wrong)])
    assert check(recorded, bag=str(tmp_path / 'bag')) == 1
    assert 'dropped: 1 visible.' in capsys.readouterr().out


def test_nothing_is_recorded_silently(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden = tmp_path / 'golden.json'
    assert check(recorded, '--golden', golden) == 2
    assert f'{golden} does not exist: record it with --record' in complaint(capsys)
    assert not golden.exists()
    before = (recorded / 'golden.json').read_bytes()
    assert check(recorded, '--record', *FAST, '--set', 'thermal_polarity=black_hot') == 2
    assert 'exists already: give --overwrite' in complaint(capsys)
    assert (recorded / 'golden.json').read_bytes() == before


def test_given_parameters_must_be_the_recorded_ones(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(recorded, '--set', 'sync_slop=0.02') == 0
    capsys.readouterr()
    assert check(recorded, '--set', 'sync_slop=0.04') == 2
    assert 'other parameters than in ' in (line := complaint(capsys))
    assert 'sync_slop 0.04 (recorded 0.02)' in line
    file = tmp_path / 'fuse.yaml'
    file.write_text('fuse:\n  ros__parameters:\n    pairing: nearest\n    max_age: 1.0\n')
    assert check(recorded, '--params', file) == 2
    assert "pairing 'nearest' (recorded 'exact_once'). Give" in complaint(capsys)
    file.write_text('fuse:\n  ros__parameters:\n    max_age: 1.0\n')  # of no effect on a bag
    assert check(recorded, '--params', file) == 0


def test_another_model_is_one_line(recorded: Path, tmp_path: Path,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    junit = tmp_path / 'junit.xml'
    assert check(recorded, '--model', 'base', '--junit', junit) == 2
    line = complaint(capsys)
    assert 'was recorded with model lite (' in line and 'this is base (' in line
    [suite] = ElementTree.parse(junit).getroot()
    assert suite.get('errors') == '1' and str(suite[0][0].get('message')) in line


@pytest.mark.parametrize(('content', 'words'), [
    ('{"pairs": ', 'is not JSON'),
    ('[]', 'no golden file'),
    ('{"degfuse_golden": 2}', 'has version 2 of the golden format, this degfuse reads 1'),
    ('{"degfuse_golden": 1}', "is damaged: 'frames' is missing"),
    ('{"degfuse_golden": 1, "frames": [{"size": [1, 2]}]}', 'is damaged'),
    (b'\xff\xfe\x00', 'is not JSON'),
])
def test_a_bad_golden_file_is_one_line(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        content: str | bytes, words: str) -> None:
    file = tmp_path / 'golden.json'
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    assert check(recorded, '--golden', file) == 2
    assert words in complaint(capsys)


@pytest.mark.parametrize(('changes', 'words'), [
    ({'parameters': {'sync_slop': 'wide'}}, 'sync_slop must be 0.0001 to 10.0 (double). Got'),
    ({'parameters': {'colour': 1}}, 'had a parameter colour, this one has not'),
    ({'tolerances': {'mean': -1}}, 'tolerance mean must be a number of 0 or more. Got -1'),
    ({'tolerances': {'taste': 1}}, "there is no tolerance 'taste', but pairs, class"),
    ({'frame': {'thumbnail': 'AAAA'}}, 'a thumbnail has 192 bytes, this one 3'),
    ({'pairs': 7}, '"pairs" is 7, but it has 6 frames'),
])
def test_a_wrong_value_in_the_golden_file_is_one_line(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        changes: dict[str, Any], words: str) -> None:
    assert check(recorded, '--golden', altered(recorded, tmp_path, **changes)) == 2
    assert words in complaint(capsys)


def test_other_bad_input_is_one_line(
        recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'text.mcap').write_text('no bag')
    for arguments, words in (
            ({'bag': str(tmp_path / 'text.mcap')}, 'text.mcap'),
            ({'bag': str(tmp_path / 'none')}, 'none'),
    ):
        assert check(recorded, **arguments) == 2
        assert words in complaint(capsys)
    for option, words in (('mean', 'give NAME=VALUE'), ('mean=much', 'one of pairs, class'),
                          ('taste=1', "no tolerance 'taste'")):
        assert check(recorded, '--tolerance', option) == 2
        assert words in complaint(capsys)
    assert check(recorded, '--visible', '/other') == 2
    assert "no topic '/other' in the bag" in complaint(capsys)
    assert check(recorded, '--overwrite') == 2
    assert '--overwrite goes with --record' in complaint(capsys)
