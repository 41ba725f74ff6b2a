# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A model under evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from degfuse_ros.engine import DeviceError, FusionEngine, ModelError
from degfuse_ros.evaluation.reconstruction import Reconstruction
from degfuse_ros.network.config import ModelConfig


@dataclass(frozen=True)
class LoadedModel:
    """One of our models with all that an evaluation asks it.

    Attributes:
        name: its row in the tables.
        engine: fuses, classifies, routes.
        reconstruction: restores the visible image.
    """

    name: str
    engine: FusionEngine
    reconstruction: Reconstruction

    @property
    def config(self) -> ModelConfig:
        """Its structure."""
        return self.reconstruction.config

    @property
    def kernels(self) -> list[str]:
        """Shape of each expert of a layer, such as '1x3'."""
        return [f'{height}x{width}' for height, width in self.config.kernels]

    @classmethod
    def load(cls, name: str, model: str | None, device: str) -> LoadedModel:
        """Load a weight file.

        Args:
            name: the row's name.
            model: None for the shipped weights, a shipped model's name, or a path.
            device: 'auto', 'cpu', 'cuda' or 'cuda:N'.

        Raises:
            EngineError: weights or device cannot be used.
        """
        engine = FusionEngine.load(model, device)
        try:
            return cls(name, engine, Reconstruction(engine.model_path, engine.device))
        except torch.OutOfMemoryError as error:
            raise DeviceError(f'no memory for {engine.model_path} on {engine.device}. Use '
                              "device 'cpu', or evaluate fewer models at once.") from error
        except RuntimeError as error:  # over many lines
            reason = ' '.join(str(error).split())[:200]
            raise ModelError(f'{engine.model_path} has no reconstruction heads ({reason}). Give a '
                             'weight file that degfuse train wrote.') from error
