# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The two-branch U-Net of expert mixtures with its three heads (method, section 4)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from degfuse_ros.network.config import TASKS, ModelConfig
from degfuse_ros.network.dgme import ExpertMixture
from degfuse_ros.network.gate import Assignment, Gate, GateDecision, assign
from degfuse_ros.network.image_math import luma, replace_luma
from degfuse_ros.network.pkdm import PriorEnhancement

# Every entry of the vector that stands in for d_deg when guidance is 'constant': about the root
# mean square of d_deg in a trained model, so that the gates start and learn at about its pace.
CONSTANT_GUIDANCE = 0.2


@dataclass(frozen=True)
class Routing:
    """All layers' routing for one batch and task, known before any layer runs.

    Attributes:
        decision: the gates' choices.
        layers: assignment by layer name.
    """

    decision: GateDecision
    layers: dict[str, Assignment]


@dataclass(frozen=True)
class Enhanced:
    """What the encoders read, values in [0, 1].

    Attributes:
        visible: B x 3 x H x W, RGB: PKDM's restored visible image, or the raw one without PKDM.
        thermal: B x 1 x H x W: PKDM's sharpened thermal image, or the raw one.
        curves: B x 8 x H/4 x W/4, PKDM's curve maps; None without PKDM.
    """

    visible: Tensor
    thermal: Tensor
    curves: Tensor | None


@dataclass(frozen=True)
class Fused:
    """Result of the inference path, values in [0, 1].

    Attributes:
        image: B x 3 x H x W, RGB.
        luma: B x 1 x H x W, the fused luminance before chroma is added.
    """

    image: Tensor
    luma: Tensor


def _head(channels: int, outputs: int) -> nn.Sequential:
    """Half-resolution features to `outputs` channels at full resolution, starting at zero."""
    # Replicated borders: zeros would leave a dark frame round the picture.
    first = nn.Conv2d(channels, channels, 3, padding=1, padding_mode='replicate')
    last = nn.Conv2d(channels, outputs * 4, 3, padding=1, padding_mode='replicate')
    nn.init.zeros_(last.weight)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(first, nn.LeakyReLU(0.1), last, nn.PixelShuffle(2))


class _Encoder(nn.Module):
    """One branch: stem, then per level an expert mixture and a downsampling (equations 11, 12)."""

    def __init__(self, inputs: int, config: ModelConfig) -> None:
        super().__init__()
        widths = config.widths
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(inputs * 4, widths[0], 3, padding=1, padding_mode='replicate'))
        self.levels = nn.ModuleList(
            ExpertMixture(width, hidden, config.kernels)
            for width, hidden in zip(widths, config.hidden))
        self.down = nn.ModuleList(
            nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * fine, coarse, 1))
            for fine, coarse in zip(widths, widths[1:]))

    def forward(self, image: Tensor, routing: Routing, branch: str) -> list[Tensor]:
        features = self.stem(image)  # B x C x H/2 x W/2
        result = []
        for level, mixture in enumerate(self.levels):
            features = mixture(features, routing.layers[f'{branch}_{level + 1}'])
            result.append(features)  # B x 2^l C x H/2^(l+1) x W/2^(l+1)
            if level < len(self.down):
                features = self.down[level](features)
        return result


class FusionNetwork(nn.Module):
    """Visible and thermal image and a guidance vector in, fused image out.

    Args:
        config: sizes.
        reconstruction: also build the two heads that exist for the loss only.
    """

    def __init__(self, config: ModelConfig, reconstruction: bool = True) -> None:
        super().__init__()
        self.config = config
        widths, levels = config.widths, len(config.widths)
        self.enhancement = (PriorEnhancement(config.prior_channels, config.derain_channels)
                            if config.enhancement else None)
        self.visible_encoder = _Encoder(3, config)
        self.thermal_encoder = _Encoder(1, config)
        self.project = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths)
        self.decoder = nn.ModuleDict({
            f'decoder_{level}': ExpertMixture(
                widths[level - 1], config.hidden[level - 1], config.kernels)
            for level in range(levels, 1, -1)})
        self.up = nn.ModuleDict({
            f'decoder_{level}': nn.Sequential(
                nn.Conv2d(widths[level - 1], 4 * widths[level - 2], 1), nn.PixelShuffle(2))
            for level in range(levels, 1, -1)})
        self.fused_head = _head(widths[0], 1)
        self.visible_head = _head(widths[0], 3) if reconstruction else None
        self.thermal_head = _head(widths[0], 1) if reconstruction else None
        self.layer_names = (
            *(f'visible_{level}' for level in range(1, levels + 1)),
            *(f'thermal_{level}' for level in range(1, levels + 1)), *self.decoder)
        self.gate = Gate(len(self.layer_names), config.guidance_dim, len(config.kernels),
                         config.active)
        # Not zero: two equal tasks are a stationary point of the mutual information.
        self.task_embedding = nn.Parameter(0.1 * torch.randn(len(TASKS), config.guidance_dim))

    def decide(self, guidance: Tensor, task: str = 'fusion',
               favour: Tensor | None = None) -> GateDecision:
        """Choose every layer's experts from the guidance vectors, B x D, for one task.

        In full precision, under autocast as well: a rounded logit could change the chosen experts.
        `favour` is the gate's.
        """
        if self.config.guidance == 'constant':
            guidance = torch.full_like(guidance, CONSTANT_GUIDANCE)
        task_embedding = self.task_embedding[TASKS.index(task)]
        with torch.autocast(guidance.device.type, enabled=False):
            decision: GateDecision = self.gate(
                guidance.to(task_embedding.dtype) + task_embedding, favour)
        return decision

    def route(self, guidance: Tensor, task: str = 'fusion') -> Routing:
        """Decide for the guidance vectors, B x D, and lay out the routing as layers compute it."""
        decision = self.decide(guidance, task)
        single = len(guidance) == 1 and not self.training
        return self.lay_out(decision, assign(decision, single))

    def lay_out(self, decision: GateDecision, assignments: list[Assignment]) -> Routing:
        """Name a decision's assignments, one per layer, by the layers."""
        return Routing(decision, dict(zip(self.layer_names, assignments)))

    def prepare_for_device(self) -> None:
        """Prepare the network for assignments on the device, from the weights as they are.

        On CUDA, our own kernels take the places of convolutions. It only infers afterwards.
        """
        for module in self.modules():
            if isinstance(module, ExpertMixture):
                module.stack()
        if self.task_embedding.device.type == 'cuda':
            with suppress(ImportError):  # torch without Triton, as on some Jetsons
                from degfuse_ros.network.convolution_kernels import fuse_convolutions
                from degfuse_ros.network.enhancement_kernels import use_kernels
                fuse_convolutions(self)
                if self.enhancement is not None:
                    use_kernels(self.enhancement)

    def enhance(self, visible: Tensor, thermal: Tensor) -> Enhanced:
        """Run PKDM, where the model has it.

        Args:
            visible: B x 3 x H x W, RGB in [0, 1]; sides are multiples of `config.multiple`.
            thermal: B x 1 x H x W in [0, 1].
        """
        if self.enhancement is None:
            return Enhanced(visible, thermal, None)
        restored, curves = self.enhancement.visible(visible)
        return Enhanced(restored, self.enhancement.thermal(thermal), curves)

    def guidance_images(self, visible: Tensor, thermal: Tensor,
                        enhanced: Enhanced) -> tuple[Tensor, Tensor]:
        """Choose what DAGM looks at: PKDM's output if `config.guidance` is 'enhanced'.

        Args:
            visible: B x 3 x H x W, RGB in [0, 1], as it came, not padded.
            thermal: B x 1 x H x W in [0, 1], likewise.
            enhanced: what `enhance` made of them, padded or not.

        Returns:
            A visible and a thermal image of the sizes given; PKDM's in float32.
        """
        if self.config.guidance != 'enhanced':
            return visible, thermal
        height, width = thermal.shape[-2:]
        # Without the padding, which mirrors the scene and is no part of it.
        return (enhanced.visible[..., :height, :width].float(),
                enhanced.thermal[..., :height, :width].float())

    def encode(self, enhanced: Enhanced, routing: Routing) -> list[Tensor]:
        """Encode both images; join and project the branches level by level (equation 13)."""
        pairs = zip(self.visible_encoder(enhanced.visible, routing, 'visible'),
                    self.thermal_encoder(enhanced.thermal, routing, 'thermal'))
        return [project(torch.cat(pair, 1)) for project, pair in zip(self.project, pairs)]

    def decode(self, skips: list[Tensor], routing: Routing) -> Tensor:
        """Upsample(DGME(F)) + skip, from the deepest level up (equation 14)."""
        features = skips[-1]
        for (name, mixture), skip in zip(self.decoder.items(), reversed(skips[:-1])):
            features = self.up[name](mixture(features, routing.layers[name])) + skip
        return features  # B x C x H/2 x W/2

    def fuse(self, enhanced: Enhanced, routing: Routing) -> tuple[Fused, list[Tensor]]:
        """Fuse what `enhance` returned.

        Args:
            enhanced: both images.
            routing: of the fusion task.

        Returns:
            The fused result and the projected features that `reconstruct` starts from.
        """
        skips = self.encode(enhanced, routing)
        # The head corrects the brighter of the two sources, the target of equation 16: full
        # resolution detail need not pass through the half-resolution features.
        start = torch.maximum(luma(enhanced.visible), enhanced.thermal)
        fused = (start + self.fused_head(self.decode(skips, routing))).clamp(0, 1)
        return Fused(replace_luma(enhanced.visible, fused), fused), skips

    def reconstruct(self, enhanced: Enhanced, skips: list[Tensor],
                    routing: Routing) -> tuple[Tensor, Tensor]:
        """Training only: clean visible B x 3 x H x W and clean thermal B x 1 x H x W.

        Args:
            enhanced: what `fuse` was given.
            skips: projected features from `fuse`.
            routing: of the reconstruction task.

        Raises:
            RuntimeError: the network was built without these heads.
        """
        if self.visible_head is None or self.thermal_head is None:
            raise RuntimeError('this network was built without reconstruction heads; build it '
                               'with reconstruction=True.')
        features = self.decode(skips, routing)
        return (enhanced.visible + self.visible_head(features),
                enhanced.thermal + self.thermal_head(features))
