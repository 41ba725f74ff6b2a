# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""CLIP models by open_clip, fine-tuned by LoRA where there is a checkpoint."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import open_clip
import torch
import torch.nn.functional as functional
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.utils import parametrize

from degfuse_ros.network.config import TOWER_FOLDER, tower_sizes
from degfuse_ros.training.config import ConfigError


class _LowRank(nn.Module):
    """An adapter: a weight of outputs x inputs plus a trained product of rank r (LoRA).

    A parametrisation reaches the attention, whose matrices PyTorch reads without calling a layer,
    and leaves the weight below it bit for bit alone. peft 0.21 does neither: it adds the adapters
    to an attention's weights and takes them off again, and those of its output twice.
    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models (2021).
    """

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        outputs, inputs = weight.shape
        # Zeros on one side: the untrained adapter changes nothing.
        self.lora_up = nn.Parameter(weight.new_zeros(outputs, rank))
        self.lora_down = nn.Parameter(weight.new_empty(rank, inputs))
        nn.init.kaiming_uniform_(self.lora_down, a=5 ** 0.5)  # as nn.Linear starts

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.lora_up @ self.lora_down


def _adaptable(visual: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Yield the matrices of a tower's attention, MLPs and other linear layers."""
    for module in visual.modules():
        if isinstance(module, nn.Linear):
            yield module, 'weight'
        elif isinstance(module, nn.MultiheadAttention):
            yield module, 'in_proj_weight'


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

    def embed(self, sentences: list[str]) -> Tensor:
        """Embed sentences by the text tower, N x embed_dim of unit length."""
        tokens = self.tokenizer(sentences).to(next(self.visual.parameters()).device)
        return functional.normalize(self.clip.encode_text(tokens), dim=-1)

    def plain_state(self) -> dict[str, Tensor]:
        """Return the vision tower's state with the adapters folded into its weights."""
        state = {name: value for name, value in self.visual.state_dict().items()
                 if '.parametrizations.' not in name}
        for path, module in self.visual.named_modules():
            if parametrize.is_parametrized(module):
                state.update({f'{path}.{name}': getattr(module, name).detach()
                              for name in cast(nn.ModuleDict, module.parametrizations)})
        return state


def _create_clip(name: str, checkpoint: str | None, device: torch.device) -> Any:
    disabled = logging.root.manager.disable
    if checkpoint is None:  # it warns that the weights are random: from scratch they are to be
        logging.disable(logging.WARNING)
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
    finally:
        logging.disable(disabled)


def create_tower(name: str, checkpoint: str | None, lora_rank: int,
                 device: torch.device) -> ClipTower:
    """Build a CLIP model by name.

    Args:
        name: one of OpenCLIP's names, or of our configs in the network folder.
        checkpoint: local weight file. None trains the model from scratch, all of it.
        lora_rank: rank of the adapters when there is a checkpoint; 16 on ViT-B-32 is 2.7 % of
            the vision tower.
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
    if checkpoint is not None:
        clip.requires_grad_(False)
        for module, weight in list(_adaptable(clip.visual)):
            adapter = _LowRank(getattr(module, weight), lora_rank)
            parametrize.register_parametrization(module, weight, adapter)
    return ClipTower(clip.visual, clip, tower_sizes(name, model), checkpoint is not None,
                     open_clip.get_tokenizer(name))
