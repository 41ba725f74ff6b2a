# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What an evaluation is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The command's options.

    Attributes:
        data: folder with pairs.csv, or with visible/ and thermal/.
        split: value of the column split of pairs.csv.
        out: folder for tables, plots and the report.
        percentiles: of a 16-bit thermal image, shown as black and as white.
        models: (name in the tables, shipped model or weight file; None: the shipped default).
        fused: (name in the tables, folder of fused images).
        degrade: score all methods on degraded clean pairs as well.
        detector: ONNX file, or None.
        device: 'auto', 'cpu', 'cuda' or 'cuda:N'.
        seed: of the benchmark's degradations.
        limit: at most so many pairs of each group; None: all.
        clips: sources whose pairs, by name, are frames of a camera at rest.
        write_degraded: folder that the benchmark's inputs are written to, or None.
        command: what the user typed, for the record.
    """

    data: Path
    split: str
    out: Path
    percentiles: tuple[float, float]
    models: tuple[tuple[str, str | None], ...] = (('base', None),)
    fused: tuple[tuple[str, Path], ...] = ()
    degrade: bool = False
    detector: Path | None = None
    device: str = 'auto'
    seed: int = 0
    limit: int | None = None
    clips: tuple[str, ...] = ('m3svd_smoke',)
    write_degraded: Path | None = None
    command: str = ''

    @property
    def benchmark(self) -> bool:
        """Whether methods other than models have to see the degraded pairs."""
        return self.degrade or self.detector is not None
