# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Provenance: what is written down is what ran."""

import json
import sys
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torchmetrics
from safetensors import safe_open
from small_model import write_small_model

from degfuse_ros.evaluation.loaded_model import LoadedModel
from degfuse_ros.evaluation.provenance import PACKAGES, describe_model, versions


def test_versions_are_those_of_the_modules_that_run() -> None:
    found = versions()
    assert found['python'] == sys.version.split()[0]
    assert found['torch'].partition('+')[0] == torch.__version__.partition('+')[0]
    assert found['torchmetrics'] == torchmetrics.__version__
    assert found['numpy'] == np.__version__
    assert found['opencv'] == cv2.__version__
    json.dumps(found, allow_nan=False)


def test_what_is_not_installed_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_numpy(name: str) -> str:
        if name == 'numpy':
            return '1.21.5'
        raise metadata.PackageNotFoundError(name)
    monkeypatch.setattr(metadata, 'version', only_numpy)
    assert set(versions()) == {'python', 'opencv', 'numpy'}
    assert versions()['numpy'] == '1.21.5'


def test_packages_that_the_scores_come_from_are_named() -> None:
    # Average precision is computed by faster-coco-eval.
    assert {'torch', 'torchmetrics', 'onnxruntime', 'faster-coco-eval'} <= set(PACKAGES)


def test_a_model_is_described_by_its_file_and_structure(tmp_path: Path) -> None:
    path = write_small_model(tmp_path / 'm.safetensors', enhancement=False, guidance='constant',
                             kernels=((3, 3), (5, 5), (1, 3)), active=3)
    entry = describe_model(LoadedModel.load('mine', str(path), 'cpu'))
    with safe_open(str(path), 'pt') as file:
        recorded = file.metadata()['sha256']
    assert entry['name'] == 'mine'
    assert entry['file'] == 'm.safetensors'  # not the folder: reports are passed on
    assert entry['sha256'] == recorded
    assert entry['structure'] == {'enhancement': False, 'guidance': 'constant', 'experts': 3,
                                  'active': 3}
    assert json.loads(json.dumps(entry, allow_nan=False)) == entry


def test_other_weights_have_another_hash(tmp_path: Path) -> None:
    def change(network: torch.nn.Module) -> None:
        next(network.parameters()).add_(1)
    paths = [write_small_model(tmp_path / 'a.safetensors'),
             write_small_model(tmp_path / 'b.safetensors'),
             write_small_model(tmp_path / 'c.safetensors', change)]
    same, again, other = (describe_model(LoadedModel.load('x', str(path), 'cpu'))
                          for path in paths)
    assert same['sha256'] == again['sha256'] != other['sha256']
    assert same['parameters'] == other['parameters']


def test_the_shipped_model_is_what_its_card_says() -> None:
    entry = describe_model(LoadedModel.load('base', None, 'cpu'))
    assert entry['parameters']['fusion'] == pytest.approx(4.94e6, abs=5e3)
    assert entry['parameters']['guidance'] == pytest.approx(3.28e6, abs=5e3)
    assert entry['structure'] == {'enhancement': True, 'guidance': 'raw', 'experts': 8,
                                  'active': 2}
