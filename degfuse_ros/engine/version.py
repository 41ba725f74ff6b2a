# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which version of this package runs."""

from importlib import metadata


def package_version() -> str:
    """Return the installed version, or 'source tree' where none is installed."""
    try:
        return metadata.version('degfuse_ros')
    except metadata.PackageNotFoundError:
        return 'source tree'
