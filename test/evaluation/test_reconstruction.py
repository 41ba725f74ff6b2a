# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The reconstructed visible image, by models whose answer is known beforehand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_scene import make_scene
from small_model import write_small_model

from degfuse_ros.engine import FusionEngine
from degfuse_ros.evaluation.metrics import luma
from degfuse_ros.evaluation.reconstruction import Reconstruction
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.model_file import load_model

Images = tuple[np.ndarray, np.ndarray]
SIZES = [(48, 64), (39, 53), (33, 32)]


def noise(height: int, width: int, top: int = 256) -> Images:
    random = np.random.default_rng(height)
    return (random.integers(0, top, (height, width, 3), np.uint8),
            random.integers(0, 256, (height, width), np.uint8))


def multiply(network: FusionNetwork) -> None:
    """Let PKDM multiply the visible image by 1.5: its first stage adds half of its input."""
    network.get_parameter('enhancement.omega').copy_(torch.tensor([-0.5, -1.0, -1.0]))


def tint(network: FusionNetwork) -> None:
    """Let the head add 40 grey levels of red and take 20 of blue away, at every pixel."""
    bias = network.get_parameter('visible_head.2.bias')
    bias.copy_(torch.tensor([40.0, 0.0, -20.0]).repeat_interleave(4) / 255)


def stir(network: FusionNetwork) -> None:
    """Move every weight, so that every layer counts; the two tasks choose other experts."""
    for parameter in network.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    network.task_embedding.copy_(3 * torch.randn_like(network.task_embedding))


def by_hand(path: Path, visible: np.ndarray, thermal: np.ndarray, task: str) -> np.ndarray:
    """What training computes with the same weights; sides that need no padding. H x W x 3."""
    file = load_model(path)
    guidance, network = DegradationGuidance(file.config), FusionNetwork(file.config)
    guidance.load_state_dict(file.part('guidance'))
    network.load_state_dict(file.part('fusion'))
    guidance.eval()
    network.eval()  # training adds noise to the gates
    with torch.inference_mode():
        seen = torch.from_numpy(visible.transpose(2, 0, 1).copy())[None].float() / 255
        warm = torch.from_numpy(thermal)[None, None].float() / 255
        enhanced = network.enhance(seen, warm)
        if file.config.guidance == 'enhanced':
            seen, warm = enhanced.visible, enhanced.thermal
        vector = guidance(seen, warm).vector
        _, skips = network.fuse(enhanced, network.route(vector))
        clean, _ = network.reconstruct(enhanced, skips, network.route(vector, task))
    return clean[0].clamp(0, 1).permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('enhancement', [True, False])
def test_an_untrained_model_hands_the_visible_image_back(tmp_path: Path, size: tuple[int, int],
                                                         enhancement: bool) -> None:
    path = write_small_model(tmp_path / 'm.safetensors', enhancement=enhancement)
    visible, thermal = noise(*size)
    assert np.array_equal(Reconstruction(path, 'cpu').restore(visible, thermal), visible)


@pytest.mark.parametrize('size', SIZES)
def test_the_head_corrects_what_pkdm_restored(tmp_path: Path, size: tuple[int, int]) -> None:
    def change(network: FusionNetwork) -> None:
        multiply(network)
        tint(network)
    path = write_small_model(tmp_path / 'm.safetensors', change)
    half, thermal = noise(*size, top=120)
    half[0, 0] = 0
    found = Reconstruction(path, 'cpu').restore(2 * half, thermal)
    assert found.dtype == np.uint8
    expected = np.clip(np.minimum(3 * half.astype(int), 255) + [40, 0, -20], 0, 255)
    # Half precision of the stored bias is worth a hundredth of a grey level.
    assert np.abs(found - expected)[2:-2, 2:-2].max() <= 1
    assert np.array_equal(found[0, 0], [40, 0, 0])


def test_the_thermal_image_has_its_say_and_inputs_stay_as_they_are(tmp_path: Path) -> None:
    reconstruction = Reconstruction(write_small_model(tmp_path / 'm.safetensors', stir), 'cpu')
    visible, thermal = noise(48, 64)
    kept = visible.copy(), thermal.copy()
    first = reconstruction.restore(visible, thermal)
    assert np.array_equal(first, reconstruction.restore(visible, thermal))
    assert not np.array_equal(first, reconstruction.restore(visible, 255 - thermal))
    assert np.array_equal(visible, kept[0])
    assert np.array_equal(thermal, kept[1])


@pytest.mark.parametrize('structure', [
    {}, {'guidance': 'enhanced'}, {'guidance': 'constant'}, {'enhancement': False},
    {'kernels': ((3, 3),), 'active': 1}, {'active': 8}], ids=str)
def test_it_is_what_training_computes(tmp_path: Path, structure: dict[str, Any]) -> None:
    path = write_small_model(tmp_path / 'm.safetensors', stir, **structure)
    pair = noise(48, 64)
    found = Reconstruction(path, 'cpu').restore(*pair)
    assert np.abs(found - by_hand(path, *pair, 'reconstruction')).max() <= 0.51  # rounding
    if 'kernels' not in structure:  # where there is a choice of experts, the task decides it
        assert np.abs(found - by_hand(path, *pair, 'fusion')).max() > 2


def test_parameters_are_counted_without_the_heads_of_training(tmp_path: Path) -> None:
    whole = write_small_model(tmp_path / 'whole.safetensors')
    bare = write_small_model(tmp_path / 'bare.safetensors', heads=False)
    counted = Reconstruction(whole, 'cpu').parameters
    engine = FusionEngine.load(str(bare), 'cpu')  # what a robot runs
    assert counted == {
        'fusion': sum(each.numel() for each in engine._network.parameters()),
        'guidance': sum(each.numel() for each in engine._guidance.parameters())}


def test_the_shipped_model_restores_something_like_the_scene() -> None:
    engine = FusionEngine.load(None, 'cpu')
    reconstruction = Reconstruction(engine.model_path, 'cpu')
    scene = make_scene()
    found = reconstruction.restore(scene.visible, scene.thermal)
    assert found.shape == scene.visible.shape
    assert np.corrcoef(luma(found).ravel(), luma(scene.visible).ravel())[0, 1] > 0.9
    # models/MODEL_CARD.md: 4.94 M and 3.28 M.
    assert reconstruction.parameters['fusion'] == pytest.approx(4.94e6, abs=5e3)
    assert reconstruction.parameters['guidance'] == pytest.approx(3.28e6, abs=5e3)
