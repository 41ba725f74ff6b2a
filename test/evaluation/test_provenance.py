# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Provenance: what is written down is what ran."""

import json
import shutil
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torchmetrics
from safetensors import safe_open
from small_model import write_small_model

from degfuse_ros.evaluation import provenance
from degfuse_ros.evaluation.loaded_model import LoadedModel
from degfuse_ros.evaluation.pairs import EvaluationPair, PairError
from degfuse_ros.evaluation.provenance import (
    BENCHMARK,
    PACKAGES,
    benchmark_hash,
    data_hash,
    describe_model,
    versions,
)


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
    assert set(versions()) == {'degfuse_ros', 'python', 'opencv', 'numpy'}
    assert versions()['numpy'] == '1.21.5'
    assert versions()['degfuse_ros'] == 'source tree'


def test_an_installed_degfuse_ros_is_named_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, 'version', lambda name: f'7 of {name}')
    assert versions()['degfuse_ros'] == '7 of degfuse_ros'
    assert versions()['torchvision'] == '7 of torchvision'


def test_packages_that_the_scores_come_from_are_named() -> None:
    # Average precision is computed by faster-coco-eval.
    assert {'torch', 'torchmetrics', 'onnxruntime', 'faster-coco-eval'} <= set(PACKAGES)


def test_the_benchmark_hash_follows_its_code_alone(tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    real = benchmark_hash()
    for path in Path(provenance.__file__).parent.glob('*.py'):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(provenance, '__file__', str(tmp_path / 'provenance.py'))
    assert benchmark_hash() == real  # wherever it is installed
    with (tmp_path / 'report.py').open('a') as file:
        file.write('#')
    assert benchmark_hash() == real  # how figures are shown does not matter
    found = {real}
    for name in BENCHMARK:
        with (tmp_path / f'{name}.py').open('a') as file:
            file.write('#')
        found.add(benchmark_hash())
    assert len(found) == len(BENCHMARK) + 1


def make_pairs(root: Path) -> list[EvaluationPair]:
    """Two pairs of made-up bytes."""
    for number, kind in enumerate(('visible', 'thermal')):
        (root / kind).mkdir(parents=True)
        for name in ('one', 'two'):
            (root / kind / f'{name}.png').write_bytes(f'{name} {number}'.encode())
    return [EvaluationPair(name, 'street', 'street_val', 'clean', root / 'visible' / f'{name}.png',
                           root / 'thermal' / f'{name}.png') for name in ('one', 'two')]


def test_the_data_hash_follows_names_and_bytes_of_the_scored_pairs(tmp_path: Path) -> None:
    here, there = tmp_path / 'here', tmp_path / 'there'
    pairs = make_pairs(here)
    first = data_hash(pairs, here)
    assert data_hash(make_pairs(there), there) == first == data_hash(pairs[::-1], here)
    (here / 'visible' / 'three.png').write_bytes(b'nobody scores this')
    assert data_hash(pairs, here) == first
    found = [first, data_hash(pairs[:1], here)]
    pairs[0].thermal.write_bytes(b'changed')
    found.append(data_hash(pairs, here))
    pairs[0].thermal.write_bytes(b'one 1')
    pairs[0].thermal.rename(here / 'thermal' / 'other.png')
    renamed = replace(pairs[0], thermal=here / 'thermal' / 'other.png')
    found.append(data_hash([renamed, pairs[1]], here))
    assert len(set(found)) == 4


def test_data_that_went_away_is_told_in_one_line(tmp_path: Path) -> None:
    pairs = make_pairs(tmp_path)
    pairs[1].visible.unlink()
    with pytest.raises(PairError, match='two.png cannot be read any more') as caught:
        data_hash(pairs, tmp_path)
    assert '\n' not in str(caught.value)


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
