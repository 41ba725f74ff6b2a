# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Places to write, checked on a real file system."""
from pathlib import Path

import pytest

from degfuse_ros.cli.command_error import CommandError
from degfuse_ros.cli.folder import check_report


@pytest.mark.parametrize('name', ['base.safetensors', 'new.safetensors', 'BASE.SAFETENSORS',
                                  'link.json', 'links/base.safetensors'])
def test_weights_are_no_place_for_a_report(tmp_path: Path, name: str) -> None:
    weights = tmp_path / 'base.safetensors'
    weights.write_bytes(b'weights')
    (tmp_path / 'link.json').symlink_to(weights)
    (tmp_path / 'links').symlink_to(tmp_path)
    with pytest.raises(CommandError, match='place for weights, not for a report: give another '
                                           '--json') as caught:
        check_report(tmp_path / name, '--json')
    assert '\n' not in str(caught.value)
    assert weights.read_bytes() == b'weights' and not (tmp_path / 'new.safetensors').exists()


def test_a_report_may_be_new_or_written_again(tmp_path: Path) -> None:
    report = tmp_path / 'deep' / 'safetensors.json'
    check_report(report, '--json')
    assert report.parent.is_dir() and not report.exists()
    report.write_text('before')
    check_report(report, '--json')
    assert report.read_text() == 'before'


def test_what_is_no_file_is_refused_for_a_report_too(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match='is a folder where a file is to be written'):
        check_report(tmp_path, '--json')
