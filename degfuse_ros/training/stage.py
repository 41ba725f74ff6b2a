# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What a stage of training gives to the loop that both stages share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from degfuse_ros.training.schedule import Randomness


class Stage(ABC):
    """One stage: a module that trains, its batches, and what becomes of it.

    Attributes:
        title: 'stage 1' or 'stage 2', for messages.
        found: what data there are, one line.
        module: called with a batch it returns the loss terms by name, each a scalar whose weight
            is the setting NAME_weight. Its parameters that require gradients are trained.
        inputs: identity of what the settings only name, such as the data. A run goes on from a
            checkpoint only where they are the same.
        columns: headings of the pictures' columns.
    """

    title: str
    found: str
    module: nn.Module
    inputs: dict[str, str]
    columns: tuple[str, ...]

    @abstractmethod
    def draw(self, step: int, randomness: Randomness) -> Any:
        """Draw the batch of a step."""

    @abstractmethod
    def save(self, path: Path, notes: Mapping[str, str]) -> None:
        """Write the module's present weights as a weight file."""

    @abstractmethod
    def pictures(self) -> list[tuple[str, list[np.ndarray]]]:
        """Show the module's present weights at work.

        Returns:
            Rows of pictures: a caption and H x W x 3 uint8 RGB images, one per column.
        """

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """Judge the module's present weights on validation pairs; a value by name."""

    def trained(self) -> dict[str, torch.Tensor]:
        """Return the weights that are trained, by name."""
        return {name: weight for name, weight in self.module.named_parameters()
                if weight.requires_grad}
