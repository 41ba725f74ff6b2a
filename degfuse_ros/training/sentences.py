# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The sentences that stage 1 aligns image features with."""

from __future__ import annotations

import torch
from torch import Tensor

SEVERITY_WORDS = ('slight', 'moderate', 'heavy')

# Severity at which the word changes: thirds of the trained range 0.2 to 1.
SEVERITY_STEPS = (0.45, 0.7)

_SUBJECTS = {
    'fog': 'fog and haze', 'low_light': 'darkness and low light', 'overexposed':
    'overexposure and glare', 'rain': 'rain streaks'}

_TEMPLATES = (
    'a street photo with {}', 'a photo taken by a vehicle camera in {}',
    'a road scene degraded by {}', 'a picture with {}')

_CLEAN = ('a clean, well exposed street photo', 'a clear photo taken by a vehicle camera',
          'a road scene in good weather and light', 'a sharp picture without degradation')

_THERMAL = (
    ('a clear thermal infrared image', 'a sharp thermal picture of a road scene',
     'a thermal camera image with good contrast', 'an infrared picture without noise'),
    ('a slightly noisy thermal infrared image', 'a thermal picture with some stripes',
     'a thermal camera image with weak contrast', 'an infrared picture with some noise'),
    ('a very noisy thermal infrared image', 'a thermal picture with strong stripes',
     'a thermal camera image with hardly any contrast', 'an infrared picture full of noise'))

VISIBLE_GROUPS = 1 + len(_SUBJECTS) * len(SEVERITY_WORDS)
"""Groups of sentences about visible images: clean, then each degradation's severity words."""


def sentence_groups() -> list[tuple[str, ...]]:
    """Return all groups, each with four ways to say the same: visible ones, then thermal ones."""
    described = [tuple(template.format(f'{word} {subject}') for template in _TEMPLATES)
                 for subject in _SUBJECTS.values() for word in SEVERITY_WORDS]
    return [_CLEAN, *described, *_THERMAL]


def group_classes() -> Tensor:
    """Class index of each visible group, VISIBLE_GROUPS."""
    words = len(SEVERITY_WORDS)
    return torch.tensor([0, *(1 + index // words for index in range(VISIBLE_GROUPS - 1))])


def severity_word(severity: Tensor) -> Tensor:
    """Index into `SEVERITY_WORDS` for severities of any shape."""
    return torch.bucketize(severity, torch.tensor(SEVERITY_STEPS, device=severity.device))


def visible_group(classes: Tensor, severity: Tensor) -> Tensor:
    """Group of visible images: classes B (0 is clean), severity of the class B."""
    described = 1 + (classes - 1) * len(SEVERITY_WORDS) + severity_word(severity)
    return torch.where(classes > 0, described, torch.zeros_like(classes))


def thermal_group(severity: Tensor) -> Tensor:
    """Group of thermal images by the severity of their noise, B; 0 is clear."""
    noisy = torch.where(severity > 0.5, 2, 1)
    return VISIBLE_GROUPS + torch.where(severity > 0, noisy, torch.zeros_like(noisy))
