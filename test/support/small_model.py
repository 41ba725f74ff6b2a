# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Weight files of untrained models, one of them so small that it loads in milliseconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.model_file import save_model

SIZES: dict[str, Any] = {
    'widths': (6, 8), 'hidden': (3, 3), 'guidance_dim': 16, 'sentence_groups': 5,
    'tower': {'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
              'mlp_ratio': 2.0, 'embed_dim': 16}}


def write_small_model(path: Path, change: Callable[[FusionNetwork], object] = lambda network: None,
                      heads: bool = True, **structure: Any) -> Path:
    """Save an untrained model.

    Untrained heads give 0: the reconstruction is what PKDM makes of the visible image, and an
    untrained PKDM changes nothing.

    Args:
        path: of the weight file.
        change: alters the network's weights.
        heads: whether the file has the heads of the reconstruction.
        structure: fields of `ModelConfig`.
    """
    return write_model(path, ModelConfig(**{**SIZES, **structure}), change, heads)


def write_model(path: Path, config: ModelConfig,
                change: Callable[[FusionNetwork], object] = lambda network: None,
                heads: bool = True) -> Path:
    """Save an untrained model of a structure with five sentence groups or more."""
    torch.manual_seed(0)
    guidance, network = DegradationGuidance(config), FusionNetwork(config, heads)
    guidance.sentences.normal_()
    guidance.sentence_class.copy_(torch.arange(config.sentence_groups) % 5)
    with torch.no_grad():
        change(network)
    save_model(path, config, guidance.state_dict(), network.state_dict(), {})
    return path
