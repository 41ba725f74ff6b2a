# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Install the stand-ins for what ROS 2 on PyPI lacks into the environment of this Python.

    .venv/bin/python wheels/install.py

message_filters is copied; vision_msgs is built with the ROS wheels' own CMake files. A package
that is there already and is not a stand-in stays: the real one always wins.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from importlib.machinery import PathFinder
from pathlib import Path

HERE = Path(__file__).resolve().parent
PREFIX = Path(sys.prefix)
SITE_PACKAGES = Path(sysconfig.get_path('purelib'))

# One file per stand-in, with the hash of its sources: what is ours, and whether it is up to date.
MARKERS = PREFIX / 'share' / 'degfuse_ros_stand_ins'

# Where the machine that built the ROS wheels kept Python and NumPy.
FOREIGN_NUMPY = re.compile(r'/opt/python/[^;"]*/site-packages/numpy/_?core/include')
FOREIGN_PYTHON = re.compile(r'/opt/python/[^;"]*/include/python3\.\d+')


def fail(reason: str) -> None:
    """End with one line that says what to do."""
    sys.exit(f'wheels/install.py: {reason}')


def source_hash(name: str) -> str:
    """Return a hash of a stand-in's sources and of the Python that they are installed for."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted((HERE / name).rglob('*')):
        if path.is_file() and path.suffix != '.pyc':
            digest.update(str(path.relative_to(HERE)).encode() + path.read_bytes())
    return digest.hexdigest()


def install(name: str, installer: Callable[[], None]) -> None:
    """Install one stand-in, unless it is up to date or the real package is there."""
    marker = MARKERS / name
    # Without this folder, which Python puts first for a script in it.
    found = PathFinder.find_spec(name, [path for path in sys.path if Path(path).resolve() != HERE])
    if found is not None and not marker.exists():
        print(f'{name}: keeping the package at {found.origin}')
        return
    if found is not None and marker.read_text() == source_hash(name):
        print(f'{name}: up to date')
        return
    installer()
    MARKERS.mkdir(parents=True, exist_ok=True)
    marker.write_text(source_hash(name))
    print(f'{name}: installed')


def install_message_filters() -> None:
    """Copy the module."""
    target = SITE_PACKAGES / 'message_filters'
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(HERE / 'message_filters', target,
                    ignore=shutil.ignore_patterns('__pycache__'))


def adapt_exports() -> None:
    """Make the CMake files of the ROS wheels name this environment's Python and NumPy headers."""
    import numpy

    include = sysconfig.get_path('include')
    for path in (PREFIX / 'share').glob('*/cmake/*.cmake'):
        text = path.read_text()
        adapted = FOREIGN_PYTHON.sub(include, FOREIGN_NUMPY.sub(numpy.get_include(), text))
        if adapted != text:
            path.write_text(adapted)


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run a build step; its output is shown only where it fails."""
    result = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, check=False)
    if result.returncode:
        print(result.stdout)
        fail(f'building vision_msgs failed in: {" ".join(command)}; the reason is above')


def build_vision_msgs() -> None:
    """Build the interface package and install it into the prefix of this environment."""
    adapt_exports()
    environment = {**os.environ, 'AMENT_PREFIX_PATH': str(PREFIX),
                   'CMAKE_PREFIX_PATH': str(PREFIX),
                   'PATH': f'{PREFIX / "bin"}{os.pathsep}{os.environ.get("PATH", os.defpath)}'}
    environment.pop('PYTHONPATH', None)
    cmake = str(PREFIX / 'bin' / 'cmake')
    with tempfile.TemporaryDirectory(prefix='degfuse_ros_vision_msgs_') as build:
        run([cmake, '-G', 'Ninja', '-S', str(HERE / 'vision_msgs'), '-B', build,
             f'-DCMAKE_INSTALL_PREFIX={PREFIX}', '-DCMAKE_BUILD_TYPE=Release',
             '-DBUILD_TESTING=OFF', f'-DPython3_EXECUTABLE={sys.executable}',
             f'-DPYTHON_INSTALL_DIR={SITE_PACKAGES.relative_to(PREFIX)}'], environment)
        run([cmake, '--build', build], environment)
        run([cmake, '--install', build], environment)


def main() -> None:
    """Install both."""
    if sys.prefix == sys.base_prefix:
        fail(f'{sys.executable} is not the Python of a virtual environment; run `make setup`')
    install('message_filters', install_message_filters)
    install('vision_msgs', build_vision_msgs)


if __name__ == '__main__':
    main()
