# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The package as others get it: built by colcon into a workspace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = 'degfuse_ros'
SHARED_FOLDERS = ('launch', 'config', 'models')


def environment() -> dict[str, str]:
    """Return the environment without this tree on the import path."""
    kept = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    return {**kept, 'PYTHONPATH': os.pathsep.join(
        part for part in os.environ.get('PYTHONPATH', '').split(os.pathsep) if part != str(ROOT))}


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command to the end and return its standard output."""
    result = subprocess.run([str(part) for part in command], cwd=cwd, text=True,
                            env={**environment(), **variables}, capture_output=True,
                            timeout=170, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope='module')
def install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The install folder of a colcon workspace that holds a copy of this repository."""
    workspace = tmp_path_factory.mktemp('workspace')
    unwanted = shutil.ignore_patterns('.*', '__pycache__', 'build', 'install', 'log', 'runs',
                                      'demo_out', '*.egg-info')
    shutil.copytree(ROOT, workspace / 'src' / PACKAGE, ignore=unwanted)
    colcon = Path(sys.prefix) / 'bin' / 'colcon'
    run(colcon, 'build', cwd=workspace)
    # The stand-ins in wheels/ must never shadow the real packages of a workspace.
    assert [path.name for path in (workspace / 'install').iterdir() if path.is_dir()] == [PACKAGE]
    return workspace / 'install' / PACKAGE


def test_share_folder_holds_all_data_files(install: Path) -> None:
    share = install / 'share' / PACKAGE
    assert (share / 'package.xml').is_file()
    for folder in SHARED_FOLDERS:
        sources = {path.relative_to(ROOT) for path in (ROOT / folder).rglob('*')
                   if path.is_file() and '__pycache__' not in path.parts}
        assert sources, f'{folder} is empty'
        for path in sources:
            assert (share / path).read_bytes() == (ROOT / path).read_bytes()


def test_ament_index_names_the_package(install: Path) -> None:
    program = ('from ament_index_python.packages import get_package_share_directory as share; '
               f'print(share("{PACKAGE}"))')
    prefixes = os.pathsep.join([str(install), os.environ.get('AMENT_PREFIX_PATH', '')])
    found = run(sys.executable, '-c', program, cwd=install, AMENT_PREFIX_PATH=prefixes)
    assert Path(found.strip()) == install / 'share' / PACKAGE


def test_executables_are_where_ros2_run_looks(install: Path) -> None:
    folder = install / 'lib' / PACKAGE
    assert {path.name for path in folder.iterdir()} == {'fuse_node', 'bag_player', 'degfuse'}
    assert all(os.access(path, os.X_OK) for path in folder.iterdir())


def test_installed_code_is_complete(install: Path) -> None:
    packages = next(install.glob(f'lib/python*/site-packages/{PACKAGE}'))
    wanted = {path.relative_to(ROOT / PACKAGE) for path in (ROOT / PACKAGE).rglob('*')
              if path.suffix in {'.py', '.json', '.csv'}}
    assert {path.relative_to(packages) for path in packages.rglob('*')
            if path.suffix in {'.py', '.json', '.csv'}} == wanted


def test_command_runs_from_the_workspace(install: Path) -> None:
    python_path = str(next(install.glob('lib/python*/site-packages')))
    out = run(install / 'lib' / PACKAGE / 'degfuse', '--help', cwd=install.parent,
              PYTHONPATH=python_path)
    assert 'fuse' in out and 'demo' in out


def test_installed_engine_finds_the_shipped_weights(install: Path) -> None:
    program = 'from degfuse_ros.engine.models import find_model; print(find_model(None))'
    python_path = str(next(install.glob('lib/python*/site-packages')))
    out = run(sys.executable, '-c', program, cwd=install, PYTHONPATH=python_path)
    assert Path(out.strip()).parent == install / 'share' / PACKAGE / 'models'
