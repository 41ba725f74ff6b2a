# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers of `degfuse latency`, from what its processes wrote down."""
from collections.abc import Callable
from typing import Any

import numpy as np

from degfuse_ros.cli.process_usage import ProcessUsage

# Parts of the run that are told one by one, to see what grows.
_WINDOWS = 10


class LatencySummary:
    """One run.

    Args:
        sent: stamps of the published pairs in nanoseconds, in order.
        results: what the recorder wrote, one dict per fused image.
        reports: the node's diagnostics, one dict per report.
        usage: looks at the node while pairs were published.
        settle: seconds at the beginning that do not count.

    The node's own share of the processor is what its process uses less what the fusion thread
    uses inside the engine: on a CPU this is right where the engine has one thread
    (OMP_NUM_THREADS=1), on CUDA always.

    Attributes:
        received: stamp and latency in milliseconds of every image that counts.
    """

    def __init__(self, sent: list[int], results: list[dict[str, Any]],
                 reports: list[dict[str, Any]], usage: list[ProcessUsage],
                 settle: float) -> None:
        """Leave out what does not count."""
        self._begin = sent[0] + round(settle * 1e9) if sent else 0
        self._end = sent[-1] + 1 if sent else 0
        self._sent = [stamp for stamp in sent if self._counts(stamp)]
        self.received = [(line['stamp'], line['latency_ms']) for line in results
                         if self._counts(line['stamp'])]
        # A report tells of the period before it, so that the first one that counts does not.
        self._reports = [(line['received'], line['values']) for line in reports
                         if self._counts(line['received'])
                         and 'output_rate_hz' in line['values']][1:]
        self._usage = [look for look in usage if self._counts(look.moment)]

    def _counts(self, moment: int) -> bool:
        return self._begin <= moment < self._end

    def numbers(self) -> dict[str, Any]:
        """Return everything as plain numbers; None where nothing was measured."""
        last = self._reports[-1][1] if self._reports else {}
        cores, engine_cores = self._cores(), self._mean(
            lambda values: float(values['engine_cpu_mean_ms'] or 0) / 1e3
            * float(values['output_rate_hz']), idle=True)
        windows = self._windows()
        return {
            'device': last.get('device_name'), 'model': last.get('model'),
            'precision': last.get('precision'), 'published': len(self._sent),
            'rate_hz': _rounded((len(self._sent) - 1) / (self._sent[-1] - self._sent[0]) * 1e9
                                if len(self._sent) > 1 else None),
            'received': len(self.received), 'lost': len(self._sent) - len(self.received),
            'dropped': {key: int(value) for key, value in last.items()
                        if key.startswith('dropped.') and int(value)},
            'latency_ms': _percentiles([latency for _, latency in self.received]),
            'engine_ms': self._mean(lambda values: float(values['engine_mean_ms'])),
            # From the stamp to the end of the publication, less the engine. A pair that waits for
            # a busy engine waits in this time too.
            'node_ms': self._mean(lambda values: float(values['latency_mean_ms'])
                                  - float(values['engine_mean_ms'])),
            'cores': cores,
            'node_cores': None if cores is None or engine_cores is None
            else _rounded(cores - engine_cores),
            'growth': {key: _growth(windows, key) for key in ('p50', 'p99', 'memory_mib',
                                                             'gpu_memory_mib')},
            'windows': windows,
        }

    def text(self) -> str:
        """Return what the command prints."""
        n = self.numbers()
        latency, growth = n['latency_ms'], n['growth']
        lines = [
            f'{n["device"]}, {n["precision"]}, {n["model"]}',
            f'published {n["published"]} pairs at {n["rate_hz"]} Hz, received {n["received"]}, '
            f'not received {n["lost"]}; dropped since the start: {n["dropped"] or "none"}',
            'latency, stamp to another process: ' + ', '.join(
                f'{name} {value} ms' for name, value in latency.items()),
            f'engine {n["engine_ms"]} ms; the node adds {n["node_ms"]} ms until it has published, '
            'the wait for a busy engine included',
            f'processor: {n["cores"]} cores, {n["node_cores"]} without the thread in the engine',
            'growth from the first to the last tenth: ' + ', '.join(
                f'{key} {value}' for key, value in growth.items()),
            f'{"seconds":>16}{"p50 ms":>10}{"p99 ms":>10}{"memory MiB":>12}{"GPU MiB":>10}']
        return '\n'.join([*lines, *(
            f'{w["from"]:>7.1f} to{w["to"]:>6.1f}{_cell(w["p50"]):>10}{_cell(w["p99"]):>10}'
            f'{_cell(w["memory_mib"]):>12}{_cell(w["gpu_memory_mib"]):>10}'
            for w in n['windows'])])

    def _mean(self, value: Callable[[dict[str, str]], float], idle: bool = False) -> float | None:
        """Return the mean of a function of the reports, with or without those of no image."""
        found = [value(values) for _, values in self._reports if idle or values['engine_mean_ms']]
        return _rounded(np.mean(found) if found else None)

    def _cores(self) -> float | None:
        """Return the processor time of the node per second."""
        if len(self._usage) < 2:
            return None
        first, last = self._usage[0], self._usage[-1]
        return _rounded((last.cpu - first.cpu) / (last.moment - first.moment) * 1e9)

    def _windows(self) -> list[dict[str, Any]]:
        """Return the run in parts of equal length."""
        # In whole numbers: a float of so many nanoseconds is off by hundreds.
        edges = [self._begin + (self._end - self._begin) * part // _WINDOWS
                 for part in range(_WINDOWS + 1)]
        return [{'from': _rounded((low - self._begin) / 1e9),
                 'to': _rounded((high - self._begin) / 1e9), **self._window(low, high)}
                for low, high in zip(edges, edges[1:])]

    def _window(self, low: int, high: int) -> dict[str, Any]:
        latency = _percentiles([value for stamp, value in self.received if low <= stamp < high])
        memory = [look.memory for look in self._usage if low <= look.moment < high]
        gpu = [float(values['gpu_memory_mib']) for moment, values in self._reports
               if low <= moment < high]
        return {'p50': latency['p50'], 'p99': latency['p99'],
                'memory_mib': _rounded(np.median(memory) if memory else None),
                'gpu_memory_mib': _rounded(np.median(gpu) if gpu else None)}


def _percentiles(latencies: list[float]) -> dict[str, float | None]:
    return {name: _rounded(np.percentile(latencies, share) if latencies else None)
            for name, share in (('p50', 50), ('p95', 95), ('p99', 99), ('max', 100))}


def _growth(windows: list[dict[str, Any]], key: str) -> float | None:
    """Return the difference between the last and the first window that have a value."""
    values = [window[key] for window in windows if window[key] is not None]
    return _rounded(values[-1] - values[0]) if len(values) > 1 else None


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'
