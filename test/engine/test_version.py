# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The package's version, installed and not."""

from importlib import metadata

import pytest

from degfuse_ros.engine.version import package_version


def test_the_installed_version_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, 'version', lambda name: f'7 of {name}')
    assert package_version() == '7 of degfuse_ros'


def test_a_source_tree_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, 'version', missing)
    assert package_version() == 'source tree'
