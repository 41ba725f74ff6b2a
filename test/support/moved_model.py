# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Small models in which every layer matters, and smooth pairs whose degradations differ."""

import numpy as np
import torch
from small_model import SIZES

from degfuse_ros.engine import Pair
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork


def moved_modules() -> tuple[DegradationGuidance, FusionNetwork]:
    """Both modules, ready to infer, every parameter random, routing that depends on the pair."""
    torch.manual_seed(0)
    config = ModelConfig(**SIZES)
    guidance, network = DegradationGuidance(config), FusionNetwork(config, reconstruction=False)
    guidance.sentences.normal_()
    guidance.sentence_class.copy_(torch.arange(config.sentence_groups) % 5)
    with torch.no_grad():
        for parameter in (*guidance.parameters(), *network.parameters()):
            parameter.add_(0.1 * torch.randn_like(parameter))
        network.gate.weight.normal_(0, 3)
    for module in (guidance, network):
        module.eval().requires_grad_(False)
    return guidance, network


def shaded_pairs(count: int, height: int, width: int, seed: int = 0) -> list[Pair]:
    """Pairs with shading, grain and very different brightness."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    pairs = []
    for index in range(count):
        shade = 40 + 50 * index + 30 * np.sin(rows / (5 + index)) * np.cos(columns / 9)
        visible = shade[..., None] * random.uniform(0.6, 1.2, 3)
        heat = 120 + 90 * np.cos(rows / 11 + index) * np.sin(columns / (6 + index))
        pairs.append(Pair(*(
            np.clip(image + random.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
            for image in (visible, heat))))
    return pairs
