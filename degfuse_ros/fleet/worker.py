# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What fuses the bags of a fleet: one engine, one bag after the other."""
from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
from degfuse_ros.ros.parameter_table import engine_options


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt at a bag.

    Attributes:
        out: the place of the result.
        numbers: the summary's, as JSON has it; empty after a failure.
        reason: of a failure, one line; '' for none.
        device_failed: the failure is the device's, so that this process may be of no more use.
    """

    out: Path
    numbers: Mapping[str, Any]
    reason: str = ''
    device_failed: bool = False


class Worker:
    """Runs in the process that fuses, which may be on another machine."""

    def __init__(self, values: Mapping[str, Any], out: Path, threads: int | None = None) -> None:
        """Load nothing yet.

        Args:
            values: the node's parameters by name; those of the engine are used.
            out: folder of all results.
            threads: of torch and of OpenCV; None leaves them.
        """
        self._values, self._out, self._threads = values, out, threads

    def load(self) -> str:
        """Load the engine.

        Returns:
            A name for this process: machine:number.

        Raises:
            BagError: no engine can be had, or the folder of the results is not there.
        """
        name = f'{platform.node()}:{os.getpid()}'
        if not self._out.is_dir():
            raise BagError(f'{self._out} is not on {name}: every machine needs the folders of the '
                           'bags and of the results under the same paths')
        import cv2
        import torch

        from degfuse_ros.engine import EngineError, FusionEngine
        if self._threads is not None:
            torch.set_num_threads(self._threads)
            cv2.setNumThreads(self._threads)
        try:
            self._engine = FusionEngine.load(**engine_options(self._values.__getitem__))
        except EngineError as error:
            raise BagError(str(error)) from error
        return name

    def fuse(self, job: BagJob) -> Outcome:
        """Fuse a bag. Whatever is wrong with it ends in the outcome, never in an exception."""
        try:
            with BagFusion(job) as fusion:
                return Outcome(job.out, fusion.run(self._engine).numbers())
        except BagError as error:
            return Outcome(job.out, {}, str(error), isinstance(error.__cause__, RuntimeError))
        except Exception as error:  # one bad bag never stops the rest
            return Outcome(job.out, {}, f'{type(error).__name__}: {" ".join(str(error).split())}')
