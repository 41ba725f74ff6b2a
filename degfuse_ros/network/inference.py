# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The whole model's forward pass: enhancement, guidance, routing, fusion."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from degfuse_ros.network.dagm import DegradationGuidance, Guidance
from degfuse_ros.network.fusion_network import Enhanced, Fused, FusionNetwork, Routing
from degfuse_ros.network.image_math import pad_to_multiple
from degfuse_ros.network.model_file import ModelFile

# Parts of a weight file that exist for training only.
TRAINING_ONLY = ('visible_head.', 'thermal_head.')


def inference_network(file: ModelFile) -> FusionNetwork:
    """Build the fusion network of a weight file without what only training needs.

    Raises:
        RuntimeError: the file's tensors do not fit its structure.
    """
    network = FusionNetwork(file.config, reconstruction=False)
    network.load_state_dict({name: tensor for name, tensor in file.part('fusion').items()
                             if not name.startswith(TRAINING_ONLY)})
    return network


def blend(enhanced: Enhanced, fused: Fused, coverage: Tensor | None) -> Tensor:
    """Return the result as float32, B x 3 x H x W in [0, 1], still padded.

    Args:
        enhanced: from `infer`.
        fused: from `infer`.
        coverage: B x h x w in [0, 1], not padded: where it is 0 the result is PKDM's restored
            visible image alone. None: fused everywhere.
    """
    image = fused.image.float()
    if coverage is None:
        return image
    height, width = coverage.shape[-2:]
    return torch.lerp(enhanced.visible[..., :height, :width].float(),
                      image[..., :height, :width], coverage[:, None])


Judge = Callable[[Callable[[], Guidance]], tuple[Guidance, Routing]]
"""Gets a function that looks at the pairs at hand; returns what is known and the routing."""


Decide = Callable[[], tuple[Guidance, Routing]]
Aside = Callable[[Decide], Decide]
"""Starts work beside what the caller does next; returns what waits for its result."""


def _decide(guidance: DegradationGuidance, network: FusionNetwork, images: tuple[Tensor, Tensor],
            judge: Judge | None) -> tuple[Guidance, Routing]:
    """Look at the images, or not, and choose the experts."""
    def look() -> Guidance:
        # Guidance and gates stay in float32: a rounded logit could change the chosen experts.
        with torch.autocast(images[0].device.type, enabled=False):
            seen: Guidance = guidance(*images)
        return seen

    if judge is not None:
        return judge(look)
    seen = look()
    return seen, network.route(seen.vector)


def infer(guidance: DegradationGuidance, network: FusionNetwork, visible: Tensor, thermal: Tensor,
          rounding: AbstractContextManager[object], judge: Judge | None = None,
          aside: Aside | None = None) -> tuple[Enhanced, Fused, Guidance, Routing]:
    """Fuse pairs with their own guidance, or with what a judge makes of it.

    Args:
        guidance: of the model.
        network: of the model.
        visible: B x 3 x H x W, RGB in [0, 1], of any size that reflection can pad.
        thermal: B x 1 x H x W in [0, 1].
        rounding: context of the network's convolutions, such as torch.autocast; entered twice.
        judge: may remember other frames, or leave the guidance out; None: every pair's own.
        aside: runs guidance and routing beside PKDM, where they do not need its images; None:
            after it.

    Returns:
        What PKDM made of the pairs and the fused images, both still padded to the network's
        multiple; what the guidance knows; and the routing.
    """
    def enhance() -> Enhanced:
        multiple = network.config.multiple
        with rounding:
            return network.enhance(pad_to_multiple(visible, multiple),
                                   pad_to_multiple(thermal, multiple))

    if aside is not None and network.config.guidance != 'enhanced':
        known = aside(lambda: _decide(guidance, network, (visible, thermal), judge))
        try:
            enhanced = enhance()
        finally:  # also without memory: nothing may go on reading what is given back
            seen, routing = known()
    else:
        enhanced = enhance()
        seen, routing = _decide(
            guidance, network, network.guidance_images(visible, thermal, enhanced), judge)
    with rounding:
        fused, _ = network.fuse(enhanced, routing)
    return enhanced, fused, seen, routing
