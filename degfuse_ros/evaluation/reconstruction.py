# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a model believes the clean visible image to be: the output of its reconstruction head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.image_math import pad_to_multiple
from degfuse_ros.network.model_file import load_model


class Reconstruction:
    """Runs the head that the engine leaves out, since only losses and this evaluation need it.

    Args:
        path: a weight file that the engine has loaded, so that it is known to be sound.
        device: 'cpu' or 'cuda:N'.
    """

    def __init__(self, path: Path, device: str) -> None:
        file = load_model(path)
        self._device = torch.device(device)
        self._guidance = DegradationGuidance(file.config)
        self._guidance.load_state_dict(file.part('guidance'))
        self._network = FusionNetwork(file.config)
        self._network.load_state_dict(file.part('fusion'))
        for module in (self._guidance, self._network):
            module.eval().requires_grad_(False).to(self._device)

    @property
    def config(self) -> ModelConfig:
        """The model's structure."""
        return self._network.config

    @property
    def parameters(self) -> dict[str, int]:
        """Number of weights: guidance, and fusion network without training's heads."""
        heads = sum(weight.numel() for head in (self._network.visible_head,
                                                self._network.thermal_head)
                    if head is not None for weight in head.parameters())
        return {'fusion': sum(weight.numel() for weight in self._network.parameters()) - heads,
                'guidance': sum(weight.numel() for weight in self._guidance.parameters())}

    def restore(self, visible: NDArray[np.uint8],
                thermal: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Reconstruct the clean visible image.

        Args:
            visible: H x W x 3 uint8 RGB.
            thermal: H x W uint8.

        Returns:
            H x W x 3 uint8 RGB.
        """
        height, width = thermal.shape
        with torch.inference_mode():
            images = (torch.from_numpy(visible).permute(2, 0, 1)[None],
                      torch.from_numpy(thermal)[None, None])
            clean = self._reconstruct(*(image.to(self._device) / 255 for image in images))
            clean = clean[0, :, :height, :width].clamp(0, 1)
            return (clean * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()

    def _reconstruct(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Run the whole network on 1 x 3 x H x W and 1 x 1 x H x W in [0, 1]."""
        multiple = self._network.config.multiple
        enhanced = self._network.enhance(pad_to_multiple(visible, multiple),
                                         pad_to_multiple(thermal, multiple))
        seen = self._network.guidance_images(visible, thermal, enhanced)
        vector = self._guidance(*seen).vector
        skips = self._network.encode(enhanced, self._network.route(vector))
        return self._network.reconstruct(
            enhanced, skips, self._network.route(vector, 'reconstruction'))[0]
