# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What must be known to repeat an evaluation: versions, weights, structure."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

import cv2

from degfuse_ros.evaluation.loaded_model import LoadedModel

PACKAGES = ('degfuse_ros', 'torch', 'torchmetrics', 'numpy', 'onnxruntime', 'faster-coco-eval',
            'matplotlib')


def versions() -> dict[str, str]:
    """Return the versions of what the figures depend on; what is not installed is not named."""
    # Three packages bring OpenCV, two of them can be there at once: the module itself knows.
    found = {'python': platform.python_version(), 'opencv': cv2.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe_model(model: LoadedModel) -> dict[str, Any]:
    """Return a model's entry in metrics.json: name, file, hash, size and structure."""
    config = model.config
    return {
        'name': model.name, 'file': model.engine.model_path.name,
        'sha256': model.engine.model_hash, 'parameters': model.reconstruction.parameters,
        'structure': {'enhancement': config.enhancement, 'guidance': config.guidance,
                      'experts': len(config.kernels), 'active': config.active}}
