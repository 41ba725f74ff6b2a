# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Stage 1: align image features with sentences about degradations; regress severities.

degfuse train guidance --config config/train/guidance.yaml data=DATA out=guidance.safetensors
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from degfuse_ros.network.config import CLASSES, TOWERS, structure
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.model_file import save_model, tensor_hash
from degfuse_ros.training.config import GuidanceConfig
from degfuse_ros.training.dataset import (
    CLEAN_CONDITIONS,
    Pair,
    content,
    crop_batch,
    describe,
    load_pairs,
)
from degfuse_ros.training.degradations import degrade_visible, single_severity
from degfuse_ros.training.grid import to_picture
from degfuse_ros.training.guidance_sampler import GuidanceBatch, GuidanceSampler
from degfuse_ros.training.loop import train
from degfuse_ros.training.open_clip_tower import ClipTower, create_tower
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.schedule import Randomness, autocast
from degfuse_ros.training.sentences import VISIBLE_GROUPS, group_classes, sentence_groups
from degfuse_ros.training.stage import Stage

# Severities at which unseen pictures are judged: slight, moderate and heavy.
LEVELS = (0.35, 0.6, 0.9)

# Of the degradations of what is judged and shown: the same whatever the run's own seed.
SEED = 1


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
    return 0.5 * (by_image - (share * present).sum() / present.sum())


class _Alignment(nn.Module):
    """Guidance and text tower: a batch in, loss terms out."""

    def __init__(self, config: GuidanceConfig, guidance: DegradationGuidance,
                 tower: ClipTower) -> None:
        super().__init__()
        self.guidance, self.clip = guidance, tower.clip
        self._precision = config.precision

    def forward(self, batch: GuidanceBatch) -> dict[str, Tensor]:
        with autocast(batch.visible.device, self._precision):
            f_visible, f_thermal = self.guidance.encode(batch.visible, batch.thermal)
            severity = self.guidance.severity_head(f_visible)
            sentences = functional.normalize(self.clip.encode_text(batch.tokens).float(), dim=-1)
        features = functional.normalize(torch.cat((f_visible, f_thermal)).float(), dim=-1)
        logits = self.clip.logit_scale.exp().clamp(max=100) * features @ sentences.T
        # Errors above 0.1 count linearly: severities are no more exact than that to the eye.
        error = functional.smooth_l1_loss(
            torch.sigmoid(severity.float()), batch.severity, reduction='none', beta=0.1)
        return {'contrastive': contrastive_loss(logits, batch.groups),
                'severity': (error * batch.known).mean()}


@torch.no_grad()
def validate(guidance: DegradationGuidance, pairs: Sequence[Pair],
             seed: int = SEED) -> dict[str, float]:
    """Share of right top classes on whole synthetically degraded and on real pairs.

    Every clean or unknown pair is degraded by each class at `LEVELS`.

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
            classify(pair, single_severity(0, 0), index, f'real_{pair.condition}', *names)
        if pair.condition in CLEAN_CONDITIONS:
            for label, level in itertools.product(range(1, len(CLASSES)), LEVELS):
                classify(pair, single_severity(label, level), label, 'synthetic',
                         f'synthetic_{CLASSES[label]}')
    return {name: sum(values) / len(values) for name, values in sorted(hits.items())}


def _store_sentences(guidance: DegradationGuidance, tower: ClipTower) -> None:
    """Keep the mean embedding of each visible group, so that the text tower stays behind."""
    with torch.no_grad():
        means = [functional.normalize(tower.embed(list(group)).mean(0), dim=0)
                 for group in sentence_groups()[:VISIBLE_GROUPS]]
        guidance.sentences.copy_(torch.stack(means))
        guidance.sentence_class.copy_(group_classes())
        guidance.logit_scale.copy_(tower.clip.logit_scale.exp().clamp(max=100))


class GuidanceStage(Stage):
    """Stage 1.

    Args:
        config: its settings.
        processes: where it trains.

    Raises:
        DataError: no pairs to train or to judge with.
        ConfigError: CLIP's model or checkpoint cannot be used.
    """

    title, columns = 'stage 1', ('visible', 'thermal')
    module: _Alignment

    def __init__(self, config: GuidanceConfig, processes: Parallel) -> None:
        device, root = processes.device, Path(config.data)
        pairs = load_pairs(root, config.split, device, config.exclude_sources)
        # Now, not after an hour of training: a split without pairs is an error.
        self._unseen = load_pairs(root, config.validation_split, device, config.exclude_sources)
        self._config, self._device = config, device
        self.found, self.inputs = describe(pairs), {'data': content(pairs)}
        self._tower = create_tower(config.clip_name or TOWERS[config.model],
                                   config.clip_checkpoint, config.lora_rank, device)
        if self._tower.adapted:  # what the adapters belong to
            self.inputs['clip_checkpoint'] = tensor_hash(
                {name: value for name, value in self._tower.clip.state_dict().items()
                 if '.lora_' not in name})
        self._sampler = GuidanceSampler(pairs, config, self._tower.tokenizer, processes)
        self._model = dataclasses.replace(structure(config.model), tower=self._tower.sizes,
                                          sentence_groups=VISIBLE_GROUPS)
        guidance = DegradationGuidance(self._model).to(device)
        guidance.tower = self._tower.visual
        guidance.mlp.requires_grad_(False)  # stage 2 trains it
        self.module = _Alignment(config, guidance, self._tower).train()

    def draw(self, step: int, randomness: Randomness) -> GuidanceBatch:
        """Draw the batch of a step."""
        return self._sampler.draw(step, randomness)

    def _finished(self) -> DegradationGuidance:
        """A copy as it is saved: sentences stored, adapters folded into the tower."""
        _store_sentences(self.module.guidance, self._tower)
        state = {name: value for name, value in self.module.guidance.state_dict().items()
                 if not name.startswith('tower.')}
        tower = {f'tower.{name}': value for name, value in self._tower.plain_state().items()}
        guidance = DegradationGuidance(self._model).to(self._device)
        guidance.load_state_dict({**state, **tower})
        return guidance

    def save(self, path: Path, notes: Mapping[str, str]) -> None:
        """Write the weight file that stage 2 starts from."""
        save_model(path, self._model, self._finished().state_dict(), {},
                   {'stage': 'guidance', **notes})

    @torch.no_grad()
    def pictures(self) -> list[tuple[str, list[np.ndarray]]]:
        """Show a picture of each class with what is recognised in it."""
        guidance = self._finished().eval()
        host = torch.Generator().manual_seed(SEED)
        generator = torch.Generator(device=self._device).manual_seed(SEED)
        bases = [pair for pair in self._unseen if pair.condition in CLEAN_CONDITIONS]
        bases = bases or self._unseen
        rows = []
        for label, name in enumerate(CLASSES):
            pair = bases[label * len(bases) // len(CLASSES)]
            visible, thermal = crop_batch([pair], self._config.size, (1.0, 1.0), host)
            visible = degrade_visible(visible, single_severity(label, LEVELS[1]), generator)
            seen = guidance(visible, thermal)
            best = CLASSES[int(seen.scores[0].argmax())]
            levels = ' '.join(f'{other} {value:.2f}' for other, value
                              in zip(CLASSES[1:], seen.severity[0].tolist()))
            rows.append((f'{pair.name} ({pair.condition}) with {name}: seen as {best}; {levels}',
                         [to_picture(visible[0]), to_picture(thermal[0])]))
        return rows

    def scores(self) -> dict[str, float]:
        """Share of right classes on unseen pairs."""
        return validate(self._finished(), self._unseen)


def train_guidance(config: GuidanceConfig) -> dict[str, float]:
    """Run stage 1 and write the weight file that stage 2 starts from.

    Returns:
        Validation scores, losses of the last steps, seconds and steps.

    Raises:
        TrainingStopped: time is up or a signal came; a checkpoint was written.
    """
    return train(config, lambda processes: GuidanceStage(config, processes))
