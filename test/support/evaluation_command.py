# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse evaluate` as a test runs it: made scenes, the command, and what it writes."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np

from degfuse_ros.cli.main import main
from degfuse_ros.demo.stream import DemoStream
from degfuse_ros.demo.timeline import Condition


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    status: int
    out: str
    error: str


def evaluate(data: Path, out: Path, *more: object) -> Outcome:
    """Run the command in this process: a new one would load PyTorch each time."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            status = main(['evaluate', '--data', str(data), '--out', str(out), '--device', 'cpu',
                           *map(str, more)])
        except SystemExit as error:  # of argparse
            assert isinstance(error.code, int)
            status = error.code
    return Outcome(status, stdout.getvalue(), stderr.getvalue())


def metrics_of(file: Path) -> dict[str, Any]:
    """Read metrics.json as strictly as other languages do."""
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f'{constant} is no JSON')
    results: dict[str, Any] = json.loads(file.read_text(), parse_constant=refuse)
    return results


@cache
def stream() -> DemoStream:
    """Make the stream once: that takes most of the time of a picture."""
    return DemoStream((96, 64), seconds=10.0, rate=2.0)


def scene(number: int, condition: str = 'clean') -> tuple[np.ndarray, np.ndarray]:
    """A visible (64 x 96 x 3 uint8 RGB) and a thermal image (64 x 96 uint8)."""
    frame = stream().frame(
        2 + 3 * number, Condition(condition, 0.0 if condition == 'clean' else 0.8))
    return frame.visible, frame.thermal


def write(path: Path, image: np.ndarray) -> None:
    """Write RGB or grey, with the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)


def write_plain(root: Path, *names: str) -> Path:
    """Write pairs as visible/NAME and thermal/NAME."""
    for number, name in enumerate(names):
        for kind, image in zip(('visible', 'thermal'), scene(number)):
            write(root / kind / name, image)
    return root


class Report(HTMLParser):
    """Collects what a report loads, what it says, and whether its elements are closed."""

    EMPTY = ('meta', 'img', 'br', 'input', 'hr', 'link')

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(file.read_text())
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or '' for name, value in attributes
                        if name in ('src', 'href', 'srcset', 'data', 'action')]
        assert tag not in ('script', 'link', 'iframe')
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)
