# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""CLIP models by open_clip, fine-tuned by LoRA where there is a checkpoint."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import open_clip
import torch
import torch.nn.functional as functional
from peft import LoraConfig, get_peft_model
from safetensors import SafetensorError
from torch import Tensor, nn

from degfuse_ros.network.config import TOWER_FOLDER, tower_sizes
from degfuse_ros.training.config import ConfigError

# The MLPs and the attention of OpenCLIP's vision transformers; rank 16 on ViT-B-32 is 2.7 % of
# the vision tower. Other architectures get adapters on all their linear layers.
_TRANSFORMER_TARGETS = ['attn', 'c_fc', 'c_proj']


@dataclass
class ClipTower:
    """A CLIP model ready for stage 1.

    Attributes:
        visual: vision tower, with LoRA adapters where `adapted`.
        clip: the whole model; its text tower embeds the sentences.
        sizes: `ModelConfig.tower` of this tower.
        adapted: whether only adapters train.
    """

    visual: nn.Module
    clip: Any
    sizes: dict[str, Any]
    adapted: bool
    tokenizer: Any

    def parameters(self) -> list[nn.Parameter]:
        """Return what trains: adapters alone, or both towers and the temperature."""
        if self.adapted:
            return [weight for weight in self.visual.parameters() if weight.requires_grad]
        return [weight for weight in self.clip.parameters() if weight.requires_grad]

    def embed(self, sentences: list[str]) -> Tensor:
        """Embed sentences by the text tower, N x embed_dim of unit length."""
        tokens = self.tokenizer(sentences).to(next(self.visual.parameters()).device)
        return functional.normalize(self.clip.encode_text(tokens), dim=-1)

    def merged(self) -> nn.Module:
        """Fold the adapters into the weights and return the plain vision tower."""
        return cast(Any, self.visual).merge_and_unload() if self.adapted else self.visual


def _create_clip(name: str, checkpoint: str | None, device: torch.device) -> Any:
    try:
        return open_clip.create_model(
            name, pretrained=checkpoint, load_weights=checkpoint is not None,
            pretrained_image=False, pretrained_text=False, device=device)
    except (RuntimeError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        if checkpoint is None:
            raise
        # torch lists every tensor that does not fit on a line of its own.
        reason = ' '.join(str(error).split())[:200]
        raise ConfigError(f'cannot load {checkpoint} as weights of {name!r}: {reason}. Give a '
                          'file that was saved from this model.') from error


def create_tower(name: str, checkpoint: str | None, lora_rank: int,
                 device: torch.device) -> ClipTower:
    """Build a CLIP model by name.

    Args:
        name: one of OpenCLIP's names, or of our configs in the network folder.
        checkpoint: local weight file. None trains the model from scratch, all of it.
        lora_rank: rank of the adapters when there is a checkpoint.
        device: where it trains.

    Raises:
        ConfigError: unknown name, or no file of this model at `checkpoint`.
    """
    open_clip.add_model_config(TOWER_FOLDER)
    model = open_clip.get_model_config(name)
    if model is None:
        raise ConfigError(f'OpenCLIP knows no model {name!r}; open_clip.list_models() lists them.')
    if checkpoint is not None and not Path(checkpoint).is_file():
        raise ConfigError(f'no CLIP checkpoint at {checkpoint}. Give the path of a local file.')
    clip = _create_clip(name, checkpoint, device)
    visual = clip.visual
    if checkpoint is not None:
        clip.requires_grad_(False)
        plain = any(name.endswith('c_fc') for name, _ in visual.named_modules())
        targets = _TRANSFORMER_TARGETS if plain else 'all-linear'
        visual = get_peft_model(visual, LoraConfig(
            r=lora_rank, lora_alpha=lora_rank, target_modules=targets))
    return ClipTower(visual, clip, tower_sizes(name, model), checkpoint is not None,
                     open_clip.get_tokenizer(name))
