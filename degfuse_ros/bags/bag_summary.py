# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What came of a bag that was fused."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.class_timeline import ClassTimeline
from degfuse_ros.bags.drops import Drops
from degfuse_ros.bags.spread import Spread

SUMMARY, PLOT = 'summary.json', 'classes.png'


class BagSummary:
    """Filled while a bag is fused, in memory that does not grow with it.

    Attributes:
        source: the bag that was read.
        topics: names of the visible and the thermal topic.
        arrived: images by 'visible' and 'thermal'.
        jumps: of the stamps back in time, by 'visible' and 'thermal'.
        unmatched: good images in no pair, by 'visible' and 'thermal'.
        alone: images that went on alone since the other camera was gone, by the same.
        pairs: found by the matcher.
        fused: results in the bag, those of an earlier run included.
        before: results of an earlier run that this one went on with.
        drops: what was dropped, and why.
        classes: over time.
        offset: visible minus thermal stamp of the pairs, in ms.
        engine: time in the engine per pair, in ms.
        stages: seconds of work by stage: 'read', 'prepare', 'infer', 'write'. They overlap.
        seconds: of the whole run.
        notices: lines that the user should read.
    """

    def __init__(self, source: Path, visible: str, thermal: str, notices: list[str]) -> None:
        """Begin with nothing done."""
        self.source = source
        self.topics = {'visible': visible, 'thermal': thermal}
        self.arrived: dict[str, int] = {}
        self.jumps: dict[str, int] = {}
        self.unmatched: dict[str, int] = {}
        self.alone: dict[str, int] = {}
        self.pairs = self.fused = self.before = 0
        self.drops = Drops()
        self.classes = ClassTimeline()
        self.offset, self.engine = Spread(), Spread()
        self.stages = dict.fromkeys(('read', 'prepare', 'infer', 'write'), 0.0)
        self.seconds = 0.0
        self.notices = list(notices)

    def notice(self, text: str) -> None:
        """Keep a line, once."""
        if text not in self.notices:
            self.notices.append(text)

    @property
    def rate(self) -> float:
        """Pairs per second of this run; 0 where it had none."""
        return (self.fused - self.before) / self.seconds if self.seconds else 0.0

    @property
    def engine_rate(self) -> float:
        """Pairs per second that the engine alone would have fused."""
        busy = self.stages['infer']
        return (self.fused - self.before) / busy if busy else 0.0

    def numbers(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        return {
            'source': str(self.source), 'topics': self.topics, 'images': dict(self.arrived),
            'pairs': self.pairs, 'fused': self.fused, 'fused_by_an_earlier_run': self.before,
            'dropped': {kind: {'count': count, 'reason': self.drops.reasons.get(kind, '')}
                        for kind, count in sorted(self.drops.counts.items())},
            'without_partner': dict(self.unmatched), 'alone': dict(self.alone),
            'time_jumps': dict(self.jumps),
            'offset_ms': _spread(self.offset), 'engine_ms': _spread(self.engine),
            'classes': self.classes.labels, 'seconds': round(self.seconds, 3),
            'pairs_per_second': round(self.rate, 2),
            'engine_pairs_per_second': round(self.engine_rate, 2),
            'stage_seconds': {name: round(value, 3) for name, value in self.stages.items()},
            'notices': self.notices}

    def lines(self) -> list[str]:
        """Return the summary for a person."""
        images = ', '.join(f'{self.arrived.get(role, 0)} {role} ({name})'
                           for role, name in self.topics.items())
        found = [f'images: {images}',
                 f'pairs: {self.pairs}, fused {self.fused}'
                 + (f', {self.before} of them by an earlier run' if self.before else '')]
        for words, counts in (('without a partner', self.unmatched),
                              ('published alone, the other camera being gone', self.alone)):
            if any(counts.values()):
                found.append(f'{words}: ' + ', '.join(
                    f'{count} {role}' for role, count in counts.items() if count))
        for kind, count in sorted(self.drops.counts.items()):
            reason = self.drops.reasons.get(kind, '')
            found.append(f'dropped: {count} {kind}{": " if reason else ""}{reason}')
        if any(self.jumps.values()):
            found.append('stamps went back: ' + ', '.join(
                f'{count} times {role}' for role, count in self.jumps.items()))
        if self.offset.count:
            found.append(f'offset visible - thermal: mean {self.offset.mean:.1f} ms, '
                         f'{self.offset.smallest:.1f} to {self.offset.largest:.1f} ms')
        if self.engine.count:
            others = ', '.join(f'{name} {self.stages[name] * 1e3 / self.engine.count:.1f} ms'
                               for name in ('read', 'prepare', 'write'))
            found.append(f'latency of a pair: engine p50 {self.engine.percentile(0.5):.1f} ms, '
                         f'p95 {self.engine.percentile(0.95):.1f} ms; {others}')
            found.append(f'rate: {self.rate:.1f} pairs/s, the engine alone {self.engine_rate:.1f}')
        shown = ', '.join(f'{name} {count}' for name, count in self.classes.labels.items()
                          if count)
        found.append(f'classes: {shown or "none"}')
        return [*found, *self.notices]

    def write(self, folder: Path) -> None:
        """Write summary.json and the plot of the classes over time.

        Args:
            folder: an existing one.

        Raises:
            BagError: they cannot be written.
        """
        try:
            (folder / SUMMARY).write_text(json.dumps(self.numbers(), indent=1) + '\n')
            self.classes.plot(folder / PLOT, f'{self.source.name}: {self.fused} pairs')
        except OSError as error:
            raise BagError(f'{folder} cannot be written: {error.strerror or error}') from error


def _spread(spread: Spread) -> dict[str, float]:
    """Return a spread as JSON has it."""
    numbers = {'mean': spread.mean, 'p50': spread.percentile(0.5), 'p95': spread.percentile(0.95),
               'smallest': spread.smallest, 'largest': spread.largest}
    return {name: round(number, 3) for name, number in numbers.items()}
