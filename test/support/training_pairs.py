# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Tiny training data and a tiny CLIP model for tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import open_clip

COLUMNS = ('source', 'split', 'name', 'condition', 'visible_path', 'thermal_path')

TOWER = 'degfuse-test-tower'
"""OpenCLIP name of the model that `register_tower` adds."""


def street(seed: int, height: int = 72, width: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A made-up view: sky, road, boxes with colours, and what of it is warm.

    Returns:
        Visible H x W x 3 uint8 RGB with a mean near the middle, thermal H x W uint8.
    """
    random = np.random.default_rng(seed)
    visible = np.empty((height, width, 3), np.uint8)
    visible[:height // 2] = random.integers(140, 190, 3)
    visible[height // 2:] = random.integers(70, 110, 3)
    thermal = np.full((height, width), 60, np.uint8)
    for _ in range(8):
        top, left = int(random.integers(0, height - 12)), int(random.integers(0, width - 12))
        high, wide = random.integers(6, 30, 2)
        visible[top:top + high, left:left + wide] = random.integers(20, 236, 3)
        thermal[top:top + high, left:left + wide] = random.integers(30, 250)
    grain = random.normal(0, 3, visible.shape)
    return (visible + grain).clip(0, 255).astype(np.uint8), thermal


def write_image(path: Path, image: np.ndarray) -> None:
    """Write H x W, or H x W x 3 RGB, uint8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image if image.ndim == 2 else image[..., ::-1])


def write_pairs(root: Path, rows: Sequence[tuple[str, str, str]]) -> Path:
    """Write images and pairs.csv, one pair for each (source, split, condition).

    Night pictures are dark: their visible image is a tenth as bright.
    """
    with (root / 'pairs.csv').open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for index, (source, split, condition) in enumerate(rows):
            visible, thermal = street(index)
            if condition == 'low_light':
                visible = visible // 10
            name = f'{index:03}'
            paths = [f'{source}/{kind}/{name}.png' for kind in ('visible', 'thermal')]
            write_image(root / paths[0], visible)
            write_image(root / paths[1], thermal)
            writer.writerow((source, split, name, condition, *paths))
    return root


def register_tower(folder: Path) -> str:
    """Teach OpenCLIP a model that takes milliseconds, and return its name."""
    config = {
        'embed_dim': 64,
        'vision_cfg': {'image_size': 64, 'patch_size': 16, 'width': 64, 'layers': 2,
                       'head_width': 32, 'mlp_ratio': 2.0},
        # The tokenizer's own vocabulary and length.
        'text_cfg': {'context_length': 77, 'vocab_size': 49408, 'width': 16, 'heads': 1,
                     'layers': 1}}
    (folder / f'{TOWER}.json').write_text(json.dumps(config))
    open_clip.add_model_config(folder)
    return TOWER
