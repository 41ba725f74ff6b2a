# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Batches of stage 1: pictures, the sentences that describe them, and severities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from degfuse_ros.network.config import CLASSES
from degfuse_ros.network.image_math import luma
from degfuse_ros.training.config import GuidanceConfig
from degfuse_ros.training.dataset import CLEAN_CONDITIONS, DataError, Pair, crop_batch
from degfuse_ros.training.degradations import (
    another_tone,
    camera_flaws,
    degrade_thermal,
    degrade_visible,
    draw_severities,
)
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.sampling import half_zero
from degfuse_ros.training.schedule import Randomness, to_device
from degfuse_ros.training.sentences import sentence_groups, thermal_group, visible_group

MOST_FLAWED = 0.5
"""Strongest flaws of the camera itself: a picture with these is still called clean."""

COMBINED = 0.4
"""Share of degraded pictures that get a second degradation: to see both is harder than one."""


@dataclass(frozen=True)
class GuidanceBatch:
    """A labelled batch on the device; images in [0, 1].

    Attributes:
        visible: B x 3 x H x W, RGB.
        thermal: B x 1 x H x W.
        groups: 2B, sentence group of each visible, then of each thermal image.
        severity: B x 4.
        known: B x 4, 0 where a real image's severity is not known.
        tokens: G x L, a sentence of each group.
    """

    visible: Tensor
    thermal: Tensor
    groups: Tensor
    severity: Tensor
    known: Tensor
    tokens: Tensor


def real_severity(condition: str, brightness: float) -> float:
    """Judge how bad a real picture is by its mean luminance in [0, 1] alone.

    A night of 0.2 is slight and of 0.1 heavy, glare of 0.5 slight and of 0.65 heavy. What else
    there is counts as moderate.
    """
    guess = {'low_light': 1 - 3 * brightness, 'overexposed': 2 * brightness - 0.6}
    return min(1.0, max(0.2, guess.get(condition, 0.6)))


class GuidanceSampler:
    """Draws labelled batches: synthetic degradations of clean pairs, and real degraded ones.

    Args:
        pairs: on the device.
        config: of stage 1.
        tokenizer: of the text tower.
        processes: shares the batch.
    """

    def __init__(self, pairs: Sequence[Pair], config: GuidanceConfig,
                 tokenizer: Callable[[list[str]], Tensor], processes: Parallel) -> None:
        self._config, self._device = config, processes.device
        self._batch = processes.share(config.batch)
        self._by_condition = {name: [pair for pair in pairs if pair.condition == name]
                              for name in CLASSES}
        self._bases = [pair for pair in pairs if pair.condition in CLEAN_CONDITIONS]
        if not self._bases:
            raise DataError('stage 1 needs pairs of condition clean or unknown; found none. Name '
                            'them so in pairs.csv, or use the folder layout.')
        # Once for all: a step that reads a mean would wait for the device.
        self._severity = {
            pair.name: real_severity(pair.condition, float(luma(pair.visible[None] / 255).mean()))
            for pair in pairs if pair.condition in CLASSES[1:]}

        groups = sentence_groups()
        # The wordings of a group take turns. All are on the device from the start: a copy in
        # every step would wait for it.
        turns = [[group[(turn + index) % len(group)] for index, group in enumerate(groups)]
                 for turn in range(len(groups[0]))]
        self._tokens = [tokenizer(turn).to(self._device) for turn in turns]

    def _choose(self, labels: Sequence[int], host: torch.Generator) -> tuple[list[Pair], Tensor]:
        """Pick a pair for each label, and the severity of those that are real, 0 for others."""
        chance = torch.rand(len(labels), 2, generator=host).tolist()
        chosen, severities = [], []
        for label, (kind, place) in zip(labels, chance):
            own = self._by_condition[CLASSES[label]]
            # Clean and degraded pictures are drawn from the same scenes, or the scene would tell
            # the class: unnamed pictures, hazy or bright ones among them, count as clean here.
            take_own = label and own and kind < self._config.real_share
            pool = own if take_own else self._bases
            pair = pool[int(place * len(pool))]
            chosen.append(pair)
            severities.append(self._severity[pair.name] if take_own else 0.0)
        return chosen, torch.tensor(severities)

    def draw(self, step: int, randomness: Randomness) -> GuidanceBatch:
        """Draw the batch of a step."""
        host, device, count = randomness.host, self._device, self._batch
        labels = torch.randint(len(CLASSES), (count,), generator=host)
        chosen, guess = self._choose(labels.tolist(), host)
        visible, thermal = crop_batch(chosen, self._config.size, self._config.zoom, host)
        real = guess > 0
        tone = half_zero(count, 1.0, host) * ~real
        visible = another_tone(visible, tone, randomness.device)
        severity = draw_severities(labels, host, combined=COMBINED) * ~real[:, None]
        # Flaws name no class, so all classes get them; a real camera has made its own.
        flaws = half_zero(count, MOST_FLAWED, host) * ~real
        noise = half_zero(count, 1.0, host)
        visible = degrade_visible(visible, severity, randomness.device)
        visible = camera_flaws(visible, flaws, randomness.device)
        thermal = degrade_thermal(thermal, noise, randomness.device)
        worst = severity.gather(1, (labels - 1).clamp(min=0)[:, None])[:, 0]
        groups = torch.cat((visible_group(labels, torch.where(real, guess, worst)),
                            thermal_group(noise)))
        known = 1 - functional.one_hot(labels, len(CLASSES))[:, 1:] * real[:, None]
        return GuidanceBatch(visible, thermal, to_device(groups, device),
                             to_device(severity, device), to_device(known.float(), device),
                             self._tokens[step % len(self._tokens)])
