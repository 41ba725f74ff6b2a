# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stage 2: train the fusion network, the guidance MLP and the gates; the tower stays as it is.

degfuse train fusion --config config/train/fusion.yaml data=DATA guidance=FILE out=base.safetensors
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from degfuse_ros.network import losses
from degfuse_ros.network.config import ModelConfig, structure
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import Enhanced, FusionNetwork
from degfuse_ros.network.gate import GateDecision
from degfuse_ros.network.image_math import luma
from degfuse_ros.network.model_file import ModelFileError, load_model, save_model
from degfuse_ros.training.config import ConfigError, FusionConfig
from degfuse_ros.training.dataset import content, describe, load_pairs
from degfuse_ros.training.distillation import Teacher, distillation_loss
from degfuse_ros.training.fusion_sampler import FusionBatch, FusionSampler
from degfuse_ros.training.fusion_validation import COLUMNS, FusionValidation
from degfuse_ros.training.loop import train
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.schedule import Randomness, autocast
from degfuse_ros.training.stage import Stage


@dataclass(frozen=True)
class Outputs:
    """What the network makes of a batch, float32.

    Attributes:
        visible: B x 3 x H x W, PKDM's restored visible image.
        curves: B x 8 x H/4 x W/4, PKDM's curve maps; None without PKDM.
        brightened: R x 3 x H x W, the R real images after PKDM's curve stage alone; None
            without PKDM or real images.
        luma: B x 1 x H x W, fused luminance.
        image: B x 3 x H x W, fused RGB image.
        clean_visible: B x 3 x H x W, reconstruction.
        clean_thermal: B x 1 x H x W, reconstruction.
        decisions: the gates' decisions for fusion and for reconstruction.
        taught: B x 3 x H x W, the teacher's fused image; None without a teacher.
    """

    visible: Tensor
    curves: Tensor | None
    brightened: Tensor | None
    luma: Tensor
    image: Tensor
    clean_visible: Tensor
    clean_thermal: Tensor
    decisions: tuple[GateDecision, GateDecision]
    taught: Tensor | None


def _auxiliary(decisions: tuple[GateDecision, GateDecision], model: ModelConfig) -> Tensor:
    """L_aux = L_load + L_mi (equation 21).

    Args:
        decisions: of the fusion and of the reconstruction task.
        model: structure of the network. The layers at the end, the decoder's, run for both tasks.
    """
    fusion, reconstruction = decisions
    shared = len(model.widths) - 1
    probabilities = torch.stack((fusion.probabilities, reconstruction.probabilities))
    information = losses.mutual_information_loss(probabilities[:, -shared:])
    # Balance asks that images differ in their experts, which a constant cannot give.
    if model.guidance == 'constant':
        return information
    return (losses.load_loss(fusion.gates, fusion.load)
            + losses.load_loss(reconstruction.gates[-shared:], reconstruction.load[-shared:])
            + information)


def _enhancement_losses(visible: Tensor, curves: Tensor | None, brightened: Tensor | None,
                        batch: FusionBatch) -> dict[str, Tensor]:
    """What PKDM answers for by itself; nothing where the model has none. See `Outputs`."""
    if curves is None:
        return {}
    terms = {
        # ours: without it nothing tells PKDM, whose chroma the result carries, what is clean.
        'prior': functional.l1_loss(visible[batch.real:], batch.clean_visible[batch.real:]),
        'smoothness': losses.smoothness_loss(curves)}
    return terms | _reference_free_losses(visible, brightened, batch)


def _reference_free_losses(visible: Tensor, brightened: Tensor | None,
                           batch: FusionBatch) -> dict[str, Tensor]:
    """What PKDM's output for real images is judged by, which have no clean original."""
    if brightened is None:
        return {}
    given, nights = batch.visible[:batch.real], batch.nights
    terms = {}
    if nights:
        # The curve pixel by pixel, which has no say in the tint; the whole chain coarsely: it may
        # take the grain away.
        target = losses.night_target(given[:nights])
        terms['exposure'] = (functional.l1_loss(luma(brightened[:nights]), luma(target))
                             + functional.l1_loss(losses.coarse(visible[:nights]),
                                                  losses.coarse(target)))
    if batch.real > nights:
        terms['colour'] = losses.colour_constancy_loss(visible[nights:batch.real], given[nights:])
        terms['spatial'] = losses.spatial_consistency_loss(
            visible[nights:batch.real], given[nights:])
    return terms


def _visible_weight(severity: Tensor) -> Tensor:
    """How much the clean visible image's gradients count, B x 1 x 1 x 1, for severities B.

    A degraded picture's edges come back weaker than they were, so they start with an advantage
    over the thermal ones. At 2.2 images optimised directly keep 0.14 more of the visible edges
    and 0.13 less of the thermal ones, of which they have more.
    """
    return (1 + 1.2 * (2 * severity).clamp(max=1)).view(-1, 1, 1, 1)


def _losses(outputs: Outputs, batch: FusionBatch, model: ModelConfig) -> dict[str, Tensor]:
    """Loss terms of a batch by name, in float32; NAME_weight of the settings weighs each."""
    real = batch.real
    # I' of a real image is PKDM's output; the loss must not pull it towards the network's.
    target = torch.cat((outputs.visible[:real].detach(), batch.clean_visible[real:]))
    bright = luma(target)
    terms = {
        'pixel': losses.pixel_loss(outputs.luma, bright, batch.clean_thermal),
        'gradient': losses.gradient_loss(
            outputs.luma, bright, batch.clean_thermal, _visible_weight(batch.severity)),
        'reconstruction': losses.reconstruction_loss(
            outputs.clean_visible, target, outputs.clean_thermal, batch.clean_thermal),
        'auxiliary': _auxiliary(outputs.decisions, model),
        **_enhancement_losses(outputs.visible, outputs.curves, outputs.brightened, batch)}
    if outputs.taught is not None:
        terms['distillation'] = distillation_loss(outputs.image, outputs.taught)
    return terms


class _Trainee(nn.Module):
    """Frozen guidance with a trainable MLP, and the network: a batch in, loss terms out."""

    def __init__(self, config: FusionConfig, guidance: DegradationGuidance,
                 network: FusionNetwork, teacher: Teacher | None) -> None:
        super().__init__()
        self.guidance, self.network = guidance, network
        self._precision, self._teacher = config.precision, teacher

    def forward(self, batch: FusionBatch) -> dict[str, Tensor]:
        with autocast(batch.visible.device, self._precision):
            enhanced = self.network.enhance(batch.visible, batch.thermal)
            brightened = self._brighten(batch)
            outputs = self._fuse(batch, enhanced, brightened)
        # Outside: sums over a picture need more than the eight bits of bf16.
        return _losses(outputs, batch, self.network.config)

    def _brighten(self, batch: FusionBatch) -> Tensor | None:
        if self.network.enhancement is None or not batch.real:
            return None
        return self.network.enhancement.brighten(batch.visible[:batch.real]).float()

    def _fuse(self, batch: FusionBatch, enhanced: Enhanced, brightened: Tensor | None) -> Outputs:
        network = self.network
        with torch.no_grad():
            f_visible, f_thermal = self.guidance.encode(
                *network.guidance_images(batch.visible, batch.thermal, enhanced))
            taught = None if self._teacher is None else self._teacher.fuse(
                batch.visible, batch.thermal)
        with torch.autocast(batch.visible.device.type, enabled=False):
            vector = self.guidance.mlp(f_visible.float() * f_thermal.float())
        routing, second = network.route(vector), network.route(vector, 'reconstruction')
        fused, skips = network.fuse(enhanced, routing)
        visible, thermal = network.reconstruct(enhanced, skips, second)
        curves = None if enhanced.curves is None else enhanced.curves.float()
        return Outputs(enhanced.visible.float(), curves, brightened, fused.luma.float(),
                       fused.image.float(), visible.float(), thermal.float(),
                       (routing.decision, second.decision), taught)


def _structure(config: FusionConfig, file: ModelConfig) -> ModelConfig:
    """Turn the settings into the structure of the network to train.

    Args:
        config: which named model, and the ablation switches.
        file: structure in the guidance's file, whose tower stays.

    Raises:
        ConfigError: more experts active than there are.
    """
    base = file if config.model is None else dataclasses.replace(
        structure(config.model), tower=file.tower, guidance_dim=file.guidance_dim,
        sentence_groups=file.sentence_groups)
    kernels, hidden, active = base.kernels, base.hidden, config.active
    if config.dense:
        # One expert as dear as the active ones together: 3x3 has 9 taps, the eight shapes have 8
        # on average.
        kernels, hidden, active = ((3, 3),), tuple(active * width for width in hidden), 1
    try:
        return dataclasses.replace(base, kernels=kernels, hidden=hidden, active=active,
                                   enhancement=config.enhancement, guidance=config.guidance_input)
    except ValueError as error:
        raise ConfigError(str(error)) from None


class FusionStage(Stage):
    """Stage 2.

    Args:
        config: its settings.
        processes: where it trains.

    Raises:
        DataError: no pairs to train or to judge with.
        ModelFileError: guidance, start or teacher cannot be used.
    """

    title, columns = 'stage 2', COLUMNS
    module: _Trainee

    def __init__(self, config: FusionConfig, processes: Parallel) -> None:
        device, root = processes.device, Path(config.data)
        pairs = load_pairs(root, config.split, device, config.exclude_sources)
        self._sampler = FusionSampler(pairs, config, processes)
        unseen = load_pairs(root, config.validation_split, device, config.exclude_sources)
        self._validation = FusionValidation(unseen, config, device)
        self.found = describe(pairs)
        self.inputs = {'data': content(pairs)}
        self.module = self._load(config, device)

    def _load(self, config: FusionConfig, device: torch.device) -> _Trainee:
        """Frozen guidance with a trainable MLP, and a network, new or going on from `start`."""
        file = load_model(Path(config.guidance))
        self.inputs['guidance'] = file.sha256
        guidance = DegradationGuidance(file.config)
        guidance.load_state_dict(file.part('guidance'))
        network = FusionNetwork(_structure(config, file.config))
        if config.start is not None:
            self._start(config, guidance, network)
        teacher = None
        if config.teacher is not None:
            teacher = Teacher(Path(config.teacher), device)
            self.inputs['teacher'] = teacher.sha256
        guidance.requires_grad_(False).eval().to(device)
        # A constant takes the place of what the MLP would give.
        guidance.mlp.requires_grad_(config.guidance_input != 'constant')
        network.to(device).to(memory_format=torch.channels_last).train()
        return _Trainee(config, guidance, network, teacher)

    def _start(self, config: FusionConfig, guidance: DegradationGuidance,
               network: FusionNetwork) -> None:
        start = load_model(Path(str(config.start)))
        self.inputs['start'] = start.sha256
        try:
            if start.config != network.config:
                raise ValueError('another structure')
            network.load_state_dict(start.part('fusion'))
            guidance.mlp.load_state_dict(start.part('guidance.mlp'))
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f'cannot go on from {config.start}: it is no fusion model of the '
                                 f'structure in {config.guidance} and in the settings model, '
                                 'active, dense, enhancement and guidance_input. Give another '
                                 'start or the settings that it was trained with.') from error

    def draw(self, step: int, randomness: Randomness) -> FusionBatch:
        """Draw the batch of a step."""
        return self._sampler.draw(randomness)

    def save(self, path: Path, notes: Mapping[str, str]) -> None:
        """Write the weight file that the engine loads."""
        network = self.module.network
        save_model(path, network.config, self.module.guidance.state_dict(), network.state_dict(),
                   {'stage': 'fusion', **notes})

    def pictures(self) -> list[tuple[str, list[np.ndarray]]]:
        """Fuse fixed validation pairs."""
        return self._validation.pictures(self.module.guidance, self.module.network)

    def scores(self) -> dict[str, float]:
        """Luma PSNR of PKDM's visible and of the fused image, in dB."""
        return self._validation.scores(self.module.guidance, self.module.network)


def train_fusion(config: FusionConfig) -> dict[str, float]:
    """Run stage 2 and write the weight file that the engine loads.

    Returns:
        Validation scores, losses of the last steps, seconds and steps.

    Raises:
        TrainingStopped: time is up or a signal came; a checkpoint was written.
    """
    return train(config, lambda processes: FusionStage(config, processes))
