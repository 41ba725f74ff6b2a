# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The ledger of an evaluation: one line per fused image, and the means over them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from degfuse_ros.engine import Fusion
from degfuse_ros.evaluation.averages import IMAGES
from degfuse_ros.evaluation.method import Method, Product
from degfuse_ros.evaluation.observation import Observation
from degfuse_ros.evaluation.scene import CLEAN_CASE, Scene

Key = TypeVar('Key', bound=Hashable)


@dataclass(frozen=True)
class Entry:
    """The scores of one fused image.

    Attributes:
        pair: source and name.
        group: the set it belongs to.
        case: '' in the table of pairs as they are; in the benchmark the case's name, 'clean' for
            the originals.
        method: the row.
        metrics: scores by name.
    """

    pair: str
    group: str
    case: str
    method: str
    metrics: dict[str, float]


class Ledger:
    """Collects what is measured, in order.

    Attributes:
        entries: scores.
        observations: what the models said.
        left_out: one line for everything that could not be used.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.observations: list[Observation] = []
        self.left_out: list[str] = []

    def produce(self, scene: Scene, methods: Sequence[Method]) -> dict[str, Product]:
        """Run methods on a scene; a method that fails is named in `left_out`, the rest goes on."""
        products = {}
        for method in methods:
            try:
                product = method.fuse(scene)
            except (ValueError, RuntimeError) as error:
                self._fail(scene, method.name, error)
                continue
            if product is not None and product.fusion is not None and not _finite(product.fusion):
                self._fail(scene, method.name, 'scores, severities or gates are not finite; '
                           'the weights are damaged')
            elif product is not None:
                products[method.name] = product
        return products

    def restore(self, scene: Scene,
                products: dict[str, Product]) -> dict[str, NDArray[np.uint8]]:
        """Ask for the clean visible images that methods believe in; failures as in `produce`."""
        restored = {}
        for name, product in products.items():
            if product.restore is not None:
                try:
                    restored[name] = product.restore()
                except RuntimeError as error:
                    self._fail(scene, name, error)
        return restored

    def _fail(self, scene: Scene, name: str, error: object) -> None:
        # A device that runs out of memory says so over many lines.
        reason = ' '.join(str(error).split())[:300]
        case = f' ({scene.case.name})' if scene.case else ''
        line = f'{name}, {scene.pair.key}{case}: {reason}'
        if line not in self.left_out:  # originals are seen twice
            self.left_out.append(line)

    def observe(self, scene: Scene, products: dict[str, Product]) -> None:
        """Keep what the models among the methods said of a scene."""
        for name, product in products.items():
            if product.fusion is not None:
                self.observations.append(Observation(
                    model=name, pair=scene.pair.key, group=scene.pair.group,
                    case=scene.case.name if scene.case else '',
                    condition=scene.case.kind if scene.case else scene.pair.condition,
                    labels=scene.labels, severity=scene.case.severity if scene.case else None,
                    degradation=product.fusion.degradation, routing=product.fusion.routing))

    def score(self, scene: Scene, case: str, metrics: dict[str, dict[str, float]]) -> None:
        """Keep a scene's scores, by method."""
        self.entries += [Entry(scene.pair.key, scene.pair.group, case, name, row)
                         for name, row in metrics.items()]

    def means(self, key: Callable[[Entry], Key | None]) -> dict[Key, dict[str, dict[str, float]]]:
        """Average the entries of each key and method; entries of key None do not count.

        Returns:
            {key: {method: {metric: mean}}}, all in the order of their first appearance; 'images'
            is the number of entries behind a row.
        """
        piles: dict[Key, dict[str, dict[str, list[float]]]] = {}
        for entry in self.entries:
            pile = key(entry)
            if pile is not None:
                rows = piles.setdefault(pile, {}).setdefault(entry.method, {})
                for metric, value in {IMAGES: 1.0, **entry.metrics}.items():
                    rows.setdefault(metric, []).append(value)
        return {pile: {method: {IMAGES: len(row.pop(IMAGES)),
                                **{metric: fmean(values) for metric, values in row.items()}}
                       for method, row in rows.items()} for pile, rows in piles.items()}

    def lines(self) -> list[dict[str, Any]]:
        """Return one flat line per fused image: scores, and for models class and severities."""
        seen = {(each.model, each.pair, each.case): each.degradation for each in self.observations}
        lines = []
        for entry in self.entries:
            line: dict[str, Any] = {'group': entry.group, 'pair': entry.pair, 'case': entry.case,
                                    'method': entry.method, **entry.metrics}
            case = '' if entry.case == CLEAN_CASE else entry.case
            found = seen.get((entry.method, entry.pair, case))
            if found is not None:
                line['class'] = found.label
                line.update({f'severity_{name}': v for name, v in found.severity.items()})
            lines.append(line)
        return lines


def _finite(fusion: Fusion) -> bool:
    degradation = fusion.degradation
    return bool(np.isfinite([*degradation.scores.values(), *degradation.severity.values(),
                             *fusion.routing.ravel()]).all())
