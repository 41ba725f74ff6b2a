# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The two passes of an evaluation: pairs as they are, and clean pairs degraded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.detection import Detection
from degfuse_ros.evaluation.flicker import flicker
from degfuse_ros.evaluation.ledger import Ledger
from degfuse_ros.evaluation.method import Method, Product
from degfuse_ros.evaluation.metrics import PairScorer, luma, psnr
from degfuse_ros.evaluation.pairs import UNKNOWN, EvaluationPair, PairError
from degfuse_ros.evaluation.scene import CLEAN_CASE, Scene
from degfuse_ros.evaluation.settings import Settings


class Clip:
    """The luma frames of one static clip, for flicker."""

    def __init__(self) -> None:
        self._scenes: list[Scene] = []
        self._fused: dict[str, list[NDArray[np.uint8]]] = {}

    def add(self, scene: Scene, products: dict[str, Product]) -> None:
        """Keep the next frame."""
        self._scenes.append(scene)
        for name, product in products.items():
            self._fused.setdefault(name, []).append(luma(product.scored))

    def summarise(self, ledger: Ledger) -> dict[str, Any] | None:
        """Return the clip's flicker; None for a clip of one frame, or of frames of several sizes.

        Methods that lack a frame are left out: they are named in the ledger already.
        """
        if len(self._scenes) < 2:
            return None
        keys = [scene.pair.key for scene in self._scenes]
        seen = {(each.model, each.pair): each for each in ledger.observations if not each.case}
        models = {model for model, _ in seen}
        fused = {name: frames for name, frames in self._fused.items() if len(frames) == len(keys)}
        try:
            return flicker(
                [luma(scene.visible) for scene in self._scenes],
                [scene.thermal for scene in self._scenes], fused,
                {name: [seen[name, key] for key in keys] for name in fused if name in models})
        except ValueError as error:
            ledger.left_out.append(f'clip {self._scenes[0].pair.group}: {error}')
            return None


def measure_as_they_are(pairs: Sequence[EvaluationPair], methods: Sequence[Method],
                        ledger: Ledger, settings: Settings,
                        device: str) -> tuple[list[EvaluationPair], dict[str, Any]]:
    """Score every method on every pair, and collect clips.

    Args:
        pairs: to be read; those that cannot be used are named in the ledger.
        methods: rows.
        ledger: takes the entries of case ''.
        settings: clips and percentiles.
        device: where the metrics run.

    Returns:
        The pairs that could be used, and the flicker of each clip by group.
    """
    usable: list[EvaluationPair] = []
    clips: dict[str, Clip] = {}
    for pair in tqdm(pairs, desc='as they are', unit='pair', disable=None):
        try:
            visible, thermal = pair.read(settings.percentiles)
            scorer = PairScorer(visible, thermal, device)
        except PairError as error:
            ledger.left_out.append(str(error))
            continue
        except ValueError as error:  # too small to be measured
            ledger.left_out.append(f'{pair.key}: {error}')
            continue
        usable.append(pair)
        scene = Scene(pair, visible, visible, thermal)
        products = ledger.produce(scene, methods)
        scores = scorer.quality([product.scored for product in products.values()])
        ledger.score(scene, '', dict(zip(products, scores)))
        ledger.observe(scene, products)
        if pair.source in settings.clips:
            clips.setdefault(pair.group, Clip()).add(scene, products)
    summaries = {group: clip.summarise(ledger) for group, clip in clips.items()}
    return usable, {group: found for group, found in summaries.items() if found is not None}


def clean_pairs(pairs: Sequence[EvaluationPair]) -> list[EvaluationPair]:
    """Choose the pairs that can be degraded: the clean ones; where none is known, the unnamed."""
    return ([pair for pair in pairs if pair.condition == 'clean']
            or [pair for pair in pairs if pair.condition == UNKNOWN])


def run_benchmark(pairs: Sequence[EvaluationPair], methods: Sequence[Method], ledger: Ledger,
                  settings: Settings, device: str, detection: Detection | None) -> None:
    """Degrade clean pairs in all ways, and let methods deal with it.

    Without `Settings.benchmark` only the models see the degraded pairs, for recognition and
    routing, and nothing is scored.

    Args:
        pairs: clean ones that could be read before; that there is none is named in the ledger.
        methods: rows.
        ledger: takes the entries of the cases.
        settings: what to do, and the seed.
        device: where the metrics run.
        detection: takes the pictures, if there is a detector.
    """
    if not pairs and (settings.benchmark or settings.write_degraded is not None):
        ledger.left_out.append('no pair is known to be clean, so none was degraded: give clean '
                               'ones the condition clean in pairs.csv')
    chosen = [method for method in methods if settings.benchmark or method.kind == 'model']
    with tqdm(total=len(pairs) * len(CASES), desc='degraded', unit='image', disable=None) as bar:
        for pair in pairs:
            visible, thermal = pair.read(settings.percentiles)
            original = Scene(pair, visible, visible, thermal)
            scorer = PairScorer(visible, thermal, device) if settings.degrade else None
            if settings.benchmark:
                _judge(original, CLEAN_CASE, ledger.produce(original, chosen), ledger, scorer,
                       detection)
            for case in CASES:
                scene = original.degraded(case, settings.seed)
                if settings.write_degraded is not None:
                    _write(scene, settings.write_degraded / case.name)
                products = ledger.produce(scene, chosen)
                ledger.observe(scene, products)
                _judge(scene, case.name, products, ledger, scorer, detection)
                bar.update()


def _judge(scene: Scene, case: str, products: dict[str, Product], ledger: Ledger,
           scorer: PairScorer | None, detection: Detection | None) -> None:
    """Score the products of one scene and look for objects in them."""
    if scorer is not None:
        rows = scorer.robustness([product.scored for product in products.values()])
        scores = dict(zip(products, rows))
        for name, restored in ledger.restore(scene, products).items():
            scores[name]['PSNR'] = psnr(restored, scene.clean)
        ledger.score(scene, case, scores)
    if detection is not None:
        detection.add(scene.pair.key, case, scene.clean,
                      {name: product.picture for name, product in products.items()})


def _write(scene: Scene, folder: Path) -> None:
    """Write a degraded pair as SOURCE/visible/NAME.png and SOURCE/thermal/NAME.png.

    Raises:
        PairError: it cannot be written.
    """
    images = {'visible': cv2.cvtColor(scene.visible, cv2.COLOR_RGB2BGR), 'thermal': scene.thermal}
    for kind, image in images.items():
        path = folder / scene.pair.source / kind / f'{scene.pair.name}.png'
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode('.png', image)[1].tobytes())
        except OSError as error:
            raise PairError(f'{path} cannot be written: {error.strerror}. Give another '
                            '--write-degraded') from error
