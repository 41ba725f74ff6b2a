# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""DAGM: degradation guidance from CLIP image features (method, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from degfuse_ros.network.config import CLASSES, DEGRADATIONS, ModelConfig
from degfuse_ros.network.vision_tower import build_tower

# CLIP's published pixel statistics (OpenAI CLIP preprocessing).
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Guidance:
    """What DAGM knows of a batch of pairs.

    Attributes:
        vector: d_deg, B x 512 (equation 7).
        scores: B x 5, sums to 1, order of `CLASSES`.
        severity: B x 4 in [0, 1], order of `DEGRADATIONS`.
    """

    vector: Tensor
    scores: Tensor
    severity: Tensor


class DegradationGuidance(nn.Module):
    """Raw images in, guidance vector, class scores and severities out.

    The visible image is seen twice: whole, resized without antialiasing, and as a centre crop at
    native resolution. Resizing to 224 pixels erases rain streaks and noise; the crop keeps them.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.image_size = int(config.tower['image_size'])
        self._precision: torch.dtype | None = None
        features = int(config.tower['embed_dim'])
        self.tower = build_tower(config.tower)
        hidden = config.guidance_dim // 2  # keeps the weight file below 16 MiB
        self.mlp = nn.Sequential(
            nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, config.guidance_dim))
        # A quarter of the features is plenty for four numbers.
        self.severity_head = nn.Sequential(
            nn.Linear(features, 128), nn.GELU(), nn.Linear(128, len(DEGRADATIONS)))
        # The sentences' embeddings, computed once by training; group 0 is clean, the others are
        # severity words of one degradation each.
        self.register_buffer('sentences', torch.zeros(config.sentence_groups, features))
        self.register_buffer('sentence_class', torch.zeros(config.sentence_groups))
        self.register_buffer('logit_scale', torch.tensor(10.0))  # training stores its own
        self.register_buffer('mean', torch.tensor(CLIP_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(CLIP_STD).view(1, 3, 1, 1), persistent=False)
        self.sentences: Tensor
        self.sentence_class: Tensor
        self.logit_scale: Tensor
        self.mean: Tensor
        self.std: Tensor

    def _whole(self, image: Tensor) -> Tensor:
        size = (self.image_size, self.image_size)
        return functional.interpolate(image, size, mode='bilinear', align_corners=False)

    def _crop(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        side = min(self.image_size, height, width)
        top, left = (height - side) // 2, (width - side) // 2
        crop = image[..., top:top + side, left:left + side]
        return crop if side == self.image_size else self._whole(crop)

    def round_tower(self, precision: torch.dtype) -> None:
        """Convert the tower for inference; what is made of its features stays as it is.

        In float16 none of 396 choices of experts changed on 36 pairs of both models, real and
        built-in, and no gate by more than 0.005.
        """
        self._precision = precision
        products = {id(module.bias) for module in self.tower.modules()
                    if isinstance(module, nn.Linear)}
        products |= {id(module.in_proj_bias) for module in self.tower.modules()
                     if isinstance(module, nn.MultiheadAttention)}
        for parameter in self.tower.parameters():
            # Norms are small, and better exact. Biases autocast would round in every frame.
            if parameter.ndim > 1 or id(parameter) in products:
                parameter.data = parameter.data.to(precision)

    def _look(self, views: Tensor) -> Tensor:
        if self._precision is None:
            features: Tensor = self.tower(views)
            return features
        # Weights are in this precision already, so that nothing is worth caching.
        with torch.autocast(views.device.type, self._precision, cache_enabled=False):
            return self.tower(views).float()

    def encode(self, visible: Tensor, thermal: Tensor) -> tuple[Tensor, Tensor]:
        """Return f_vis and f_ir of length sqrt(512), B x 512 each (equation 6).

        Args:
            visible: B x 3 x H x W, RGB in [0, 1].
            thermal: B x 1 x H x W in [0, 1].
        """
        grey = self._whole(thermal).expand(-1, 3, -1, -1)  # P(I_ir, I_ir, I_ir)
        views = torch.cat((self._whole(visible), self._crop(visible), grey))
        features = self._look((views - self.mean) / self.std)  # 3B x 512
        whole, crop, heat = features.unflatten(0, (3, visible.shape[0])).unbind()  # B x 512 each
        # Unit variance per entry: the product of two unit vectors would be vanishingly small.
        scale = features.shape[-1] ** 0.5
        seen = functional.normalize(whole, dim=-1) + functional.normalize(crop, dim=-1)
        f_visible, f_thermal = (functional.normalize(each, dim=-1) for each in (seen, heat))
        return f_visible * scale, f_thermal * scale

    def similarity(self, features: Tensor, sentences: Tensor) -> Tensor:
        """Scaled cosine similarity, B x 512 and G x 512 to B x G: CLIP's logits."""
        cosine = functional.normalize(features, dim=-1) @ functional.normalize(sentences, dim=-1).T
        return self.logit_scale * cosine

    def class_scores(self, features: Tensor) -> Tensor:
        """Softmax over the stored sentences, summed per class: B x 512 to B x 5."""
        share = self.similarity(features, self.sentences).softmax(-1)  # B x G
        member = functional.one_hot(self.sentence_class.long(), len(CLASSES)).to(share)  # G x 5
        return share @ member

    def forward(self, visible: Tensor, thermal: Tensor) -> Guidance:
        """Encode raw images, visible B x 3 x H x W RGB and thermal B x 1 x H x W in [0, 1]."""
        f_visible, f_thermal = self.encode(visible, thermal)
        return Guidance(
            vector=self.mlp(f_visible * f_thermal),
            scores=self.class_scores(f_visible),
            severity=torch.sigmoid(self.severity_head(f_visible)))
