# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stage 2: train the fusion network, the guidance MLP and the gates; the tower stays as it is.

degfuse train fusion --config config/train/fusion.yaml data=DATA guidance=FILE out=base.safetensors
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from degfuse_ros.network import losses
from degfuse_ros.network.config import CLASSES, ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import Enhanced, FusionNetwork
from degfuse_ros.network.gate import GateDecision
from degfuse_ros.network.image_math import luma
from degfuse_ros.network.model_file import ModelFileError, load_model, save_model
from degfuse_ros.training.config import ConfigError, FusionConfig
from degfuse_ros.training.dataset import (
    CLEAN_CONDITIONS,
    DataError,
    Pair,
    crop_batch,
    describe,
    load_pairs,
)
from degfuse_ros.training.degradations import degrade_thermal, degrade_visible, draw_severities
from degfuse_ros.training.schedule import (
    TrainingLog,
    learning_rate_factor,
    seed_everything,
    training_device,
)


@dataclass
class _Batch:
    """The first `real` images have no clean original; their targets are PKDM's own output."""

    visible: Tensor
    thermal: Tensor
    clean_visible: Tensor
    clean_thermal: Tensor
    real: int


class _Sampler:
    """Draws synthetic degradations of clean pairs, and some real night pairs."""

    def __init__(self, pairs: Sequence[Pair], config: FusionConfig, device: torch.device) -> None:
        self._config, self._device = config, device
        self._bases = [pair for pair in pairs if pair.condition in CLEAN_CONDITIONS]
        self._night = [pair for pair in pairs if pair.condition == 'low_light']
        if not self._bases:
            raise DataError('stage 2 needs pairs of condition clean or unknown; found none.')
        self.real = config.real if self._night else 0
        self._host, self._random = seed_everything(config.seed, device)

    def _pick(self, pool: Sequence[Pair], count: int) -> list[Pair]:
        picks = torch.randint(len(pool), (count,), generator=self._host).tolist() if count else []
        return [pool[index] for index in picks]

    def draw(self) -> _Batch:
        config = self._config
        chosen = (self._pick(self._night, self.real)
                  + self._pick(self._bases, config.batch - self.real))
        visible, thermal = crop_batch(chosen, config.size, config.zoom, self._host)
        labels = torch.randint(1, len(CLASSES), (config.batch,), generator=self._host)
        # Clean pictures teach it to leave well alone; real ones are degraded already.
        labels[torch.rand(config.batch, generator=self._host) < config.clean_share] = 0
        labels[:self.real] = 0
        # From severity 0.05 on: what is hardly degraded must be hardly changed.
        severity = draw_severities(labels.to(self._device), self._random, lowest=0.05)
        noise = torch.rand(config.batch, generator=self._random, device=self._device)
        noise = (2 * noise - 1).clamp(min=0)  # half of the thermal images stay as they are
        return _Batch(
            degrade_visible(visible, severity, self._random),
            degrade_thermal(thermal, noise, self._random), visible, thermal, self.real)


class _Trainee(nn.Module):
    """What stage 2 trains, as one module, so that one moving average covers it."""

    def __init__(self, guidance: DegradationGuidance, network: FusionNetwork) -> None:
        super().__init__()
        self.mlp = guidance.mlp
        self.network = network


def _auxiliary(fusion: GateDecision, reconstruction: GateDecision, shared: int,
               balance: bool) -> Tensor:
    """L_aux = L_load + L_mi (equation 21).

    Args:
        fusion: decision of the fusion task.
        reconstruction: decision of the reconstruction task.
        shared: layers at the end that run for both tasks, the decoder.
        balance: False leaves out L_load.
    """
    probabilities = torch.stack((fusion.probabilities, reconstruction.probabilities))
    information = losses.mutual_information_loss(probabilities[:, -shared:])
    if not balance:
        return information
    return (losses.load_loss(fusion.gates, fusion.load)
            + losses.load_loss(reconstruction.gates[-shared:], reconstruction.load[-shared:])
            + information)


def _enhancement_losses(network: FusionNetwork, batch: _Batch,
                        enhanced: Enhanced) -> dict[str, Tensor]:
    """What PKDM answers for by itself; nothing where the model has none.

    Args:
        network: owner of PKDM.
        batch: images and targets.
        enhanced: PKDM's output for the batch.
    """
    real = batch.real
    if network.enhancement is None or enhanced.curves is None:
        return {}
    terms = {
        # ours: without it nothing tells PKDM, whose chroma the result carries, what is clean.
        'prior': functional.l1_loss(enhanced.visible[real:], batch.clean_visible[real:]),
        'smoothness': losses.smoothness_loss(enhanced.curves)}
    if real:
        night = batch.visible[:real]
        terms['exposure'] = losses.exposure_loss(network.enhancement.brighten(night), night)
    return terms


def _losses(network: FusionNetwork, vector: Tensor, batch: _Batch,
            enhanced: Enhanced) -> dict[str, Tensor]:
    routing = network.route(vector)
    fused, skips = network.fuse(enhanced, routing)
    second = network.route(vector, 'reconstruction')
    visible, thermal = network.reconstruct(enhanced, skips, second)
    real = batch.real
    # I' of a real image is PKDM's output; the loss must not pull it towards the network's.
    target = torch.cat((enhanced.visible[:real].detach(), batch.clean_visible[real:]))
    bright = luma(target)
    return {
        'pixel': losses.pixel_loss(fused.luma, bright, batch.clean_thermal),
        'gradient': losses.gradient_loss(fused.luma, bright, batch.clean_thermal),
        'reconstruction': losses.reconstruction_loss(
            visible, target, thermal, batch.clean_thermal),
        # Balance asks that images differ in their experts, which a constant cannot give.
        'auxiliary': _auxiliary(routing.decision, second.decision, len(network.decoder),
                                network.config.guidance != 'constant'),
        **_enhancement_losses(network, batch, enhanced)}


def _step_losses(config: FusionConfig, guidance: DegradationGuidance, trainee: _Trainee,
                 batch: _Batch) -> dict[str, Tensor]:
    network = trainee.network
    enhanced = network.enhance(batch.visible, batch.thermal)
    if config.curve_only:
        return _enhancement_losses(network, batch, enhanced)
    with torch.no_grad():
        f_visible, f_thermal = guidance.encode(
            *network.guidance_images(batch.visible, batch.thermal, enhanced))
    return _losses(network, trainee.mlp(f_visible * f_thermal), batch, enhanced)


def _save(config: FusionConfig, guidance: DegradationGuidance, average: AveragedModel,
          notes: dict[str, str]) -> None:
    trained = cast(_Trainee, average.module)
    mlp = {f'mlp.{name}': tensor for name, tensor in trained.mlp.state_dict().items()}
    save_model(Path(config.out), trained.network.config, {**guidance.state_dict(), **mlp},
               trained.network.state_dict(), {'stage': 'fusion', **notes})


def _structure(config: FusionConfig, base: ModelConfig) -> ModelConfig:
    """Turn the ablation switches into the structure of the network to train.

    Raises:
        ConfigError: more experts active than there are.
    """
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


def _load_trainee(config: FusionConfig,
                  device: torch.device) -> tuple[DegradationGuidance, _Trainee]:
    """Frozen guidance with a trainable MLP, and a network that is new or goes on from `start`."""
    file = load_model(Path(config.guidance))
    guidance = DegradationGuidance(file.config)
    guidance.load_state_dict(file.part('guidance'))
    network = FusionNetwork(_structure(config, file.config))
    if config.start is not None:
        start = load_model(Path(config.start))
        try:
            if start.config != network.config:
                raise ValueError('another structure')
            network.load_state_dict(start.part('fusion'))
            guidance.mlp.load_state_dict(start.part('guidance.mlp'))
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f'cannot go on from {config.start}: it is no fusion model of the '
                                 f'structure in {config.guidance} and in the settings active, '
                                 'dense, enhancement and guidance_input. Give another start or '
                                 'the settings that it was trained with.') from error
    guidance.requires_grad_(False).eval().to(device)
    guidance.mlp.requires_grad_(True)
    network.to(device).to(memory_format=torch.channels_last)
    trainee = _Trainee(guidance, network).train()
    if config.curve_only:
        trainee.requires_grad_(False)
        network.get_submodule('enhancement.curve').requires_grad_(True)
    return guidance, trainee


def train_fusion(config: FusionConfig) -> dict[str, float]:
    """Run stage 2 and write the weight file that the engine loads.

    Returns:
        Losses of the last steps and seconds.
    """
    device = training_device(config.device)
    pairs = load_pairs(Path(config.data), config.split, device, config.exclude_sources)
    sampler = _Sampler(pairs, config, device)
    print(f'stage 2: {describe(pairs)}; {config.steps} steps of {config.batch}', flush=True)
    guidance, trainee = _load_trainee(config, device)
    average = AveragedModel(trainee, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
    weights = [weight for weight in trainee.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, config.learning_rate,
                                  weight_decay=config.weight_decay, fused=device.type == 'cuda')
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate_factor(step, config.steps, config.warmup))
    log = TrainingLog(Path(config.out).with_suffix('.csv'), config.steps, config.log_every)
    for step in range(config.steps):
        batch = sampler.draw()
        terms = _step_losses(config, guidance, trainee, batch)
        optimiser.zero_grad(set_to_none=True)
        loss = torch.stack([getattr(config, f'{name}_weight') * term
                            for name, term in terms.items()]).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        scheduler.step()
        average.update_parameters(trainee)
        log.add(step, {'loss': loss, **terms})
        if (step + 1) % config.save_every == 0:
            _save(config, guidance, average, {'steps': str(step + 1)})
    result = {**log.last, 'seconds': log.close()}
    _save(config, guidance, average, {'steps': str(config.steps),
                                      **{name: f'{value:.4f}' for name, value in result.items()}})
    return result
