# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What came out of a demo, compared with what went in."""
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

LETTERS = {'clean': '.', 'fog': 'f', 'low_light': 'n', 'overexposed': 'o', 'rain': 'r', None: '?'}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of one JSON object per line."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class DemoSummary:
    """Numbers of one demo.

    Args:
        truth: what the publisher wrote, one dict per published pair.
        results: what the recorder wrote, one dict per fused image.
        reports: the node's diagnostics, one dict per report.
    """

    def __init__(self, truth: list[dict[str, Any]], results: list[dict[str, Any]],
                 reports: list[dict[str, Any]]) -> None:
        """Join results with the truth of the same stamp."""
        self._truth = truth
        by_stamp = {line['stamp']: line for line in truth}
        self.pairs = [(by_stamp[line['stamp']], line) for line in results
                      if line['stamp'] in by_stamp and 'received' in line]
        self._strangers = len(results) - len(self.pairs)
        self._reports = reports

    def numbers(self) -> dict[str, Any]:
        """Return everything as plain numbers, for summary.json."""
        latencies = [result['latency_ms'] for _, result in self.pairs]
        judged = [(t, r) for t, r in self.pairs if not t['faint'] and r.get('label')]
        right = sum(t['class'] == r['label'] for t, r in judged)
        # The newest report of a fusing node: after the stream its rates fall to zero.
        busy = [r['values'] for r in self._reports
                if float(r['values'].get('output_rate_hz') or 0) > 0]
        last = busy[-1] if busy else {}
        return {
            'published': len(self._truth), 'published_rate_hz': _rate(self._truth, 'stamp'),
            'fused': len(self.pairs),
            'fused_rate_hz': _rate([r for _, r in self.pairs], 'received'),
            'not_fused': len(self._truth) - len(self.pairs),
            'without_truth': self._strangers,
            'latency_ms': {name: round(float(np.percentile(latencies, share)), 1)
                           if latencies else None
                           for name, share in (('p50', 50), ('p99', 99), ('max', 100))},
            'judged': len(judged), 'right': right,
            'accuracy': round(right / len(judged), 4) if judged else None,
            'classes': self._classes(judged), 'diagnostics': last,
        }

    @staticmethod
    def _classes(judged: list[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, Any]:
        """Count per true class how often each answer was given."""
        counted: dict[str, Any] = {}
        for label in LETTERS:
            seen = Counter(r['label'] for t, r in judged if t['class'] == label)
            if seen:
                counted[label or ''] = {'frames': sum(seen.values()), 'seen_as': dict(seen)}
        return counted

    def text(self) -> str:
        """Return the report that the demo prints."""
        n = self.numbers()
        latency = n['latency_ms']
        lines = [
            f"published {n['published']} pairs at {n['published_rate_hz']} Hz, fused "
            f"{n['fused']} at {n['fused_rate_hz']} Hz",
            f"latency (stamp to receipt) p50 {latency['p50']} ms, p99 {latency['p99']} ms, "
            f"max {latency['max']} ms",
            f"{n['not_fused']} pairs not fused: the node takes the newest pair only, so that "
            'latency cannot grow']
        if n['judged']:
            lines.append(f"class right on {n['right']} of {n['judged']} frames "
                         f"({100 * n['accuracy']:.0f} %), faint transitions left out")
            for label, count in n['classes'].items():
                seen = ', '.join(f'{name} {times}' for name, times in
                                 sorted(count['seen_as'].items(), key=lambda item: -item[1]))
                lines.append(f'  {label:<12}{count["frames"]:>4} frames seen as {seen}')
            lines += self._strip()
        return '\n'.join(lines)

    def _strip(self) -> list[str]:
        """Draw true and seen class over time, a letter per half second or, if long, per second."""
        start = self._truth[0]['stamp']
        duration = self._truth[-1]['stamp'] - start
        # Sixty letters and the heading fit a terminal of 80 columns.
        step, words = (5e8, 'half second') if duration < 30e9 else (1e9, 'second')
        slots = int(duration / step) + 1
        true, seen = [' '] * slots, [' '] * slots
        for line in self._truth:
            slot = int((line['stamp'] - start) / step)
            true[slot] = LETTERS[line['class']].upper() if not line['faint'] \
                else LETTERS[line['class']]
        for line, result in self.pairs:
            seen[int((line['stamp'] - start) / step)] = LETTERS.get(result.get('label'), '?')
        return [f'class over time, a letter per {words} (. clean, f fog, n low light, '
                'o overexposed, r rain; small: faint)',
                f'  truth |{"".join(true)}|', f'  seen  |{"".join(seen).upper()}|']


def _rate(lines: list[dict[str, Any]], key: str) -> float | None:
    """Return lines per second, None for fewer than two."""
    if len(lines) < 2 or lines[-1][key] == lines[0][key]:
        return None
    return round((len(lines) - 1) / (lines[-1][key] - lines[0][key]) * 1e9, 2)
