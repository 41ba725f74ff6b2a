# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The parameter table: its rows, config/fuse.yaml, and values that are not allowed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from degfuse_ros.camera.thermal import ThermalLook
from degfuse_ros.ros.parameter_table import ROWS, TABLE, problem_between, row_of

ROOT = Path(__file__).resolve().parents[2]


def test_params_file_has_every_parameter_with_its_default() -> None:
    file = yaml.safe_load((ROOT / 'config' / 'fuse.yaml').read_text())
    parameters = file['/**']['ros__parameters']
    assert parameters == {row.name: row.default for row in TABLE}
    assert [type(value) for value in parameters.values()] == [type(row.default) for row in TABLE]


def test_the_camera_guide_names_parameters_that_are_there() -> None:
    readme = (ROOT / 'README.md').read_text().partition('\n## Cameras\n')[2].partition('\n## ')[0]
    text = (ROOT / 'docs' / 'cameras.md').read_text() + readme
    given = re.findall(r'`?(?:front\.)?(\w+):=([^\s`)]+)', text)
    assert len(given) > 15
    for name, value in given:
        if name not in ('visible', 'thermal', 'rigs'):  # topics, and a list of one's own
            assert ROWS[name].parse(value) is not None


def test_rows_are_complete() -> None:
    assert len(ROWS) == len(TABLE)
    for row in TABLE:
        assert row.description.endswith('.') and row.problem(row.default) is None
        # A number without a range would let a driver's nonsense through.
        assert type(row.default) not in (int, float) or None not in (row.minimum, row.maximum)
    assert problem_between({row.name: row.default for row in TABLE}) is None


def test_table_needs_no_ros() -> None:
    code = ('import sys, degfuse_ros.ros.parameter_table; '
            'sys.exit(any(name.split(".")[0] in ("rclpy", "torch") for name in sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


@pytest.mark.parametrize(('name', 'value', 'problem'), [
    ('sync_slop', 'fast', "sync_slop must be 0.0001 to 10.0 (double). Got 'fast' (string)"),
    ('sync_slop', 1, 'sync_slop must be 0.0001 to 10.0 (double). Got 1 (integer)'),
    ('sync_slop', 0.0, 'sync_slop must be 0.0001 to 10.0 (double). Got 0.0 (double)'),
    ('sync_slop', float('nan'), 'sync_slop must be 0.0001 to 10.0 (double). Got nan (double)'),
    ('sync_queue_size', True, 'sync_queue_size must be 1 to 1000 (integer). Got True (bool)'),
    ('output_encoding', 'rgb16', 'output_encoding must be one of rgb8, bgr8, mono8 (string). '
     "Got 'rgb16' (string)"),
    ('model', 3, 'model must be any string. Got 3 (integer)'),
    ('lazy', 1, 'lazy must be true or false (bool). Got 1 (integer)'),
    ('rigs', 'front', 'rigs must be one or more different names of letters, digits and _ '
     "(string_array). Got 'front' (string)"),
    *[('rigs', value, 'rigs must be one or more different names of letters, digits and _ '
       f'(string_array). Got {value!r} (string_array)')
      for value in ([], ['front', 'front'], ['front', '/rear'], ['2nd'], ['a.b'], [b'a'])],
])
def test_problems(name: str, value: object, problem: str) -> None:
    assert ROWS[name].problem(value) == problem


def test_contradictions() -> None:
    values = {name: row.default for name, row in ROWS.items()}
    percentiles = {'thermal_percentile_low': 60.0, 'thermal_percentile_high': 50.0}
    assert problem_between({**values, **percentiles}) == (
        'thermal_percentile_low must be below thermal_percentile_high. Got 60.0 and 50.0')
    assert problem_between({**values, 'thermal_low': 50.0}) == (
        'thermal_low must be below thermal_high. Got 50.0 and 50.0')


def test_defaults_of_the_thermal_look_are_the_table_s() -> None:
    assert ThermalLook() == ThermalLook.of(lambda name: ROWS[name].default)


@pytest.mark.parametrize(('name', 'rig', 'row'), [
    ('sync_slop', '', 'sync_slop'), ('front.sync_slop', 'front', 'sync_slop')])
def test_names_of_rigs(name: str, rig: str, row: str) -> None:
    assert row_of(name) == (rig, ROWS[row])


@pytest.mark.parametrize('name', [
    'front.device', 'front.nothing', 'nothing', 'front', '.sync_slop', 'a.b.sync_slop',
    'qos_overrides./x.sync_slop'])
def test_names_of_nothing(name: str) -> None:
    assert row_of(name) is None


def test_what_all_rigs_share_has_no_value_per_rig() -> None:
    assert {row.name for row in TABLE if not row.per_rig} == {
        'model', 'device', 'precision', 'compile', 'guidance_period', 'rigs', 'batch_wait',
        'diagnostics_period'}


@pytest.mark.parametrize(('name', 'text', 'value'), [
    ('sync_slop', '1', 1.0), ('sync_queue_size', '5', 5), ('model', '5', '5'),
    ('lazy', 'true', True), ('lazy', 'False', False), ('rigs', '[front, rear]', ['front', 'rear']),
    ('rigs', 'front,rear', ['front', 'rear']), ('rigs', "['front']", ['front']),
    ('rigs', "['']", ['']), ('rigs', '', [''])])
def test_parse(name: str, text: str, value: object) -> None:
    parsed = ROWS[name].parse(text)
    assert parsed == value and type(parsed) is type(value)


@pytest.mark.parametrize(('name', 'text'), [
    ('sync_slop', 'fast'), ('sync_slop', '99'), ('sync_queue_size', '2.5'),
    ('output_encoding', 'rgb16'), ('lazy', '1'), ('rigs', '[front, front]'), ('rigs', 'a b')])
def test_parse_refuses(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f'{name} must be .* Got'):
        ROWS[name].parse(text)


def test_a_calibration_that_cannot_be_used_is_refused_with_its_reason(tmp_path: Path) -> None:
    row, file = ROWS['calibration'], tmp_path / 'calibration.yaml'
    assert row.problem('') is None
    assert row.problem(str(file)) == (
        f"calibration cannot be '{file}': {file} cannot be read: No such file or directory")
    content = {'version': 1, 'kind': 'homography', 'date': '', 'source': '', 'residual': 0.5,
               'sureness': 1.0, 'visible': {'width': 64, 'height': 48},
               'thermal': {'width': 32, 'height': 24},
               'homography': [[2.0, 0, 0], [0, 2, 0], [-0.1, 0, 1]]}
    file.write_text(yaml.safe_dump(content))
    assert 'folds the image' in (row.problem(str(file)) or '')
    file.write_text(yaml.safe_dump({**content, 'homography': [[2.0, 0, 0], [0, 2, 0], [0, 0, 1]]}))
    assert row.problem(str(file)) is None
    with pytest.raises(ValueError, match='cannot be read'):
        row.parse('/none.yaml')
