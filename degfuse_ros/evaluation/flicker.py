# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Flicker: how much a fused clip changes from frame to frame, beside the clips it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.evaluation.observation import Observation

Frames = Sequence[NDArray[np.uint8]]


def flicker(visible: Frames, thermal: Frames, fused: Mapping[str, Frames],
            observations: Mapping[str, Sequence[Observation]]) -> dict[str, Any]:
    """Measure the changes of a clip that a camera at rest took.

    Args:
        visible: luma of the frames in their order, each H x W uint8; two frames or more.
        thermal: the same of the thermal camera.
        fused: the same of each method.
        observations: of the methods that are models, one observation per frame, in the same order.

    Returns:
        A dict that is plain JSON:

        frames: their number.
        visible, thermal: mean absolute change from one frame to the next, in grey levels, over all
            pixels.
        methods: {method: change (as above), relative (change divided by the mean of the visible
            and the thermal change; 1 is as restless as the inputs; 0 where both inputs stand still
            altogether)}, and for models class_switches (how often the class differs from the
            frame before), routing_switches (how often a layer's set of experts does) and
            routing_share (the latter divided by layers and steps, 0 to 1).

    Raises:
        ValueError: fewer than two frames, or clips of different lengths or sizes.
    """
    _check(visible, {'thermal': thermal, **fused}, observations)
    visible_change, thermal_change = _change(visible), _change(thermal)
    inputs = (visible_change + thermal_change) / 2
    methods: dict[str, dict[str, float]] = {}
    for name, frames in fused.items():
        change = _change(frames)
        methods[name] = {'change': change, 'relative': change / inputs if inputs else 0.0}
        if name in observations:
            methods[name].update(_switches(observations[name]))
    return {'frames': len(visible), 'visible': visible_change, 'thermal': thermal_change,
            'methods': methods}


def _check(visible: Frames, others: Mapping[str, Frames],
           observations: Mapping[str, Sequence[Observation]]) -> None:
    if len(visible) < 2:
        raise ValueError(f'flicker needs two frames or more. Got {len(visible)}.')
    for name, listed in [*others.items(), *observations.items()]:
        if len(listed) != len(visible):
            raise ValueError(f'each frame needs its counterpart: {name} has {len(listed)} for '
                             f'{len(visible)} visible frames.')
    for name, frames in [('visible', visible), *others.items()]:
        sizes = {frame.shape for frame in frames} - {visible[0].shape}
        if sizes:
            raise ValueError(f'the frames of a clip need one size: {name} has {min(sizes)}, the '
                             f'first visible frame {visible[0].shape}.')


def _change(frames: Frames) -> float:
    """Mean absolute change between successive frames, in grey levels."""
    steps = [np.abs(after.astype(np.int16) - before).mean() for before, after in pairwise(frames)]
    return float(np.mean(steps))


def _switches(observations: Sequence[Observation]) -> dict[str, float]:
    """Count the changes of the class and of each layer's set of experts."""
    steps = list(pairwise(observations))
    classes = sum(before.degradation.label != after.degradation.label for before, after in steps)
    layers = [((before.routing > 0) != (after.routing > 0)).any(axis=1) for before, after in steps]
    return {
        'class_switches': classes,
        'routing_switches': int(np.sum(layers)),
        'routing_share': float(np.mean(layers)),
    }
