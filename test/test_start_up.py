# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a start imports: nothing that only training, evaluation or export needs.

`python -X importtime` tells what the rest costs; BENCHMARKS.md has the table.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from degfuse_ros.ros.lifecycle_manager import bring_up

# Hundreds of milliseconds each, or a second sooner or later.
HEAVY = {
    'open_clip', 'peft', 'torchvision', 'timm', 'transformers', 'huggingface_hub', 'torchmetrics',
    'scipy', 'sympy', 'pandas', 'sklearn', 'skimage', 'matplotlib', 'PIL', 'networkx', 'numba',
    'onnx', 'onnxruntime', 'onnxscript', 'openvino', 'triton', 'tensorboard', 'rosbags',
    'torch._dynamo', 'torch._inductor', 'torch.onnx', 'torch.profiler', 'torch.utils.benchmark',
    'torch.utils.flop_counter', 'torch.utils.tensorboard',
    'degfuse_ros.training', 'degfuse_ros.evaluation', 'degfuse_ros.demo', 'degfuse_ros.bags',
    'degfuse_ros.cli', 'degfuse_ros.engine.benchmark', 'degfuse_ros.network.losses'}

IMPORT_ENGINE = 'import degfuse_ros.engine'
FUSE = """
import numpy
from degfuse_ros.engine import FusionEngine
engine = FusionEngine.load(device='cpu')
engine.fuse(numpy.zeros((32, 32, 3), numpy.uint8), numpy.zeros((32, 32), numpy.uint8))
"""
HELP = """
from degfuse_ros.cli.main import build_parser
build_parser().format_help()
"""


def modules_after(program: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has imported after a program."""
    result = subprocess.run(
        [sys.executable, '-c', f'{program}\nimport json, sys\nprint(json.dumps([*sys.modules]))'],
        capture_output=True, text=True, check=False, timeout=150)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture(scope='module')
def of_torch() -> set[str]:
    """What torch brings itself, which differs between its versions."""
    return modules_after('import torch')


@pytest.mark.parametrize('program', [IMPORT_ENGINE, FUSE], ids=['import', 'fuse'])
def test_the_engine_imports_nothing_heavy(program: str, of_torch: set[str]) -> None:
    modules = modules_after(program)
    assert {'torch', 'degfuse_ros.engine.fusion_engine'} <= modules
    assert (modules - of_torch) & HEAVY == set()


def test_the_command_imports_no_library_for_its_help() -> None:
    modules = modules_after(HELP)
    assert 'degfuse_ros.cli.main' in modules
    assert modules & (HEAVY | {'torch', 'numpy', 'cv2', 'rclpy', 'yaml', 'tqdm', 'safetensors'}
                      ) <= {'degfuse_ros.cli', 'degfuse_ros.demo'}


def test_the_nodes_module_needs_no_torch() -> None:
    modules = modules_after('import degfuse_ros.fuse_node')
    assert 'rclpy' in modules
    assert modules & (HEAVY | {'torch', 'safetensors', 'tqdm'}) == set()


def test_an_active_node_has_imported_nothing_heavy_nor_imports_later(
        ros_domain: int, tmp_path: Path, of_torch: set[str]) -> None:
    file = tmp_path / 'modules.json'
    program = f"""
import json, sys
from pathlib import Path
import numpy
from degfuse_ros.fuse_node import main
main()
modules = [*sys.modules]
from degfuse_ros.camera.time_offset import TimeOffset
# An import at the first estimate, in the middle of a stream, would hold images up.
estimator = TimeOffset()
for number in range(600):
    for camera in ('visible', 'thermal'):
        estimator.add(camera, number * 33_000_000, numpy.full((8, 8), float(number ** 3 % 509)))
estimate = estimator.estimate(0.0)
later = [name for name in sys.modules if name not in modules]
Path({str(file)!r}).write_text(json.dumps([modules, estimate is not None, later]))
"""
    process = subprocess.Popen([sys.executable, '-c', program, '--ros-args', '-p', 'device:=cpu'],
                               stderr=subprocess.PIPE, text=True)
    try:
        bring_up(timeout=90.0)
    finally:
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0, errors
    names, estimated, later = json.loads(file.read_text())
    modules = set(names)
    assert estimated and later == []
    assert {'torch', 'rclpy', 'degfuse_ros.engine.fusion_engine'} <= modules
    assert (modules - of_torch) & HEAVY == set()
