# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node's parameters without a node."""
from __future__ import annotations

from pathlib import Path

import pytest

from degfuse_ros.ros.parameter_file import ParameterFileError, read_parameters
from degfuse_ros.ros.parameter_table import ROWS

CONFIG = Path(__file__).resolve().parents[2] / 'config' / 'fuse.yaml'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / 'fuse.yaml'
    file.write_text(text)
    return file


def test_defaults_and_the_shipped_file_say_the_same() -> None:
    defaults = {name: row.default for name, row in ROWS.items()}
    assert read_parameters(None, []) == (defaults, [])
    assert read_parameters(CONFIG, []) == (defaults, [])


def test_a_setting_wins_over_the_node_s_part_over_the_general_part(tmp_path: Path) -> None:
    file = written(tmp_path, 'fuse:\n  ros__parameters: {sync_slop: 0.2, sync_queue_size: 20}\n'
                   '/**:\n  ros__parameters: {sync_slop: 0.1, sync_queue_size: 10, max_age: 1}\n'
                   'other_node:\n  ros__parameters: {sync_slop: 9.0}\n')
    values, unknown = read_parameters(file, ['sync_slop=0.3'])
    assert (values['sync_slop'], values['sync_queue_size'], values['max_age']) == (0.3, 20, 1.0)
    assert unknown == []


def test_unknown_names_are_told_and_those_of_ros_are_not(tmp_path: Path) -> None:
    file = written(tmp_path, '/**:\n  ros__parameters:\n    sync_slob: 1.0\n'
                   '    use_sim_time: true\n    qos_overrides: {/a: {}}\n')
    assert read_parameters(file, [])[1] == ['sync_slob']


@pytest.mark.parametrize(('text', 'words'), [
    ('/**: {ros__parameters: {sync_slop: 99.0}}', 'sync_slop must be'),
    ('/**: {ros__parameters: {sync_slop: fast}}', "Got 'fast'"),
    ('camera: {ros__parameters: {}}', 'sets nothing'), ('[1, 2]', 'sets nothing'),
    ('a: [', 'not YAML'), ('/**: {ros__parameters: {thermal_percentile_low: 99.5}}', 'below')])
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ParameterFileError, match=words) as raised:
        read_parameters(written(tmp_path, text), [])
    assert '\n' not in str(raised.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ParameterFileError, match='cannot be read'):
        read_parameters(tmp_path / 'gone.yaml', [])


@pytest.mark.parametrize(('setting', 'words'), [
    ('sync_slop', 'NAME=VALUE'), ('nothing=1', 'NAME=VALUE'), ('sync_slop=x', "Got 'x'"),
    ('pairing=all', 'exact_once')])
def test_a_setting_that_cannot_be_used(setting: str, words: str) -> None:
    with pytest.raises(ParameterFileError, match=words):
        read_parameters(None, [setting])
