# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Shipped weights are found in a checkout and in every kind of installation."""

from pathlib import Path

import numpy as np
import pytest
from small_model import write_model

from degfuse_ros.engine import EngineError, FusionEngine, ModelError, models
from degfuse_ros.engine.models import find_model
from degfuse_ros.network.config import structure

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / 'models' / 'base.safetensors'


def install(monkeypatch: pytest.MonkeyPatch, library: Path, share: Path, *names: str) -> Path:
    """Pretend that the module lies in a library folder and models in a share folder."""
    monkeypatch.setattr(models, '__file__', str(library / 'degfuse_ros/engine/models.py'))
    folder = share / 'degfuse_ros' / 'models'
    folder.mkdir(parents=True)
    for name in names:
        (folder / f'{name}.safetensors').touch()
    return folder


@pytest.mark.parametrize('name', [None, '', 'base'])
def test_the_shipped_model_is_found_in_the_checkout(name: str | None):
    assert find_model(name) == SHIPPED


@pytest.mark.parametrize('library, share', [
    ('venv/lib/python3.11/site-packages', 'venv/share'),
    ('usr/local/lib/python3.10/dist-packages', 'usr/local/share'),
    ('install/degfuse_ros/lib/python3.12/site-packages', 'install/degfuse_ros/share'),
    ('ws/build/degfuse_ros', 'ws/build/degfuse_ros/share'),
])
def test_the_shipped_model_is_found_in_an_installation(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, share: str):
    folder = install(monkeypatch, tmp_path / library, tmp_path / share, 'base', 'lite')
    assert find_model(None) == folder / 'base.safetensors'
    assert find_model('lite') == folder / 'lite.safetensors'


@pytest.mark.parametrize('name', ['/data/night.safetensors', 'night.safetensors', './night',
                                  'folder/night.bin'])
def test_a_path_is_taken_as_it_is(name: str):
    assert find_model(name) == Path(name)


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('HOME', '/home/someone')
    assert find_model('~/night.safetensors') == Path('/home/someone/night.safetensors')


def test_an_unknown_name_lists_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = install(monkeypatch, tmp_path / 'lib/python3.11/site-packages', tmp_path / 'share',
                     'lite', 'base')
    with pytest.raises(ModelError) as caught:
        find_model('bass')
    message = str(caught.value)
    assert '\n' not in message
    for part in ("'bass'", str(folder), 'base, lite', '.safetensors'):
        assert part in message


def test_an_installation_without_models_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(monkeypatch, tmp_path / 'lib/python3.11/site-packages', tmp_path / 'share')
    with pytest.raises(ModelError, match='none') as caught:
        find_model(None)
    assert 'Reinstall' in str(caught.value) and '\n' not in str(caught.value)


def test_the_engine_reports_an_unknown_name_and_a_missing_path(tmp_path: Path):
    for name in ('bass', str(tmp_path / 'absent.safetensors')):
        with pytest.raises(EngineError) as caught:
            FusionEngine.load(name, 'cpu')
        assert isinstance(caught.value, ModelError)
        assert name in str(caught.value) and '\n' not in str(caught.value)


def test_lite_is_loaded_by_its_name_and_keeps_bases_contract(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = install(monkeypatch, tmp_path / 'lib/python3.11/site-packages', tmp_path / 'share')
    path = write_model(folder / 'lite.safetensors', structure('lite'))
    engine = FusionEngine.load('lite', 'cpu')
    assert engine.model_path == path
    visible = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)
    fusion = engine.fuse(visible, visible[..., 0].copy())
    assert fusion.image.shape == visible.shape and fusion.image.dtype == np.uint8
    assert engine.layer_names == FusionEngine.load(str(SHIPPED), 'cpu').layer_names
    assert fusion.routing.shape == (len(engine.layer_names), 8)
    assert ((fusion.routing > 0).sum(1) == 2).all()
    np.testing.assert_allclose(fusion.routing.sum(1), 1, rtol=1e-6)
    assert set(fusion.degradation.severity) == {'fog', 'low_light', 'overexposed', 'rain'}
