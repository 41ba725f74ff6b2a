# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What must be known to repeat an evaluation: versions, code, images, weights, structure."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2

from degfuse_ros.engine.version import package_version
from degfuse_ros.evaluation.loaded_model import LoadedModel
from degfuse_ros.evaluation.metrics.fingerprint import hash_files
from degfuse_ros.evaluation.pairs import EvaluationPair, PairError

PACKAGES = ('torch', 'torchvision', 'torchmetrics', 'numpy', 'onnxruntime', 'faster-coco-eval',
            'matplotlib')

BENCHMARK = ('pairs', 'scene', 'passes', 'degradations', 'baselines', 'restoration',
             'guided_filter', 'reconstruction', 'detector', 'detection', 'agreement', 'averages',
             'recognition', 'routing', 'routing_claims', 'flicker')
"""Modules beside this one that decide the figures, the metrics aside."""


def versions() -> dict[str, str]:
    """Return the versions of what the figures depend on; what is not installed is not named.

    Only degfuse_ros always is: 'source tree' where it runs without having been installed.
    """
    # Three packages bring OpenCV, two of them can be there at once: the module itself knows.
    found = {'degfuse_ros': package_version(), 'python': platform.python_version(),
             'opencv': cv2.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def benchmark_hash() -> str:
    """Return the hash of the code that reads, degrades, restores, detects and summarises."""
    folder = Path(__file__).parent
    return hash_files((folder / f'{name}.py' for name in BENCHMARK), folder)


def data_hash(pairs: Iterable[EvaluationPair], root: Path) -> str:
    """Return the hash of the image files of pairs, named from the data folder `root`.

    Raises:
        PairError: a file cannot be read any more.
    """
    try:
        return hash_files((path for pair in pairs for path in (pair.visible, pair.thermal)), root)
    except OSError as error:
        raise PairError(f'{error.filename} cannot be read any more: {error.strerror}. Leave the '
                        'data as it is while it is evaluated') from error


def describe_model(model: LoadedModel) -> dict[str, Any]:
    """Return a model's entry in metrics.json: name, file, hash, size and structure."""
    config = model.config
    return {
        'name': model.name, 'file': model.engine.model_path.name,
        'sha256': model.engine.model_hash, 'parameters': model.reconstruction.parameters,
        'structure': {'enhancement': config.enhancement, 'guidance': config.guidance,
                      'experts': len(config.kernels), 'active': config.active}}
