# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Batches of stage 2: degraded pairs beside their clean originals, and real bad ones without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from degfuse_ros.network.config import CLASSES
from degfuse_ros.training.config import FusionConfig
from degfuse_ros.training.dataset import CLEAN_CONDITIONS, DataError, Pair, crop_batch
from degfuse_ros.training.degradations import (
    another_tone,
    automatic_gain,
    camera_flaws,
    degrade_thermal,
    degrade_visible,
    draw_severities,
    fog_in_infrared,
    misregister,
)
from degfuse_ros.training.parallel import Parallel
from degfuse_ros.training.sampling import half_zero
from degfuse_ros.training.schedule import Randomness, to_device

# Pixels by which the thermal image may be off: what real rigs leave after their registration.
MOST_MISREGISTERED = 3.0

# Strongest flaws of the camera itself: of more, the network learns to take fine detail for grain.
MOST_FLAWED = 0.25

# Share of the real pictures that are washed out; the rest is night. There are few of them in
# common data sets, and more of the same few would be learnt by heart.
WASHED_OUT_SHARE = 1 / 3


@dataclass(frozen=True)
class FusionBatch:
    """A batch on the device; values in [0, 1].

    The first `real` images have no clean original: their "clean" images are what the camera gave.
    The first `nights` of these are night pictures, the others washed out.

    Attributes:
        visible: B x 3 x H x W, RGB, degraded.
        thermal: B x 1 x H x W, degraded.
        clean_visible: B x 3 x H x W, RGB.
        clean_thermal: B x 1 x H x W, registered as `thermal` is.
        severity: B, of the worst synthetic degradation.
        real: images without a clean original.
        nights: of these, how many are night pictures.
    """

    visible: Tensor
    thermal: Tensor
    clean_visible: Tensor
    clean_thermal: Tensor
    severity: Tensor
    real: int
    nights: int


class FusionSampler:
    """Draws synthetic degradations of clean pairs, and real night and washed-out pairs.

    Args:
        pairs: on the device.
        config: of stage 2.
        processes: shares the batch.
    """

    def __init__(self, pairs: Sequence[Pair], config: FusionConfig, processes: Parallel) -> None:
        self._config = config
        self._bases = [pair for pair in pairs if pair.condition in CLEAN_CONDITIONS]
        self._night = [pair for pair in pairs if pair.condition == 'low_light']
        self._washed_out = [pair for pair in pairs if pair.condition == 'overexposed']
        if not self._bases:
            raise DataError('stage 2 needs pairs of condition clean or unknown; found none. Name '
                            'them so in pairs.csv, or use the folder layout.')
        self._batch = processes.share(config.batch)
        real = min(processes.share(config.real), self._batch - 1)
        washed_out = round(real * WASHED_OUT_SHARE) if self._night else real
        washed_out = washed_out if self._washed_out else 0
        self._nights = real - washed_out if self._night else 0
        self._real = self._nights + washed_out

    def draw(self, randomness: Randomness) -> FusionBatch:
        """Draw a batch."""
        config, count, host = self._config, self._batch, randomness.host

        def pick(pool: Sequence[Pair], number: int) -> list[Pair]:
            indices = torch.randint(len(pool) or 1, (number,), generator=host).tolist()
            return [pool[index] for index in indices]

        chosen = (pick(self._night, self._nights)
                  + pick(self._washed_out, self._real - self._nights)
                  + pick(self._bases, count - self._real))
        visible, thermal = crop_batch(chosen, config.size, config.zoom, host)
        labels = torch.randint(1, len(CLASSES), (count,), generator=host)
        # Clean pictures teach it to leave well alone; real ones are degraded already.
        labels[torch.rand(count, generator=host) < config.clean_share] = 0
        labels[:self._real] = 0
        # From severity 0.05 on: what is hardly degraded must be hardly changed.
        severity = draw_severities(labels, host, lowest=0.05)
        flaws = half_zero(count, MOST_FLAWED, host)
        flaws[:self._real] = 0  # a real camera has made its own
        tone = half_zero(count, 1.0, host)
        tone[:self._real] = 0  # and its tone is what the curve is fitted to
        visible = another_tone(visible, tone, randomness.device)
        noise, shift = half_zero(count, 1.0, host), half_zero(count, MOST_MISREGISTERED, host)
        gain = half_zero(count, 1.0, host)
        # The fused image shows heat where the thermal camera saw it: input and target move alike.
        thermal = automatic_gain(misregister(thermal, shift, randomness.device), gain,
                                 randomness.device)
        degraded = degrade_visible(visible, severity, randomness.device)
        veiled = fog_in_infrared(thermal, severity[:, 0], randomness.device)
        return FusionBatch(
            camera_flaws(degraded, flaws, randomness.device),
            degrade_thermal(veiled, noise, randomness.device), visible, thermal,
            to_device(severity.amax(1), visible.device), self._real, self._nights)
