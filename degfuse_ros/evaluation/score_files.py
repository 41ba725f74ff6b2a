# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Score files: one CSV line per fused image, for spreadsheets and for one's own questions."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_scores(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write scores as CSV with a header.

    Args:
        path: the file to write; its folder exists.
        rows: one mapping per line. The columns are all keys in the order of their first
            appearance; a row without a key gets an empty field there. Floats keep all digits.

    Raises:
        OSError: the file cannot be written.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, columns, restval='', lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
