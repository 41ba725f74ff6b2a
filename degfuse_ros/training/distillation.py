# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Distillation: a small model learns from a trained one's fused images besides its own losses."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.image_math import luma, sobel
from degfuse_ros.network.inference import infer
from degfuse_ros.network.model_file import ModelFileError, load_model

# Of the gradients against the values: stage 2 weighs equation 17 against 16 alike, 5 to 2.
GRADIENT_SHARE = 2.5


def distillation_loss(student_fused: Tensor, teacher_fused: Tensor) -> Tensor:
    """How far a student's fused images are from its teacher's, in colour and in edges.

    Args:
        student_fused: B x 3 x H x W, RGB in [0, 1].
        teacher_fused: the same of the teacher; it receives no gradient.

    Returns:
        Scalar: the mean absolute difference of the values, and of the luminance's Sobel
        derivatives (a unit step is 4) `GRADIENT_SHARE` times.
    """
    target = teacher_fused.detach()
    edges = sum(functional.l1_loss(own, given) for own, given
                in zip(sobel(luma(student_fused)), sobel(luma(target))))
    return functional.l1_loss(student_fused, target) + GRADIENT_SHARE * edges


class Teacher:
    """A trained model that fuses batches for a student; nothing of it is trained.

    Args:
        path: weight file of a fusion model.
        device: where the student trains.

    Raises:
        ModelFileError: no such file, one that is not ours, or the file of stage 1.

    Attributes:
        sha256: of the file's tensors.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        file = load_model(path)
        self.sha256 = file.sha256
        self._guidance = DegradationGuidance(file.config)
        self._network = FusionNetwork(file.config)
        try:
            self._guidance.load_state_dict(file.part('guidance'))
            self._network.load_state_dict(file.part('fusion'))
        except RuntimeError as error:  # torch lists every missing tensor on a line of its own
            raise ModelFileError(f'{path} cannot teach: it holds no whole fusion model. Give the '
                                 'file that stage 2 wrote as teacher.') from error
        for module in (self._guidance, self._network):
            module.eval().requires_grad_(False).to(device)
            module.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def fuse(self, visible: Tensor, thermal: Tensor) -> Tensor:
        """Fuse what the student is given, with the teacher's own guidance and routing.

        Under autocast only the convolutions are rounded, as in the engine on a GPU.

        Args:
            visible: B x 3 x H x W, RGB in [0, 1]; sides are multiples of the teacher's.
            thermal: B x 1 x H x W in [0, 1].

        Returns:
            B x 3 x H x W, RGB in [0, 1].
        """
        fused = infer(self._guidance, self._network, visible, thermal, nullcontext())[1]
        return fused.image.float()
