# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Export of a model to ONNX, for onnxruntime, OpenVINO and TensorRT."""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

import torch
from torch import Tensor

from degfuse_ros.engine.errors import EngineError
from degfuse_ros.engine.export_experts import insert_experts
from degfuse_ros.engine.export_module import Exported, ExportModule
from degfuse_ros.engine.fusion_engine import FusionEngine
from degfuse_ros.engine.version import package_version
from degfuse_ros.network.config import CLASSES, DEGRADATIONS
from degfuse_ros.network.model_file import load_model

FORMAT = 'degfuse-onnx-1'
"""Version of the inputs, outputs and metadata below."""

OPSETS = (18, 20)
"""Oldest and newest: torch.onnx writes 18 and above, TensorRT 10.0 reads up to 20."""

IMAGES = ('visible', 'thermal', 'image')
"""Inputs and outputs that have the images' height and width."""


WEIGHTS = 2 ** 24
"""Values in a constant, far more than any layer has, up to which the file holds it computed."""


class ExportError(EngineError):
    """A model that cannot be exported here; the message is one line."""


def export_onnx(model: str | None = None, size: tuple[int, int] | None = None,
                opset: int = OPSETS[0], every_expert: bool = False) -> bytes:
    """Export a model.

    Inputs are `visible`, N x H x W x 3 uint8 RGB, and `thermal`, N x H x W uint8; outputs are
    those of `Exported`.

    Args:
        model: None for the shipped weights, a shipped model's name, or a path.
        size: height and width in pixels; None leaves both open.
        opset: version of ONNX's operators, within `OPSETS`.
        every_expert: compute all experts of a layer, without control flow and for a batch of any
            size. False: only the chosen ones, for a batch of one.

    Returns:
        The content of an ONNX file.

    Raises:
        ModelError: weights missing, altered or unreadable.
        ExportError: a package is missing, or torch cannot trace the model.
    """
    onnx = _onnx()
    # Loaded by the engine first: its errors are a user's.
    engine = FusionEngine.load(model, 'cpu')
    module = ExportModule(load_model(engine.model_path), every_expert)
    opened = {**({0: 'batch'} if every_expert else {}),
              **({1: 'height', 2: 'width'} if size is None else {})}
    proto = _trace(module, size or (96, 128), opset, opened)
    insert_experts(proto, module.mixtures)
    _tidy(proto, opened)
    onnx.helper.set_model_props(proto, {
        'format': FORMAT, 'version': package_version(), 'model': engine.model_path.stem,
        'model_hash': engine.model_hash, 'classes': json.dumps(CLASSES),
        'degradations': json.dumps(DEGRADATIONS), 'layers': json.dumps(engine.layer_names)})
    onnx.checker.check_model(proto)
    content: bytes = proto.SerializeToString()
    return content


def _onnx() -> Any:
    """Import what only the export needs, and see that torch is new enough for it."""
    try:
        import onnx
        import onnxscript  # noqa: F401  torch.onnx imports it late, and raises over many lines
        from torch.onnx import ops  # noqa: F401
    except ImportError as error:
        what = ('torch 2.8 or newer' if (error.name or '').startswith('torch')
                else f'{error.name}, which is not installed')
        raise ExportError(f'the export needs {what} (torch is {torch.__version__}): pip install '
                          '-r requirements/export.txt') from error
    return onnx


def _trace(module: ExportModule, size: tuple[int, int], opset: int, opened: dict[int, str]
           ) -> Any:
    """Let torch write the graph, with some axes open, as an onnx.ModelProto."""
    from onnxscript.optimizer import fold_constants
    # The tracer takes what is 1 for fixed, and what is equal for the same.
    images = _example(size, 2 if 0 in opened else 1)
    axes = dict.fromkeys(opened, torch.export.Dim.DYNAMIC)
    level = logging.getLogger('torch.onnx').level
    logging.getLogger('torch.onnx').setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # they advise torch's developers
            program = torch.onnx.export(
                module, images, dynamo=True, opset_version=opset, verbose=False,
                dynamic_shapes={'visible': axes, 'thermal': axes} if axes else None,
                input_names=['visible', 'thermal'], output_names=list(Exported._fields))
    except Exception as error:  # the tracer's errors have no base but this
        reason = ' '.join(str(error).split())[:200]
        raise ExportError(f'torch {torch.__version__} cannot trace this model: {reason}. Try '
                          'another torch, or a weight file that degfuse train wrote.') from error
    finally:
        logging.getLogger('torch.onnx').setLevel(level)
    assert program is not None  # of the dynamo exporter
    # Joined and padded kernels too: TensorRT wants the weights of a convolution as they are.
    fold_constants(program.model, input_size_limit=WEIGHTS, output_size_limit=WEIGHTS)
    return program.model_proto


def _example(size: tuple[int, int], batch: int) -> tuple[Tensor, Tensor]:
    visible = torch.zeros(batch, *size, 3, dtype=torch.uint8)
    return visible, visible[..., 0].contiguous()


def _tidy(proto: Any, opened: dict[int, str]) -> None:
    """Leave out the tracer's notes, which name files of this machine; name the open axes."""
    graph = proto.graph
    for each in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info,
                 *graph.initializer):
        del each.metadata_props[:]
    for slot in (*graph.input, *graph.output):
        for axis, name in opened.items():
            if axis == 0 or slot.name in IMAGES:
                slot.type.tensor_type.shape.dim[axis].dim_param = name
