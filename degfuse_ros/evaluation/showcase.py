# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the report shows in pictures: the worst cases first, then a fixed choice of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.ledger import Entry, Ledger
from degfuse_ros.evaluation.method import Method, as_rgb
from degfuse_ros.evaluation.metrics import luma
from degfuse_ros.evaluation.pairs import EvaluationPair
from degfuse_ros.evaluation.report import WORST
from degfuse_ros.evaluation.sample import Sample, choose_crop
from degfuse_ros.evaluation.scene import CLEAN_CASE, Scene
from degfuse_ros.evaluation.settings import Settings

WORST_CASES = 5

# Beside the inputs the strongest of the classical rows are shown; the mean and the maximum look
# like neither camera and would only fill the page.
_SHOWN = ('Laplacian pyramid', 'auto-levels + Laplacian pyramid', 'two-stage (CLAHE)')

# Of the picture's sides: large enough to know the place, small enough to see single pixels.
_CROP_SHARE = 0.3

_BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True)
class WorstCase:
    """A scene on which a model lost most to the best classical method.

    Attributes:
        pair: source and name.
        case: of the benchmark; '' for the pair as it is.
        title: pair and case.
        text: the figures.
        rival: the method that did best.
    """

    pair: str
    case: str
    title: str
    text: str
    rival: str


def worst_cases(ledger: Ledger, methods: Sequence[Method]) -> list[WorstCase]:
    """Find where the first model loses most, one case per pair, the worst first.

    Judged by 'kept' on degraded pairs where they were scored, otherwise by Qabf on the pairs as
    they are.
    """
    model = next(method.name for method in methods if method.kind == 'model')
    rivals = {method.name for method in methods if method.kind in ('baseline', 'two-stage')}
    degraded = [entry for entry in ledger.entries if entry.case not in ('', CLEAN_CASE)]
    metric, entries = ('kept', degraded) if degraded else ('Qabf', ledger.entries)
    losses = []
    for (pair, case), group in groupby(entries, lambda entry: (entry.pair, entry.case)):
        scores = {entry.method: entry.metrics[metric] for entry in group}
        best = max(rivals & set(scores), key=scores.__getitem__, default=None)
        if best is not None and model in scores:
            name = case.replace('_', ' ') or 'as it is'
            losses.append((scores[model] - scores[best], WorstCase(
                pair, case, f'{pair}, {name}',
                f'{metric}: {model} {scores[model]:.3f}, {best} {scores[best]:.3f}', best)))
    worst: dict[str, WorstCase] = {}
    for _, found in sorted(losses, key=lambda loss: loss[0]):
        worst.setdefault(found.pair, found)
    return list(worst.values())[:WORST_CASES]


def show(pairs: Sequence[EvaluationPair], methods: Sequence[Method], worst: Sequence[WorstCase],
         ledger: Ledger, settings: Settings) -> Iterator[Sample]:
    """Make the report's samples: the worst cases, then of each group, then of each degradation.

    Args:
        pairs: those that could be read.
        methods: rows.
        worst: from `worst_cases`.
        ledger: scores for the texts.
        settings: seed and percentiles.
    """
    by_key = {pair.key: pair for pair in pairs}
    for found in worst:
        yield _sample(by_key[found.pair], found.case, methods, settings, WORST, found.text,
                      found.rival)
    for group in dict.fromkeys(pair.group for pair in pairs):
        members = [pair for pair in pairs if pair.group == group]
        # Evenly chosen, not by looks.
        for pair in {member.key: member for member in (members[len(members) // 4],
                                                       members[3 * len(members) // 4])}.values():
            yield _sample(pair, '', methods, settings, 'As they are', _scores(ledger, pair, ''))
    degraded = list(dict.fromkeys((entry.pair, entry.case) for entry in ledger.entries
                                  if entry.case in _BY_NAME))
    kinds = list(dict.fromkeys(case.kind for case in CASES))
    for number, kind in enumerate(kinds):
        members = [by_key[pair] for pair, case in degraded if case == f'{kind}_2']
        if members:
            pair = members[number * len(members) // len(kinds)]
            yield _sample(pair, f'{kind}_2', methods, settings, 'Degraded, middle level',
                          _scores(ledger, pair, f'{kind}_2'))


def _scores(ledger: Ledger, pair: EvaluationPair, case: str) -> str:
    """Say in words how the shown methods scored."""
    metric = 'kept' if case else 'Qabf'
    rows: list[Entry] = [entry for entry in ledger.entries
                         if entry.pair == pair.key and entry.case == case]
    return f'{metric}: ' + ', '.join(f'{entry.method} {entry.metrics[metric]:.3f}'
                                     for entry in rows)


def _sample(pair: EvaluationPair, case: str, methods: Sequence[Method], settings: Settings,
            section: str, text: str, rival: str = '') -> Sample:
    """Run the methods that are shown, and the rival, once more on one scene."""
    visible, thermal = pair.read(settings.percentiles)
    scene = Scene(pair, visible, visible, thermal)
    pictures = [('visible', visible), ('thermal', as_rgb(thermal))]
    if case:
        scene = scene.degraded(_BY_NAME[case], settings.seed)
        pictures.insert(1, (f"visible, {case.replace('_', ' ')}", scene.visible))
    shown = [method for method in methods
             if method.name in (*_SHOWN, rival) or method.kind in ('folder', 'model')]
    products = Ledger().produce(scene, shown)  # what fails here has failed and been named before
    for name, product in products.items():
        label = product.fusion.degradation.label.replace('_', ' ') if product.fusion else ''
        pictures.append((f'{name} (sees {label})' if label else name, product.picture))
    size = tuple(max(1, round(_CROP_SHARE * side)) for side in thermal.shape)
    name = f"{pair.key}, {case.replace('_', ' ')}" if case else pair.key
    return Sample(name, text, pictures, choose_crop(luma(visible), thermal, (size[0], size[1])),
                  section)
