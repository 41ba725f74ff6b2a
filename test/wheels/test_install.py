# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The installer of the stand-ins, and the check of the machine that comes before it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

WHEELS = Path(__file__).resolve().parent.parent.parent / 'wheels'


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """wheels/install.py, with a prefix of its own."""
    monkeypatch.syspath_prepend(str(WHEELS))
    monkeypatch.delitem(sys.modules, 'install', raising=False)
    import install

    monkeypatch.setattr(install, 'PREFIX', tmp_path)
    monkeypatch.setattr(install, 'SITE_PACKAGES', tmp_path / 'site-packages')
    monkeypatch.setattr(install, 'MARKERS', tmp_path / 'markers')
    return install


def test_a_real_package_stays(installer: ModuleType, tmp_path: Path,
                              monkeypatch: pytest.MonkeyPatch,
                              capsys: pytest.CaptureFixture[str]) -> None:
    real = tmp_path / 'opt' / 'message_filters' / '__init__.py'
    real.parent.mkdir(parents=True)
    real.touch()
    monkeypatch.syspath_prepend(str(tmp_path / 'opt'))
    installer.install('message_filters', installer.install_message_filters)
    assert capsys.readouterr().out == f'message_filters: keeping the package at {real}\n'
    assert not (tmp_path / 'site-packages').exists()


def test_a_stand_in_is_installed_once_and_replaced_when_it_changes(
        installer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, 'path', [str(tmp_path / 'site-packages')])
    printed = ''
    for _ in range(3):
        importlib.invalidate_caches()
        installer.install('message_filters', installer.install_message_filters)
        if 'up to date' in (printed := printed + capsys.readouterr().out):
            monkeypatch.setattr(installer, 'source_hash', lambda name: 'changed')
    assert printed.splitlines() == [
        'message_filters: installed', 'message_filters: up to date', 'message_filters: installed']
    assert (tmp_path / 'site-packages' / 'message_filters' / 'cache.py').is_file()


@pytest.mark.parametrize('python', ['3.11', '3.12'])
def test_cmake_exports_get_the_paths_of_this_environment(
        installer: ModuleType, tmp_path: Path, python: str) -> None:
    import sysconfig

    import numpy

    there = f'/opt/python/cp{python.replace(".", "")}-x'
    packages = f'{there}/lib/python{python}/site-packages'
    export = tmp_path / 'share' / 'some_msgs' / 'cmake' / 'export.cmake'
    export.parent.mkdir(parents=True)
    export.write_text('INCLUDE "${_IMPORT_PREFIX}/include;'
                      f'{there}/include/python{python};{packages}/numpy/_core/include"\n')
    installer.adapt_exports()
    assert export.read_text() == (
        'INCLUDE "${_IMPORT_PREFIX}/include;'
        f'{sysconfig.get_path("include")};{numpy.get_include()}"\n')


def check_machine(folder: Path, programs: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run check_machine.sh where only these programs exist: name to text of a shell script."""
    folder.mkdir()
    for name, text in programs.items():
        (folder / name).write_text(f'#!/bin/sh\n{text}\n')
        (folder / name).chmod(0o755)
    return subprocess.run(['/bin/sh', str(WHEELS / 'check_machine.sh')], text=True,
                          env={'PATH': str(folder)}, capture_output=True, check=False)


LINUX = 'echo "${1#-}" | { read -r option; [ "$option" = s ] && echo Linux || echo x86_64; }'
# The machine's real Python; the tests run on 3.11 or 3.12.
PYTHON = f'exec {sys.executable} "$@"'


def test_machine_with_everything_names_its_python(tmp_path: Path) -> None:
    result = check_machine(tmp_path / 'bin', {'uname': LINUX, 'python3': PYTHON, 'g++': ''})
    assert result.stdout.strip() == str(tmp_path / 'bin' / 'python3'), result.stderr


def test_missing_compiler_is_named_with_the_line_that_installs_it(tmp_path: Path) -> None:
    result = check_machine(tmp_path / 'bin', {'uname': LINUX, 'python3': PYTHON})
    assert result.returncode == 1
    assert result.stderr == ('degfuse_ros: this machine lacks: g++; '
                             'run: sudo apt-get install -y g++\n')


def test_missing_venv_and_headers_are_named_too(tmp_path: Path) -> None:
    # A Debian Python without the packages python3-venv and python3-dev.
    bare = ('case "$2" in *ensurepip*) exit 1 ;; *Python.h*) exit 1 ;; esac\n' + PYTHON)
    result = check_machine(tmp_path / 'bin', {'uname': LINUX, 'python3': bare})
    assert result.returncode == 1
    assert 'sudo apt-get install -y python3-venv python3-dev g++\n' in result.stderr


def test_old_python_is_refused_with_what_was_found(tmp_path: Path) -> None:
    result = check_machine(tmp_path / 'bin', {'uname': LINUX, 'python3': 'echo 3.10', 'g++': ''})
    assert result.returncode == 1
    assert 'needs Python 3.11 or 3.12, found 3.10' in result.stderr


def test_machine_without_python_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    result = check_machine(tmp_path / 'bare', {'uname': LINUX})
    assert 'found none' in result.stderr
    result = check_machine(tmp_path / 'arm', {'uname': LINUX.replace('x86_64', 'aarch64')})
    assert 'this is Linux aarch64' in result.stderr
    assert os.linesep not in result.stderr.strip()
