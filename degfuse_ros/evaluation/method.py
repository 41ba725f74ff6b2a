# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Methods: the rows of every table. Each turns a scene into a fused image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.engine import Fusion, FusionEngine
from degfuse_ros.evaluation.baselines import BASELINES, colour
from degfuse_ros.evaluation.fused_folder import FusedFolder
from degfuse_ros.evaluation.reconstruction import Reconstruction
from degfuse_ros.evaluation.restoration import TWO_STAGE
from degfuse_ros.evaluation.scene import Scene

VISIBLE, THERMAL = 'visible only', 'thermal only'
"""The rows of one camera alone."""


@dataclass(frozen=True)
class Product:
    """What a method makes of a scene.

    Attributes:
        scored: H x W or H x W x 3 uint8 RGB, what the metrics see.
        picture: H x W x 3 uint8 RGB, what a person or a detector sees.
        restore: gives the method's idea of the clean visible image, H x W x 3 uint8 RGB; None if
            it has none.
        fusion: the engine's answer, if the method is a model.
    """

    scored: NDArray[np.uint8]
    picture: NDArray[np.uint8]
    restore: Callable[[], NDArray[np.uint8]] | None = None
    fusion: Fusion | None = None


@dataclass(frozen=True)
class Method:
    """One row.

    Attributes:
        name: as the tables show it.
        kind: 'source', 'baseline', 'two-stage', 'folder' or 'model'.
        fuse: scene to product; None where the method has nothing for this scene. It raises
            ValueError or RuntimeError, one line, where it should have and fails.
    """

    name: str
    kind: str
    fuse: Callable[[Scene], Product | None]


def classical_methods() -> list[Method]:
    """Return the rows that are always there: sources, baselines and two-stage methods."""
    kinds = {VISIBLE: 'source', THERMAL: 'source'}
    return ([Method(name, kinds.get(name, 'baseline'), _baseline(name)) for name in BASELINES]
            + [Method(name, 'two-stage', _two_stage(name)) for name in TWO_STAGE])


def folder_method(name: str, folder: FusedFolder) -> Method:
    """Make a row of images that another program fused."""
    def fuse(scene: Scene) -> Product | None:
        image = folder.read(scene)
        if image is None:
            return None
        return Product(image, image if image.ndim == 3 else as_rgb(image))
    return Method(name, 'folder', fuse)


def model_method(name: str, engine: FusionEngine, reconstruction: Reconstruction) -> Method:
    """Make a row of one of our models."""
    def fuse(scene: Scene) -> Product:
        fusion = engine.fuse(scene.visible, scene.thermal)
        return Product(fusion.image, fusion.image,
                       lambda: reconstruction.restore(scene.visible, scene.thermal), fusion)
    return Method(name, 'model', fuse)


def _baseline(name: str) -> Callable[[Scene], Product]:
    def fuse(scene: Scene) -> Product:
        luminance = BASELINES[name](scene.visible, scene.thermal)
        if name == VISIBLE:
            return Product(luminance, scene.visible, lambda: scene.visible)
        if name == THERMAL:
            return Product(luminance, as_rgb(luminance))
        return Product(luminance, colour(scene.visible, luminance))
    return fuse


def _two_stage(name: str) -> Callable[[Scene], Product]:
    def fuse(scene: Scene) -> Product:
        luminance, restored = TWO_STAGE[name](scene.visible, scene.thermal, scene.degradations)
        return Product(luminance, colour(restored, luminance), lambda: restored)
    return fuse


def as_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn H x W grey into H x W x 3."""
    return np.repeat(image[..., None], 3, axis=2)
