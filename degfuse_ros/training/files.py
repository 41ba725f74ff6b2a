# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a name to write to; only when that is done does the file take its place.

    Args:
        path: the file to be; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: image writers choose the format by it.
    unfinished = path.with_name(f'.{path.stem}.unfinished{path.suffix}')
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
