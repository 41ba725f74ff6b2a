# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Structure of a model: what must be known to build it before its weights are read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

CLASSES = ('clean', 'fog', 'low_light', 'overexposed', 'rain')
"""Class ids in the order of every score vector."""

DEGRADATIONS = CLASSES[1:]
"""The classes that have a severity."""

TASKS = ('fusion', 'reconstruction')
"""What a decoder pass is for; drives the gates through the task embedding (equation 20)."""

GUIDANCE_INPUTS = ('raw', 'enhanced', 'constant')
"""What the gates' guidance comes from; the last two exist for ablations."""

TOWER_FOLDER = Path(__file__).parent
"""Folder of our own OpenCLIP model configs, one JSON file each, named as the tower."""

TINY_TOWER = 'degfuse-vit-tiny-16'
"""Base's tower: 2.9 M parameters, so that the guidance stays below its budget of 8 M."""

LITE_TOWER = 'degfuse-vit-micro-16'
"""Lite's tower: narrower and shallower, two fifths of base's time. Patches of 32 pixels cost no
more at full width, but learnt the training pictures by heart (84 % right on unseen ones, where
base's tower has 95 %)."""

TOWERS = {'base': TINY_TOWER, 'lite': LITE_TOWER}
"""Each named model's own tower."""

MODELS = tuple(TOWERS)
"""Names that `structure` knows."""

# Settings of an OpenCLIP vision tower that `VisionTower` knows; any other needs open_clip.
_PLAIN_SETTINGS = {'image_size', 'patch_size', 'width', 'layers', 'head_width', 'mlp_ratio'}


def tower_sizes(name: str, model: dict[str, Any]) -> dict[str, Any]:
    """Turn an OpenCLIP model config into `ModelConfig.tower`.

    Args:
        name: the config's name in OpenCLIP.
        model: its content: embed_dim, vision_cfg, and quick_gelu where it has one.

    Returns:
        `VisionTower`'s arguments for a plain vision transformer, otherwise a reference to the
        name, which only open_clip can build.
    """
    vision = model['vision_cfg']
    image_size = vision.get('image_size', 224)
    if not set(vision) <= _PLAIN_SETTINGS or not isinstance(vision.get('layers', 12), int):
        return {'open_clip': name, 'image_size': image_size, 'embed_dim': model['embed_dim']}
    width = vision.get('width', 768)
    return {
        'image_size': image_size,
        'patch_size': vision.get('patch_size', 16),
        'width': width,
        'layers': vision.get('layers', 12),
        'heads': width // vision.get('head_width', 64),
        'mlp_ratio': vision.get('mlp_ratio', 4.0),
        'embed_dim': model['embed_dim'],
        'quick_gelu': model.get('quick_gelu', False),
    }


def _own_tower(name: str = TINY_TOWER) -> dict[str, Any]:
    return tower_sizes(name, json.loads((TOWER_FOLDER / f'{name}.json').read_text()))


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Sizes of the fusion network and of its guidance tower.

    Attributes:
        widths: channels per encoder level; level 0 lives at half the image's resolution.
        hidden: hidden channels of one expert per level.
        kernels: one (height, width) per expert; same height, same width and square structures.
        active: experts computed per layer and image (K).
        guidance_dim: length of the guidance vector d_deg (equation 7).
        tower: vision tower sizes, or {'open_clip': NAME, 'image_size': N, 'embed_dim': N} for one
            that only open_clip can build.
        sentence_groups: number of (class, severity word) sentence groups stored with the model.
        enhancement: False leaves PKDM out; both images reach the network unchanged.
        prior_channels: channels of PKDM's dehaze and low light stages.
        derain_channels: channels of PKDM's derain stage.
        guidance: one of `GUIDANCE_INPUTS`: DAGM reads the raw images or PKDM's output, or the
            gates read a constant in place of d_deg, so that every image is routed alike.

    Raises:
        ValueError: a size that cannot work, with the offending value.
    """

    # 32 channels at half resolution carry the 12 values of a 2x2 RGB block with room to spare.
    widths: tuple[int, ...] = (32, 64, 128, 256)
    # Few hidden channels where there are many outer ones: most of the detail is at the top levels.
    hidden: tuple[int, ...] = (32, 48, 48, 32)
    kernels: tuple[tuple[int, int], ...] = (
        (1, 3), (1, 5), (1, 7), (3, 1), (5, 1), (7, 1), (3, 3), (5, 5))
    active: int = 2
    guidance_dim: int = 512
    tower: dict[str, Any] = dataclasses.field(default_factory=_own_tower)
    sentence_groups: int = 13
    enhancement: bool = True
    prior_channels: int = 24
    derain_channels: int = 32
    guidance: str = 'raw'

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.hidden) or len(self.widths) < 2:
            raise ValueError('widths and hidden need the same length, two levels or more. '
                             f'Got {self.widths} and {self.hidden}.')
        if not 1 <= self.active <= len(self.kernels):
            raise ValueError(f'active must lie in 1..{len(self.kernels)} (the number of experts). '
                             f'Got {self.active}.')
        if any(side % 2 == 0 for kernel in self.kernels for side in kernel):
            raise ValueError(f'expert kernels need odd sides. Got {self.kernels}.')
        if not {'image_size', 'embed_dim'} <= set(self.tower):
            raise ValueError(f'tower needs image_size and embed_dim. Got {self.tower}.')
        if self.guidance not in GUIDANCE_INPUTS:
            raise ValueError(f"guidance must be one of {', '.join(GUIDANCE_INPUTS)}. "
                             f'Got {self.guidance!r}.')
        if self.guidance == 'enhanced' and not self.enhancement:
            raise ValueError("guidance 'enhanced' needs enhancement. "
                             f'Got enhancement {self.enhancement!r}.')

    @property
    def multiple(self) -> int:
        """Height and width of the padded image are multiples of this."""
        return 2 ** len(self.widths)

    def to_json(self) -> str:
        """Return the config as a JSON object, the form it has in a weight file's metadata."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is not such an object.
        """
        try:
            values = json.loads(text)
            for name in ('widths', 'hidden'):
                values[name] = tuple(values[name])
            values['kernels'] = tuple(tuple(kernel) for kernel in values['kernels'])
            return cls(**values)
        except (TypeError, KeyError, json.JSONDecodeError) as error:
            raise ValueError(f'not a model config: {error}. Got {text[:80]!r}.') from error


def structure(name: str) -> ModelConfig:
    """Return the structure of a named model.

    Args:
        name: one of `MODELS`: base for GPUs, lite for CPUs and small Jetsons.

    Raises:
        ValueError: another name.
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}. Got {name!r}.")
    if name == 'base':
        return ModelConfig()
    # Chosen by the engine's time at 640x480 on two CPU cores, 0.43 of base's (76 ms beside 176 in
    # one run), and by how well the luminance imitates base's after 500 steps, 26.3 dB: level 0 at
    # half resolution is dearest, and there wide experts on narrow features are worth 0.2 dB for 2
    # to 5 ms. Half of PKDM's channels restore as well as all of them, a third 0.6 dB worse.
    return ModelConfig(
        widths=(16, 32, 64, 128), hidden=(32, 32, 32, 32), prior_channels=16, derain_channels=16,
        tower=_own_tower(TOWERS[name]))
