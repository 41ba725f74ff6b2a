# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong besides bad images. Every message is one line with a way out."""


class EngineError(RuntimeError):
    """The engine cannot be set up, or not go on."""


class ModelError(EngineError):
    """Weights that are missing, altered or not readable."""


class DeviceError(EngineError):
    """A device that was asked for and is not there, or that failed."""
