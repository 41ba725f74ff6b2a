# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The order of what is done with a pair."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from image_messages import image

from degfuse_ros.camera.front_end import Prepared
from degfuse_ros.ros.pair import Pair
from degfuse_ros.ros.pipeline import Pipeline
from degfuse_ros.ros.rig import Frame, Rig
from degfuse_ros.ros.statistics import Statistics


class _Engine:
    """Answers with as many results as it gets pairs, or not at all."""

    layer_names = ('first',)

    def __init__(self, fails: bool) -> None:
        self._fails = fails

    def reset(self) -> None:
        """Nothing is remembered."""

    def fuse_batch(self, pairs: list[Any], stream: tuple[str, ...]) -> list[str]:
        if self._fails:
            raise RuntimeError('no memory')
        return ['fused'] * len(pairs)


class _Rig:
    """Notes what it is told to do."""

    def __init__(self, name: str, notes: list[str]) -> None:
        self.name, self._notes, self.statistics = name, notes, Statistics()

    def prepare(self, pair: Pair) -> Frame:
        self._notes.append(f'prepare {self.name}')
        return Frame(cast(Rig, self), pair, Prepared(
            np.zeros((48, 64, 3), np.uint8), np.zeros((48, 64), np.uint8)))

    def publish(self, *_: object) -> None:
        self._notes.append(f'publish {self.name}')

    def refuse(self, error: Exception) -> None:
        self._notes.append(f'refuse {self.name}: {error}')

    def follow_registration(self) -> None:
        self._notes.append(f'follow {self.name}')


@pytest.mark.parametrize('fails, outcome', [
    (False, ['publish front', 'publish rear']),
    (True, ['refuse front: no memory', 'refuse rear: no memory'])])
def test_what_delays_no_image_comes_after_the_images_of_all_rigs(
        fails: bool, outcome: list[str]) -> None:
    notes: list[str] = []
    pairs = {cast(Rig, _Rig(name, notes)): Pair(image(0), image(0, 'mono8'))
             for name in ('rear', 'front')}
    Pipeline(cast(Any, _Engine(fails)))(pairs)
    assert notes == ['prepare front', 'prepare rear', *outcome, 'follow front', 'follow rear']
