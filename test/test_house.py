# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house: which room may import what, and how long things may get."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = 'degfuse_ros'
MAX_FILE_LINES, MAX_FUNCTION_LINES = 400, 40

LICENSE_HEADER = ['# Copyright 2026 The degfuse_ros developers',
                  '# SPDX-License-Identifier: Apache-2.0']

# Room: the other rooms that it may import. Data flows topics, pairing, camera, engine, messages.
MAY_IMPORT = {
    'network': set[str](),
    'camera': set[str](),
    'demo': set[str](),
    'engine': {'network'},
    'training': {'network'},
    'evaluation': {'network', 'engine', 'camera'},
    'ros': {'engine', 'camera', 'demo'},
    'bags': {'engine', 'camera', 'ros', 'demo'},
    'fleet': {'engine', 'bags', 'ros'},
    'fuse_node': {'engine', 'camera', 'ros'},
    'bag_player': {'bags', 'ros', 'demo'},
    'cli': {'network', 'engine', 'camera', 'ros', 'demo', 'training', 'evaluation', 'bags',
            'fleet'},
}
ROS_ROOMS = {'ros', 'fuse_node', 'bag_player'}
ROS_MODULE = re.compile(
    r'(rclpy|launch\w*|message_filters|cv_bridge|rosidl_\w+|ament_\w+|builtin_interfaces'
    r'|rcl_interfaces|rosgraph_msgs|\w+_msgs)$')

# Modules whose distribution has another name in requirements/*.txt.
DISTRIBUTIONS = {'PIL': 'pillow', 'cv2': 'opencv-python-headless', 'open_clip': 'open_clip_torch',
                 'yaml': 'PyYAML'}
# The same in package.xml.
ROSDEP_KEYS = {'PIL': 'python3-pil', 'cv2': 'python3-opencv', 'numpy': 'python3-numpy',
               'tqdm': 'python3-tqdm', 'yaml': 'python3-yaml'}
# Rooms with a requirements file of their own, so that a robot need not install it.
OWN_REQUIREMENTS = {'training': 'train', 'evaluation': 'evaluate', 'bags': 'bag', 'fleet': 'ray'}
# Requirements files of what is imported only when it is called for.
CALLED_FOR = (*OWN_REQUIREMENTS.values(), 'export')
# What torch brings where it can be used, in the version that fits.
BROUGHT_BY_TORCH = {'triton'}
# What rosdep cannot bring; package.xml says so.
ONLY_FROM_PIP = {'torch', 'safetensors'}


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below folders of the repository."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob('*.py'))


SHIPPED = python_files(PACKAGE, 'launch')
ALL = [*SHIPPED, *python_files('test', 'wheels'), ROOT / 'setup.py']


def named(path: Path) -> str:
    """Return a file's name in test reports."""
    return str(path.relative_to(ROOT))


def room_of(module: str) -> str:
    """Return the room of degfuse_ros that a dotted module name lies in, '' for none."""
    parts = module.split('.')
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else ''


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the full names of all modules (and names in them) that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{named(path)}:{node.lineno} imports relatively'
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


@pytest.mark.parametrize('path', python_files(PACKAGE), ids=named)
def test_imports_go_one_way(path: Path) -> None:
    room = room_of('.'.join(path.relative_to(ROOT).with_suffix('').parts))
    for module in imported_modules(path):
        other = room_of(module)
        assert other in {'', room, *MAY_IMPORT.get(room, set())}, \
            f'{room} must not import {module}'
        assert room in ROS_ROOMS or not ROS_MODULE.match(module.split('.')[0]), \
            f'only {sorted(ROS_ROOMS)} may import ROS, {room} imports {module}'


def test_every_room_is_known() -> None:
    rooms = {path.stem for path in (ROOT / PACKAGE).iterdir()
             if path.suffix == '.py' or (path / '__init__.py').exists()}
    assert rooms - {'__init__'} <= set(MAY_IMPORT)


def test_engine_needs_neither_ros_nor_what_only_training_needs() -> None:
    program = """
import sys
from importlib.abc import MetaPathFinder
sys.path.insert(0, sys.argv[1])
sys.modules.pop('ros_wheels_bootstrapper', None)
class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition('.')[0]
        names = ('rclpy', 'message_filters', 'cv_bridge', 'builtin_interfaces', 'rcl_interfaces')
        if top in names or top.endswith('_msgs') or top.startswith(('ament_', 'rosidl_')):
            raise ImportError(f'{name} is refused')
sys.meta_path.insert(0, Refuse())
import degfuse_ros.engine
heavy = {'open_clip', 'peft', 'torchvision', 'transformers', 'timm', 'rclpy'} & set(sys.modules)
sys.exit(f'imported {sorted(heavy)}' if heavy else 0)
"""
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    result = subprocess.run([sys.executable, '-c', program, str(ROOT)], env=environment,
                            capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('path', ALL, ids=named)
def test_files_and_functions_are_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f'{node.name} has {length} lines'


@pytest.mark.parametrize('path', ALL, ids=named)
def test_files_start_with_the_licence(path: Path) -> None:
    text = path.read_text().splitlines()
    assert text[:2] == LICENSE_HEADER


def is_value_or_error(node: ast.ClassDef) -> bool:
    """Tell a dataclass, enumeration, named tuple or exception: they may stand beside a class."""
    names = [ast.unparse(each) for each in [*node.bases, *node.decorator_list]]
    return any(re.search(r'dataclass|Enum|NamedTuple|Protocol|(Error|Exception)$', name)
               for name in names)


@pytest.mark.parametrize('path', python_files(PACKAGE), ids=named)
def test_one_public_class_per_file(path: Path) -> None:
    public = [node.name for node in ast.parse(path.read_text()).body
              if isinstance(node, ast.ClassDef) and not node.name.startswith('_')
              and not is_value_or_error(node)]
    assert len(public) <= 1


def required(*names: str) -> set[str]:
    """Return the distributions that requirements files name, as pip compares names."""
    lines = [line.split('#')[0].strip() for name in names
             for line in (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()]
    return {normal(re.split(r'[<>=!~\[; ]', line)[0]) for line in lines if line}


def normal(name: str) -> str:
    """Return a distribution's name as pip compares it."""
    return name.lower().replace('_', '-')


def modules_outside_functions(path: Path) -> set[str]:
    """Return the top-level names of the modules that a file imports as soon as it is imported."""
    tree = ast.parse(path.read_text())
    functions = {id(inner) for node in ast.walk(tree)
                 if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                 for inner in ast.walk(node)}
    names = [alias.name for node in ast.walk(tree)
             if isinstance(node, ast.Import) and id(node) not in functions for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree)
              if isinstance(node, ast.ImportFrom) and id(node) not in functions]
    return {name.split('.')[0] for name in names}


@pytest.mark.parametrize('path', SHIPPED, ids=named)
def test_every_import_is_declared(path: Path) -> None:
    package_xml = {element.text for element in ElementTree.parse(ROOT / 'package.xml').getroot()
                   if element.tag.endswith('depend')}
    room = room_of('.'.join(path.relative_to(ROOT).parts))
    at_once = modules_outside_functions(path)
    for module in {name.split('.')[0] for name in imported_modules(path)}:
        if module in {*sys.stdlib_module_names, PACKAGE, *BROUGHT_BY_TORCH}:
            continue
        if ROS_MODULE.match(module):
            assert module in package_xml
            continue
        distribution = normal(DISTRIBUTIONS.get(module, module))
        # What one room needs besides may be imported by others only when it is called for.
        if room in OWN_REQUIREMENTS or module not in at_once:
            own = OWN_REQUIREMENTS.get(room)
            names = ('run', own) if own else ('run', *CALLED_FOR)
            assert distribution in required(*names)
        else:
            assert distribution in required('run')
            assert module in ONLY_FROM_PIP or ROSDEP_KEYS[module] in package_xml


def test_pinned_versions_lie_in_the_ranges() -> None:
    pinned = required('pinned')
    assert required('run', *CALLED_FOR, 'test') <= pinned
