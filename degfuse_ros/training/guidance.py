# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: align image features with sentences about degradations; regress severities.

degfuse train guidance --config config/train/guidance.yaml data=DATA out=guidance.safetensors
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.network.config import CLASSES, ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.image_math import luma
from degfuse_ros.network.model_file import save_model
from degfuse_ros.training.config import GuidanceConfig
from degfuse_ros.training.dataset import (
    CLEAN_CONDITIONS,
    DataError,
    Pair,
    crop_batch,
    describe,
    load_pairs,
)
from degfuse_ros.training.degradations import degrade_thermal, degrade_visible, draw_severities
from degfuse_ros.training.open_clip_tower import ClipTower, create_tower
from degfuse_ros.training.schedule import (
    TrainingLog,
    learning_rate_factor,
    seed_everything,
    training_device,
)
from degfuse_ros.training.sentences import (
    VISIBLE_GROUPS,
    group_classes,
    sentence_groups,
    thermal_group,
    visible_group,
)


@dataclass
class _Batch:
    visible: Tensor
    thermal: Tensor
    groups: Tensor  # 2B: sentence group of each visible, then of each thermal image
    severity: Tensor  # B x 4
    known: Tensor  # B x 4: 0 where a real image's severity is not known


class _Sampler:
    """Draws labelled batches: synthetic degradations of clean pairs, and real degraded ones."""

    def __init__(self, pairs: Sequence[Pair], config: GuidanceConfig,
                 device: torch.device) -> None:
        self._config, self._device = config, device
        self._by_condition = {name: [pair for pair in pairs if pair.condition == name]
                              for name in (*CLASSES, 'unknown')}
        self._bases = [pair for pair in pairs if pair.condition in CLEAN_CONDITIONS]
        if not self._bases:
            raise DataError('stage 1 needs pairs of condition clean or unknown; found none.')
        self._host, self._random = seed_everything(config.seed, device)

    def _pick(self, pool: Sequence[Pair]) -> Pair:
        return pool[int(torch.randint(len(pool), (1,), generator=self._host))]

    def draw(self) -> _Batch:
        config, device = self._config, self._device
        labels = torch.randint(len(CLASSES), (config.batch,), generator=self._host)
        chance = torch.rand(config.batch, generator=self._host)
        chosen, real = [], torch.zeros(config.batch, dtype=torch.bool)
        for index, label in enumerate(labels.tolist()):
            own = self._by_condition[CLASSES[label]]
            # A clean label needs a picture known to be clean, not merely unnamed.
            if own and (label == 0 or chance[index] < config.real_share):
                real[index] = label > 0
                chosen.append(self._pick(own))
            else:
                chosen.append(self._pick(self._bases))
        visible, thermal = crop_batch(chosen, config.size, config.zoom, self._host)
        labels, real = labels.to(device), real.to(device)
        severity = draw_severities(labels, self._random) * ~real[:, None]
        visible = degrade_visible(visible, severity, self._random)
        noise = torch.rand(config.batch, generator=self._random, device=device)
        noise = (2 * noise - 1).clamp(min=0)  # half of the thermal images stay as they are
        thermal = degrade_thermal(thermal, noise, self._random)
        # How bad a real image is, is judged by its mean brightness alone: a night of 0.2 is slight
        # and of 0.1 heavy, glare of 0.5 slight and of 0.65 heavy.
        mean = luma(visible).mean((1, 2, 3))
        guess = torch.where(labels == 2, 1 - 3 * mean, 2 * mean - 0.6).clamp(0.2, 1)
        worst = severity.gather(1, (labels - 1).clamp(min=0)[:, None])[:, 0]
        groups = torch.cat((visible_group(labels, torch.where(real, guess, worst)),
                            thermal_group(noise)))
        known = 1 - functional.one_hot(labels, len(CLASSES))[:, 1:] * real[:, None]
        return _Batch(visible, thermal, groups, severity, known.float())


def contrastive_loss(logits: Tensor, groups: Tensor) -> Tensor:
    """CLIP's symmetric objective where several images may share one sentence.

    Args:
        logits: N x G scaled similarities of images and sentences.
        groups: N, the sentence of each image.
    """
    by_image = functional.cross_entropy(logits, groups)
    member = functional.one_hot(groups, logits.shape[1]).to(logits)  # N x G
    present = member.sum(0) > 0
    share = (logits.log_softmax(0) * member).sum(0) / member.sum(0).clamp(min=1)
    return 0.5 * (by_image - share[present].mean())


def _losses(guidance: DegradationGuidance, tower: ClipTower, batch: _Batch,
            sentences: Tensor) -> dict[str, Tensor]:
    f_visible, f_thermal = guidance.encode(batch.visible, batch.thermal)
    features = functional.normalize(torch.cat((f_visible, f_thermal)), dim=-1)
    logits = tower.clip.logit_scale.exp().clamp(max=100) * features @ sentences.T
    severity = torch.sigmoid(guidance.severity_head(f_visible))
    # Errors above 0.1 count linearly: severities are no more exact than that to the eye.
    error = functional.smooth_l1_loss(severity, batch.severity, reduction='none', beta=0.1)
    return {'contrastive': contrastive_loss(logits, batch.groups),
            'severity': (error * batch.known).mean()}


@torch.no_grad()
def validate(guidance: DegradationGuidance, pairs: Sequence[Pair], seed: int) -> dict[str, float]:
    """Share of right top classes on whole synthetically degraded and on real pairs.

    Every clean or unknown pair is degraded by each class at severities 0.35, 0.6 and 0.9.

    Returns:
        Accuracy by name: synthetic, synthetic_CLASS, and real_CONDITION for named conditions.
    """
    guidance.eval()
    hits: dict[str, list[bool]] = {}
    device = guidance.mean.device
    generator = torch.Generator(device=device).manual_seed(seed)

    def classify(pair: Pair, severity: Tensor, label: int, *names: str) -> None:
        visible = degrade_visible(pair.visible[None].float() / 255, severity, generator)
        scores = guidance(visible, pair.thermal[None].float() / 255).scores[0]
        for name in names:
            hits.setdefault(name, []).append(int(scores.argmax()) == label)

    for pair in pairs:
        if pair.condition in CLASSES:
            index = CLASSES.index(pair.condition)
            names = ['synthetic', 'synthetic_clean'] if index == 0 else []
            none = torch.zeros(1, 4, device=device)
            classify(pair, none, index, f'real_{pair.condition}', *names)
        if pair.condition in CLEAN_CONDITIONS:
            for label, level in itertools.product(range(1, len(CLASSES)), (0.35, 0.6, 0.9)):
                severity = torch.zeros(1, 4, device=device)
                severity[0, label - 1] = level
                classify(pair, severity, label, 'synthetic', f'synthetic_{CLASSES[label]}')
    return {name: sum(values) / len(values) for name, values in sorted(hits.items())}


def _store_sentences(guidance: DegradationGuidance, tower: ClipTower) -> None:
    """Keep the mean embedding of each visible group, so that the text tower stays behind."""
    with torch.no_grad():
        means = [functional.normalize(tower.embed(list(group)).mean(0), dim=0)
                 for group in sentence_groups()[:VISIBLE_GROUPS]]
        guidance.sentences.copy_(torch.stack(means))
        guidance.sentence_class.copy_(group_classes())
        guidance.logit_scale.copy_(tower.clip.logit_scale.exp().clamp(max=100))


def _step_sentences(tower: ClipTower, step: int) -> Tensor:
    """Embed one wording of each group; the wordings take turns."""
    groups = sentence_groups()
    return tower.embed([group[(step + index) % len(group)] for index, group in enumerate(groups)])


def train_guidance(config: GuidanceConfig) -> dict[str, float]:
    """Run stage 1 and write a weight file whose guidance part is trained.

    Returns:
        Validation accuracies, losses of the last steps and seconds.
    """
    device = training_device(config.device)
    pairs = load_pairs(Path(config.data), config.split, device, config.exclude_sources)
    # Read at once: data without a validation split must not cost a training run.
    unseen = load_pairs(Path(config.data), config.validation_split, device)
    print(f'stage 1: {describe(pairs)}; {config.steps} steps of {config.batch}', flush=True)
    sampler = _Sampler(pairs, config, device)
    tower = create_tower(config.clip_name, config.clip_checkpoint, config.lora_rank, device)
    model = ModelConfig(tower=tower.sizes)
    guidance = DegradationGuidance(model).to(device)
    guidance.tower = tower.visual
    weights = [*tower.parameters(), *guidance.severity_head.parameters()]
    optimiser = torch.optim.AdamW(weights, config.learning_rate, weight_decay=config.weight_decay)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate_factor(step, config.steps, config.warmup))
    log = TrainingLog(Path(config.out).with_suffix('.csv'), config.steps, config.log_every)
    guidance.train()
    for step in range(config.steps):
        with torch.autocast(device.type, torch.bfloat16, device.type == 'cuda'):
            terms = _losses(guidance, tower, sampler.draw(), _step_sentences(tower, step))
        optimiser.zero_grad(set_to_none=True)
        (terms['contrastive'] + config.severity_weight * terms['severity']).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        scheduler.step()
        log.add(step, terms)
    seconds = log.close()
    _store_sentences(guidance, tower)
    guidance.tower = tower.merged()
    scores = validate(guidance, unseen, config.seed)
    result = {**scores, **log.last, 'seconds': seconds}
    notes = {name: f'{value:.4f}' for name, value in result.items()}
    save_model(Path(config.out), model, guidance.state_dict(), {}, {'stage': 'guidance', **notes})
    return result
