# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The exported file against the engine, run by onnxruntime."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_model import write_small_model

from degfuse_ros.demo.stream import DemoStream
from degfuse_ros.demo.timeline import Condition
from degfuse_ros.engine import CLASSES, DEGRADATIONS, Fusion, FusionEngine, ModelError
from degfuse_ros.engine.export import Exported, export_onnx

onnx = pytest.importorskip(
    'onnx', reason='onnx is not installed: pip install -r requirements/export.txt')
pytest.importorskip(
    'onnxscript', reason='onnxscript is not installed: pip install -r requirements/export.txt')
onnxruntime = pytest.importorskip(
    'onnxruntime', reason='onnxruntime is not installed: pip install -r requirements/evaluate.txt')

Images = NDArray[np.uint8]

# One size per class: multiples of the padding and not, above and below the crop of 224 pixels.
SIZES = {'clean': (96, 64), 'fog': (97, 65), 'low_light': (250, 333), 'overexposed': (33, 32),
         'rain': (241, 160)}


def session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])


def run(opened: Any, visible: Images, thermal: Images) -> Exported:
    return Exported(*opened.run(Exported._fields, {'visible': visible, 'thermal': thermal}))


def noise(*shape: int) -> tuple[Images, Images]:
    visible = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    return visible, visible[..., 1].copy()


def assert_same(got: Exported, row: int, expected: Fusion) -> None:
    """Compare one image of a batch with the engine's own result."""
    image = np.asarray(got.image)[row]
    assert image.shape == expected.image.shape and image.dtype == np.uint8
    difference = np.abs(image.astype(int) - expected.image)
    # Another order of additions; where a value lies on .5, it is rounded the other way.
    assert difference.max() <= 1 and difference.mean() < 0.01
    degradation = expected.degradation
    for values, own in ((got.scores, degradation.scores), (got.severity, degradation.severity)):
        np.testing.assert_allclose(np.asarray(values)[row], list(own.values()), atol=1e-4)
    gates = np.asarray(got.gates)[row]
    np.testing.assert_allclose(gates, expected.routing, atol=1e-3)
    assert ((gates > 0) == (expected.routing > 0)).all()


@pytest.fixture(scope='module', params=['base', 'lite'])
def shipped(request: pytest.FixtureRequest) -> tuple[FusionEngine, Any]:
    """A shipped model's engine, and its file in onnxruntime."""
    return FusionEngine.load(request.param, 'cpu'), session(export_onnx(request.param))


@pytest.fixture(scope='module')
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp('model') / 'small.safetensors')


@pytest.fixture(scope='module')
def small_content(small: Path) -> bytes:
    return export_onnx(str(small))


@pytest.mark.parametrize('label', CLASSES)
def test_a_shipped_model_gives_what_the_engine_gives(shipped: tuple[FusionEngine, Any],
                                                     label: str) -> None:
    engine, opened = shipped
    stream = DemoStream(SIZES[label], seconds=10.0, rate=2.0)
    frame = stream.frame(4, Condition(label, 0.0 if label == 'clean' else 0.7))
    expected = engine.fuse(frame.visible, frame.thermal)
    assert_same(run(opened, frame.visible[None], frame.thermal[None]), 0, expected)
    assert expected.degradation.label == label or min(SIZES[label]) < 64


@pytest.mark.parametrize('height, width', [(32, 32), (45, 77), (225, 231)])
def test_noise_gives_what_the_engine_gives(shipped: tuple[FusionEngine, Any], height: int,
                                           width: int) -> None:
    engine, opened = shipped
    visible, thermal = noise(height, width)
    assert_same(run(opened, visible[None], thermal[None]), 0, engine.fuse(visible, thermal))


def test_experts_that_are_not_chosen_are_not_computed(small: Path, small_content: bytes) -> None:
    visible, thermal = noise(1, 40, 48)
    expected = run(session(small_content), visible, thermal)
    chosen = np.asarray(expected.gates)[0] > 0
    layers = FusionEngine.load(str(small), 'cpu').layer_names
    for spoilt, same in ((~chosen, True), (chosen, False)):
        model = onnx.load_from_string(small_content)
        names = {f'{layers[layer]}_expert_{expert}_back_bias'
                 for layer, expert in np.argwhere(spoilt)}
        found = [tensor for tensor in model.graph.initializer if tensor.name in names]
        assert len(found) == len(names) > 0
        for tensor in found:
            values = np.full(tensor.dims, np.nan, np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        got = run(session(model.SerializeToString()), visible, thermal)
        # The image alone: the gates do not depend on experts. Not a number is no 8-bit value.
        assert np.array_equal(got.image, expected.image) == same


def test_every_expert_takes_a_batch_of_different_images(small: Path) -> None:
    content = export_onnx(str(small), every_expert=True)
    graph = onnx.load_from_string(content).graph
    assert 'If' not in {node.op_type for node in graph.node}
    constants = {tensor.name for tensor in graph.initializer}
    assert all(node.input[1] in constants for node in graph.node if node.op_type == 'Conv')
    opened, engine = session(content), FusionEngine.load(str(small), 'cpu')
    visible, thermal = noise(3, 45, 70)
    got = run(opened, visible, thermal)
    for row in range(3):
        assert_same(got, row, engine.fuse(visible[row], thermal[row]))
    assert_same(run(opened, visible[:1], thermal[:1]), 0, engine.fuse(visible[0], thermal[0]))


def test_a_fixed_size_takes_no_other(small: Path) -> None:
    opened = session(export_onnx(str(small), size=(45, 70), opset=20))
    assert [slot.shape for slot in opened.get_inputs()] == [[1, 45, 70, 3], [1, 45, 70]]
    visible, thermal = noise(45, 70)
    expected = FusionEngine.load(str(small), 'cpu').fuse(visible, thermal)
    assert_same(run(opened, visible[None], thermal[None]), 0, expected)
    with pytest.raises(Exception, match='invalid dimensions'):
        run(opened, *noise(1, 46, 70))


def test_a_model_whose_gates_read_a_constant(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / 'constant.safetensors', guidance='constant')
    visible, thermal = noise(40, 48)
    expected = FusionEngine.load(str(path), 'cpu').fuse(visible, thermal)
    assert_same(run(session(export_onnx(str(path))), visible[None], thermal[None]), 0, expected)


def test_the_file_says_what_it_is(small: Path, small_content: bytes) -> None:
    opened, engine = session(small_content), FusionEngine.load(str(small), 'cpu')
    facts = opened.get_modelmeta().custom_metadata_map
    assert facts['format'] == 'degfuse-onnx-1' and facts['model'] == 'small'
    assert facts['model_hash'] == engine.model_hash and facts['version']
    assert tuple(json.loads(facts['classes'])) == CLASSES
    assert tuple(json.loads(facts['degradations'])) == DEGRADATIONS
    assert tuple(json.loads(facts['layers'])) == engine.layer_names
    shapes = {slot.name: (slot.type, slot.shape)
              for slot in [*opened.get_inputs(), *opened.get_outputs()]}
    assert shapes == {
        'visible': ('tensor(uint8)', [1, 'height', 'width', 3]),
        'thermal': ('tensor(uint8)', [1, 'height', 'width']),
        'image': ('tensor(uint8)', [1, 'height', 'width', 3]),
        'scores': ('tensor(float)', [1, 5]), 'severity': ('tensor(float)', [1, 4]),
        'gates': ('tensor(float)', [1, len(engine.layer_names), 8])}


def test_bytes_meet_nothing_but_casts(small_content: bytes) -> None:
    # TensorRT knows 8-bit integers as inputs and outputs only.
    nodes = onnx.load_from_string(small_content).graph.node
    readers = {node.op_type for node in nodes if {'visible', 'thermal'} & set(node.input)}
    assert 'Cast' in readers and readers <= {'Cast', 'Shape'}
    assert [node.op_type for node in nodes if 'image' in node.output] == ['Cast']


def test_the_file_tells_nothing_of_the_machine(small_content: bytes) -> None:
    assert b'site-packages' not in small_content
    assert str(Path(__file__).resolve().parents[2]).encode() not in small_content


def test_a_missing_model_is_the_engines_own_error() -> None:
    with pytest.raises(ModelError, match="no model named 'none'"):
        export_onnx('none')


@pytest.mark.parametrize('package', ['onnx', 'onnxscript', 'torch.onnx.ops'])
def test_a_missing_package_is_named_with_the_way_to_get_it(package: str) -> None:
    program = f"""
import sys
sys.modules[{package!r}] = None
from degfuse_ros.engine.export import ExportError, export_onnx
try:
    export_onnx('none')
except ExportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                            timeout=170, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('\n') == 1 and 'requirements/export.txt' in result.stdout
    assert ('torch 2.8 or newer' if '.' in package else f'needs {package},') in result.stdout
