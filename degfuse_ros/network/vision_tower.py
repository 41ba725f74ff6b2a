# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""CLIP's vision transformer with OpenCLIP's parameter names, so that the node needs no open_clip.

Training builds the tower with open_clip; its state dict loads here unchanged, and a test compares
the two. Only what OpenCLIP's plain towers (ViT-B-32 and its kin) use is here.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn


class _QuickGelu(nn.Module):
    """The sigmoid approximation that OpenAI's weights were trained with."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, mlp_ratio: float, quick_gelu: bool) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        hidden = int(width * mlp_ratio)
        self.mlp = nn.Sequential()
        self.mlp.add_module('c_fc', nn.Linear(width, hidden))
        self.mlp.add_module('gelu', _QuickGelu() if quick_gelu else nn.GELU())
        self.mlp.add_module('c_proj', nn.Linear(hidden, width))

    def attend(self, x: Tensor) -> Tensor:
        # Written out: nn.MultiheadAttention's forward does not export well.
        batch, length, width = x.shape
        projected = functional.linear(x, self.attn.in_proj_weight, self.attn.in_proj_bias)
        query, key, value = (
            projected.view(batch, length, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4).unbind(0))  # each B x heads x N x width/heads
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.attn.out_proj(mixed.transpose(1, 2).reshape(batch, length, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class _Transformer(nn.Module):
    def __init__(self, layers: int, *arguments: Any) -> None:
        super().__init__()
        self.resblocks = nn.Sequential(*(_Block(*arguments) for _ in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        return self.resblocks(x)


class VisionTower(nn.Module):
    """A vision transformer: B x 3 x S x S normalised RGB to B x embed_dim features.

    Args:
        image_size: S, pixels.
        patch_size: pixels.
        width: channels of a token.
        layers: transformer blocks.
        heads: attention heads.
        mlp_ratio: hidden width of a block's MLP over its width.
        embed_dim: length of the feature vector.
        quick_gelu: the activation of OpenAI's own weights.
    """

    def __init__(self, image_size: int, patch_size: int, width: int, layers: int, heads: int,
                 mlp_ratio: float, embed_dim: int, quick_gelu: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch_size, patch_size, bias=False)
        scale = width ** -0.5
        tokens = (image_size // patch_size) ** 2 + 1
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(tokens, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = _Transformer(layers, width, heads, mlp_ratio, quick_gelu)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, embed_dim))

    def _patches(self, image: Tensor) -> Tensor:
        """Apply conv1, B x 3 x S x S to B x N x width."""
        side = self.conv1.kernel_size[0]
        if not image.is_cuda or image.shape[-1] % side:
            return self.conv1(image).flatten(2).transpose(1, 2)
        # As its windows do not overlap, it is a matrix product. As a convolution it took cuDNN
        # 66 us on an H100, a twentieth of a frame; on a CPU the product is the slower one.
        windows = image.unflatten(-1, (-1, side)).unflatten(-3, (-1, side))  # B x 3 x h p w p
        flat = windows.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # B x N x pp3
        return functional.linear(flat, self.conv1.weight.permute(0, 2, 3, 1).flatten(1))

    def forward(self, image: Tensor) -> Tensor:
        """Encode normalised images, B x 3 x S x S to B x embed_dim."""
        x = self._patches(image)  # B x N x width
        token = self.class_embedding.expand(x.shape[0], 1, -1)  # B x 1 x width
        x = torch.cat((token, x), 1) + self.positional_embedding  # B x N+1 x width
        x = self.transformer(self.ln_pre(x))
        return self.ln_post(x)[:, 0] @ self.proj  # B x embed_dim


def build_tower(sizes: dict[str, Any]) -> nn.Module:
    """Build a tower without weights.

    Args:
        sizes: `VisionTower`'s arguments, or {'open_clip': NAME, ...} for an architecture that
            only open_clip can build.

    Raises:
        ModuleNotFoundError: such an architecture on a machine without open_clip.
    """
    if 'open_clip' not in sizes:
        return VisionTower(**sizes)
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this model's guidance tower {sizes['open_clip']!r} needs open_clip, which is not "
            'installed. Install it: pip install open_clip_torch.') from error
    return open_clip.create_model(sizes['open_clip'], load_weights=False).visual
