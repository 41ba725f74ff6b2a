# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Quick scores and pictures of stage 2 on validation pairs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from degfuse_ros.network.config import CLASSES
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import Enhanced, Fused, FusionNetwork
from degfuse_ros.network.image_math import luma
from degfuse_ros.network.inference import infer
from degfuse_ros.network.losses import brightness_target
from degfuse_ros.training.config import FusionConfig
from degfuse_ros.training.dataset import CLEAN_CONDITIONS, DataError, Pair, crop_batch
from degfuse_ros.training.degradations import degrade_visible, single_severity
from degfuse_ros.training.grid import to_picture
from degfuse_ros.training.schedule import autocast

SEVERITY = 0.6  # the middle of what is trained
SEED = 1  # always the same pictures, whatever the run's own seed
REAL_ROWS = ('low_light', 'overexposed')

COLUMNS = ('visible', 'thermal', 'fused', 'PKDM visible', 'original')
"""Headings of the pictures."""


def psnr(image: Tensor, target: Tensor) -> Tensor:
    """Peak signal to noise ratio in dB of one image in [0, 1]; 100 where they are equal."""
    return -10 * torch.log10((image - target).square().mean().clamp(min=1e-10))


class FusionValidation:
    """Fixed degraded validation pairs.

    Args:
        pairs: of the validation split, on the device.
        config: of stage 2.
        device: where the pairs are.

    Raises:
        DataError: no pair that could be degraded.
    """

    def __init__(self, pairs: Sequence[Pair], config: FusionConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._clean = [pair for pair in pairs if pair.condition in CLEAN_CONDITIONS]
        if not self._clean:
            raise DataError('stage 2 needs validation pairs of condition clean or unknown; found '
                            'none. Name another validation_split.')
        self._real = [next((pair for pair in pairs if pair.condition == name), None)
                      for name in REAL_ROWS]

    def _run(self, guidance: DegradationGuidance, network: FusionNetwork, visible: Tensor,
             thermal: Tensor) -> tuple[Enhanced, Fused]:
        """Fuse as the engine does."""
        enhanced, fused, _, _ = infer(guidance, network, visible, thermal,
                                      autocast(self._device, self._config.precision))
        return enhanced, fused

    @torch.no_grad()
    def scores(self, guidance: DegradationGuidance, network: FusionNetwork) -> dict[str, float]:
        """Luma PSNR in dB of PKDM's visible image and of the fused one against their targets.

        Each pair is degraded by one class; the classes take turns, and so do the pairs where
        there are fewer. The target of the fused image is that of the pixel loss for the clean
        sources.

        Returns:
            visible_psnr, visible_psnr_CLASS, fused_psnr and fused_psnr_CLASS.
        """
        network.eval()
        generator = torch.Generator(device=self._device).manual_seed(SEED)
        values: dict[str, list[Tensor]] = {}
        turns = max(len(self._clean), len(CLASSES))
        for index, pair in enumerate(itertools.islice(itertools.cycle(self._clean), turns)):
            label = index % len(CLASSES)
            clean, thermal = pair.visible[None].float() / 255, pair.thermal[None].float() / 255
            visible = degrade_visible(clean, single_severity(label, SEVERITY), generator)
            enhanced, fused = self._run(guidance, network, visible, thermal)
            height, width = thermal.shape[-2:]
            bright = luma(clean)
            found = {'visible': psnr(luma(enhanced.visible[..., :height, :width].float()), bright),
                     'fused': psnr(fused.luma[..., :height, :width].float(),
                                   brightness_target(bright, thermal))}
            for name, value in found.items():
                for key in (f'{name}_psnr', f'{name}_psnr_{CLASSES[label]}'):
                    values.setdefault(key, []).append(value)
        network.train()
        return {name: float(torch.stack(each).mean()) for name, each in sorted(values.items())}

    @torch.no_grad()
    def pictures(self, guidance: DegradationGuidance,
                 network: FusionNetwork) -> list[tuple[str, list[np.ndarray]]]:
        """Fuse one crop of each class, then real ones; in the order of `COLUMNS`."""
        network.eval()
        host = torch.Generator().manual_seed(SEED)
        generator = torch.Generator(device=self._device).manual_seed(SEED)
        chosen = [(name, self._clean[label * len(self._clean) // len(CLASSES)],
                   single_severity(label, SEVERITY))
                  for label, name in enumerate(CLASSES)]
        chosen += [(f'real {name}', pair, single_severity(0, 0.0))
                   for name, pair in zip(REAL_ROWS, self._real) if pair is not None]
        rows = []
        for caption, pair, severity in chosen:
            clean, thermal = crop_batch([pair], self._config.size, (1.0, 1.0), host)
            visible = degrade_visible(clean, severity, generator)
            enhanced, fused = self._run(guidance, network, visible, thermal)
            rows.append((caption, [to_picture(each[0]) for each in (
                visible, thermal, fused.image, enhanced.visible, clean)]))
        network.train()
        return rows
