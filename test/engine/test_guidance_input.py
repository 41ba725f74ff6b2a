# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the engine lets the guidance see: the images as they came, or what PKDM makes of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from degfuse_ros.engine import Degradation, FusionEngine
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.model_file import save_model


def judge(path: Path, guidance: str, visible: np.ndarray, thermal: np.ndarray) -> Degradation:
    """What a model whose PKDM multiplies the visible image by 1.5 says of a pair."""
    config = ModelConfig(
        widths=(6, 8), hidden=(3, 3), guidance_dim=16, sentence_groups=5, guidance=guidance,
        tower={'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
               'mlp_ratio': 2.0, 'embed_dim': 16})
    torch.manual_seed(0)
    tower, network = DegradationGuidance(config), FusionNetwork(config)
    tower.sentences.normal_()
    tower.sentence_class.copy_(torch.arange(5))
    with torch.no_grad():
        # The first stage adds half of its input; the untrained stages change nothing.
        network.get_parameter('enhancement.omega').copy_(torch.tensor([-0.5, -1.0, -1.0]))
    save_model(path, config, tower.state_dict(), network.state_dict(), {})
    return FusionEngine.load(str(path), 'cpu').fuse(visible, thermal).degradation


def test_enhanced_guidance_judges_what_pkdm_made(tmp_path: Path):
    random = np.random.default_rng(0)
    # 39 x 52 is padded for the network; the guidance must not see that.
    half = random.integers(0, 86, (39, 52, 3), np.uint8)
    dark, brighter = 2 * half, 3 * half  # 1.5 times in whole grey levels
    thermal = random.integers(0, 256, (39, 52), np.uint8)
    path = tmp_path / 'small.safetensors'
    found = judge(path, 'enhanced', dark, thermal)
    expected = judge(path, 'raw', brighter, thermal)
    assert found.scores == pytest.approx(expected.scores, abs=1e-4)
    assert found.severity == pytest.approx(expected.severity, abs=1e-4)
    assert found.scores != pytest.approx(judge(path, 'raw', dark, thermal).scores, abs=1e-3)
