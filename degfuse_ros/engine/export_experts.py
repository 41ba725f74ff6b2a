# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Expert mixtures in an ONNX graph: If nodes, so that a runtime skips what is not chosen.

torch.cond would write them too, but takes minutes to trace the 88 of them, and its weights twice.
"""

from __future__ import annotations

from typing import Any

from degfuse_ros.engine.export_module import CHOSEN_EXPERTS
from degfuse_ros.network.dgme import ExpertMixture


def insert_experts(model: Any, mixtures: dict[str, ExpertMixture]) -> None:
    """Replace every operator `CHOSEN_EXPERTS` of an onnx.ModelProto.

    Each expert becomes an If node that adds its weighted output to the sum or passes it on.

    Args:
        model: changed in place.
        mixtures: by layer name, with the weights.
    """
    domain, operator = CHOSEN_EXPERTS.split('::')
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for node in nodes:
        if (node.domain, node.op_type) == (domain, operator):
            layer = node.attribute[0].s.decode()
            _insert_mixture(model.graph, node, layer, mixtures[layer])
        else:
            model.graph.node.append(node)
    versions = [each for each in model.opset_import if each.domain != domain]
    del model.opset_import[:]
    model.opset_import.extend(versions)


def _insert_mixture(graph: Any, node: Any, layer: str, mixture: ExpertMixture) -> None:
    count = len(mixture.experts)
    features, weights, used = node.input[0], node.input[1:1 + count], node.input[1 + count:]
    total = features
    for index, expert in enumerate(mixture.experts):
        last = index == count - 1
        after = node.output[0] if last else f'{layer}_sum_{index}'
        graph.node.append(_expert(graph, f'{layer}_expert_{index}', expert,
                                  (features, weights[index], used[index], total), after))
        total = after


def _expert(graph: Any, name: str, expert: Any, inputs: tuple[str, str, str, str],
            output: str) -> Any:
    """One If node; the inputs are features, gate weight, condition and the sum so far."""
    from onnx import TensorProto, helper
    features, weight, used, total = inputs
    shape, back = expert.shape, expert.back
    slope = expert.activation.negative_slope
    for part, layer in (('shape', shape), ('back', back)):
        graph.initializer.extend([_tensor(f'{name}_{part}_weight', layer.weight),
                                  _tensor(f'{name}_{part}_bias', layer.bias)])
    down, across = shape.padding

    def branch(kind: str, nodes: list[Any]) -> Any:
        result = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
        return helper.make_graph(nodes, f'{name}_{kind}', [], [result])

    added = branch('used', [
        helper.make_node('Conv', [features, f'{name}_shape_weight', f'{name}_shape_bias'],
                         [f'{name}_wide'], pads=[down, across, down, across]),
        helper.make_node('LeakyRelu', [f'{name}_wide'], [f'{name}_active'], alpha=slope),
        helper.make_node('Conv', [f'{name}_active', f'{name}_back_weight', f'{name}_back_bias'],
                         [f'{name}_result']),
        helper.make_node('Mul', [f'{name}_result', weight], [f'{name}_weighted']),
        helper.make_node('Add', [total, f'{name}_weighted'], [f'{name}_added'])])
    passed = branch('left_out', [helper.make_node('Identity', [total], [f'{name}_passed'])])
    return helper.make_node('If', [used], [output], name, then_branch=added, else_branch=passed)


def _tensor(name: str, parameter: Any) -> Any:
    from onnx import numpy_helper
    return numpy_helper.from_array(parameter.detach().cpu().contiguous().numpy(), name)
