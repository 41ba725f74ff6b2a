# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which code measured: scores are comparable only where it is the same."""

import hashlib
from pathlib import Path


def code_hash() -> str:
    """Return the SHA-256, in hexadecimal, of the names and bytes of this folder's source files."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob('*.py')):
        content = path.read_bytes()
        # The length keeps one file's end apart from the next one's name.
        digest.update(f'{path.name} {len(content)}\n'.encode() + content)
    return digest.hexdigest()
