# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The engine's work cut into its stages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.engine.benchmark.pictures import Pair
from degfuse_ros.engine.fusion_engine import FusionEngine
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.inference import infer, inference_network
from degfuse_ros.network.model_file import load_model

STAGES = {
    'copy in': 'own copy of the uint8 images, to the device',
    'prepare': 'to floating point in [0, 1], padding',
    'PKDM': 'enhancement of both images',
    'guidance': 'vision tower, class scores, severities',
    'routing': "gates; on a CPU the host's wait for the chosen experts",
    'encoders': 'both branches, joined level by level',
    'decoder': 'decoder, head, colour, rounding to uint8',
    'copy out': 'results to the host',
}
"""The stages in the order in which they run, and what belongs to each."""

Mark = Callable[[str], None]


# Where a stage begins: with a call of this method of the network.
_BEGINS = {'enhance': 'PKDM', 'encode': 'encoders', 'decode': 'decoder'}


class StagedFusion:
    """Runs what `FusionEngine.fuse_batch` runs, kernel by kernel, and marks where stages begin.

    The stages are the parts of `network.inference.infer`, which is the engine's own way through
    the model: as it is on a CPU, within `StagedForward` on a GPU. Around it lie the copies. An
    engine that replays a CUDA graph does the same work without the gaps between kernels, so that
    its whole takes less than these stages together.

    Args:
        engine: to take apart; its weights are read once more.
    """

    def __init__(self, engine: FusionEngine) -> None:
        file = load_model(engine.model_path)
        self.device = torch.device(engine.device)
        self.dtype: torch.dtype = getattr(torch, engine.precision)
        self._mark: Mark = lambda stage: None
        self._guidance = DegradationGuidance(file.config)
        self._guidance.load_state_dict(file.part('guidance'))
        self._network = inference_network(file)
        for module in (self._guidance, self._network):
            module.eval().requires_grad_(False).to(self.device)
            module.to(memory_format=torch.channels_last)
        self._watch()
        # Before kernels that hold weights of their own take the places of layers.
        self._parameters = sum(weight.numel() for module in (self._guidance, self._network)
                               for weight in module.parameters())
        self._forward = (StagedForward(self._guidance, self._network, self.dtype)
                         if self.device.type == 'cuda' else None)

    def _watch(self) -> None:
        """Have the stages told while the model runs."""
        def begin(stage: str, method: Callable[..., Any]) -> Callable[..., Any]:
            def marked(*arguments: Any, **options: Any) -> Any:
                self._mark(stage)
                return method(*arguments, **options)
            return marked

        for name, stage in _BEGINS.items():
            setattr(self._network, name, begin(stage, getattr(self._network, name)))
        self._guidance.register_forward_pre_hook(lambda *_: self._mark('guidance'))
        self._guidance.register_forward_hook(lambda *_: self._mark('routing'))

    @property
    def parameters(self) -> int:
        """Number of weights, guidance included, training's heads not."""
        return self._parameters

    def fuse(self, batch: list[Pair], mark: Mark) -> list[NDArray[np.uint8]]:
        """Fuse pairs as the engine does: together on a GPU, one after another on a CPU.

        Args:
            batch: of one size, uint8 in host memory.
            mark: called with the stage's name where one of `STAGES` begins; on a CPU that is
                once per pair.

        Returns:
            Per pair H x W x 3 uint8, RGB.
        """
        self._mark = mark
        with torch.inference_mode(), torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            if self._forward is None:
                return [self._fuse_one(pair, mark) for pair in batch]
            return self._fuse_together(self._forward, batch, mark)

    def _fuse_together(self, forward: StagedForward, batch: list[Pair],
                       mark: Mark) -> list[NDArray[np.uint8]]:
        mark('copy in')
        visible, thermal = (torch.from_numpy(np.stack(images)).to(self.device)
                            for images in zip(*batch))
        blocks = self.compute(visible, thermal, mark)
        mark('copy out')
        return [forward.unpack(block, *batch[0][1].shape).image for block in blocks.cpu()]

    def _fuse_one(self, pair: Pair, mark: Mark) -> NDArray[np.uint8]:
        mark('copy in')
        seen, heat = (torch.from_numpy(np.array(image)) for image in pair)
        mark('prepare')
        height, width = heat.shape
        visible = seen.permute(2, 0, 1)[None].float() / 255  # 1 x 3 x H x W
        thermal = heat[None, None].float() / 255  # 1 x 1 x H x W
        _, fused, _, _ = infer(
            self._guidance, self._network, visible, thermal,
            torch.autocast('cpu', enabled=False))
        image = fused.image[0, :, :height, :width]
        pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0)  # H x W x 3
        mark('copy out')
        return np.ascontiguousarray(pixels.numpy())

    def compute(self, visible: Tensor, thermal: Tensor, mark: Mark) -> Tensor:
        """Run what lies between the copies, on a GPU.

        Args:
            visible: B x H x W x 3 uint8, RGB, on the device.
            thermal: B x H x W uint8.
            mark: as for `fuse`.

        Returns:
            Blocks of bytes, see `StagedForward`.
        """
        assert self._forward is not None, 'only for a GPU'
        self._mark = mark
        mark('prepare')
        return self._forward(visible, thermal)
