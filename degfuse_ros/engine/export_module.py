# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The whole model as one module that torch.onnx can trace for every image size."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from degfuse_ros.network.config import TASKS
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.dgme import ExpertMixture
from degfuse_ros.network.fusion_network import CONSTANT_GUIDANCE, Routing
from degfuse_ros.network.gate import Assignment
from degfuse_ros.network.inference import inference_network
from degfuse_ros.network.model_file import ModelFile

CHOSEN_EXPERTS = 'degfuse::ChosenExperts'
"""The operator that stands for an expert mixture until `insert_experts` puts If nodes there."""


class Exported(NamedTuple):
    """What the exported file returns, under these names.

    Attributes:
        image: N x H x W x 3 uint8, RGB.
        scores: N x 5, sums to 1, order of `CLASSES`.
        severity: N x 4 in [0, 1], order of `DEGRADATIONS`.
        gates: N x L x M gate weights, L as `layer_names`; rows sum to 1, two are not zero.
    """

    image: Tensor
    scores: Tensor
    severity: Tensor
    gates: Tensor


class _Guidance(DegradationGuidance):
    """DAGM with a crop that is traced alike for images below and above its size."""

    def _crop(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        side = torch.sym_min(self.image_size, torch.sym_min(height, width))
        top, left = (height - side) // 2, (width - side) // 2
        # Resizing to the same size changes nothing, so that there need be no second way.
        return self._whole(image.narrow(2, top, side).narrow(3, left, side))


class _ChosenExperts(nn.Module):
    """Stands for a mixture in the trace, as a single operator."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, features: Tensor, routing: Assignment) -> Tensor:
        weights = routing.gates[0].unbind()
        used = (routing.gates[0] > 0).unbind()
        result: Tensor = torch.onnx.ops.symbolic(
            CHOSEN_EXPERTS, (features, *weights, *used), {'layer': self.name},
            dtype=features.dtype, shape=features.shape, version=1)
        return result


class ExportModule(nn.Module):
    """Images as cameras give them in, `Exported` out: what `FusionEngine.fuse` computes.

    Args:
        file: the model.
        every_expert: compute all experts, for a batch of any size. False: leave each layer to an
            operator `CHOSEN_EXPERTS`, for a batch of one.
    """

    def __init__(self, file: ModelFile, every_expert: bool) -> None:
        super().__init__()
        self.guidance = _Guidance(file.config)
        self.guidance.load_state_dict(file.part('guidance'))
        self.network = inference_network(file)
        self.mixtures: dict[str, ExpertMixture] = {}
        """The mixtures that operators stand for, by layer name."""
        if not every_expert:
            self._replace_mixtures()
        self.eval().requires_grad_(False)

    def _replace_mixtures(self) -> None:
        network = self.network
        places: list[tuple[str, nn.Module, str]] = [
            (f'{branch}_{level + 1}', encoder.levels, str(level))
            for branch, encoder in (('visible', network.visible_encoder),
                                    ('thermal', network.thermal_encoder))
            for level in range(len(encoder.levels))]
        places += [(name, network.decoder, name) for name in network.decoder]
        for name, parent, key in places:
            self.mixtures[name] = cast(ExpertMixture, getattr(parent, key))
            setattr(parent, key, _ChosenExperts(name))

    def forward(self, visible: Tensor, thermal: Tensor) -> Exported:
        """Fuse a batch.

        Args:
            visible: N x H x W x 3 uint8, RGB.
            thermal: N x H x W uint8.
        """
        # Floats first: TensorRT can do nothing with 8-bit integers but convert them.
        seen = visible.float().permute(0, 3, 1, 2) / 255  # N x 3 x H x W
        heat = thermal.float().unsqueeze(1) / 255  # N x 1 x H x W
        height, width = heat.shape[-2:]
        network = self.network
        enhanced = network.enhance(self._pad(seen), self._pad(heat))
        guidance = self.guidance(*network.guidance_images(seen, heat, enhanced))
        vector = guidance.vector
        if network.config.guidance == 'constant':
            vector = torch.full_like(vector, CONSTANT_GUIDANCE)
        decision = network.gate(vector + network.task_embedding[TASKS.index('fusion')])
        layers = {name: Assignment(gates, None)
                  for name, gates in zip(network.layer_names, decision.gates)}
        fused, _ = network.fuse(enhanced, Routing(decision, layers))
        pixels = (fused.image[..., :height, :width] * 255).round().permute(0, 2, 3, 1)
        return Exported(pixels.to(torch.uint8), guidance.scores, guidance.severity,
                        decision.gates.transpose(0, 1))

    def _pad(self, image: Tensor) -> Tensor:
        """Reflect right and bottom to the multiple, by zero pixels as well: one way for all."""
        multiple = self.network.config.multiple
        height, width = image.shape[-2:]
        # Written so that the tracer sees a multiple in the result.
        down = (height + multiple - 1) // multiple * multiple - height
        across = (width + multiple - 1) // multiple * multiple - width
        return functional.pad(image, (0, across, 0, down), mode='reflect')
