# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Training settings: YAML files read into dataclasses that check themselves."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from degfuse_ros.network.config import GUIDANCE_INPUTS, MODELS

PRECISIONS = ('bf16', 'float32')
"""Arithmetic of the network in training."""


class ConfigError(ValueError):
    """A setting that is unknown or cannot work; the message is one line."""


@dataclasses.dataclass(kw_only=True)
class TrainingConfig:
    """What both stages have. The reasons for the values stand in config/train/*.yaml."""

    data: str
    out: str
    split: str = 'train'
    validation_split: str = 'val'
    exclude_sources: tuple[str, ...] = ()
    size: tuple[int, int]
    zoom: tuple[float, float]
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    warmup: int
    ema: float = 0.999
    precision: str = 'bf16'
    capture: bool = True
    device: str = 'cuda'
    seed: int
    log_every: int = 50
    save_every: int = 2000
    grid_every: int = 1000
    minutes: float | None = None
    resume: bool = False
    tensorboard: bool = True


@dataclasses.dataclass(kw_only=True)
class GuidanceConfig(TrainingConfig):
    """Stage 1. The reasons for the values stand in config/train/guidance.yaml."""

    model: str = 'base'
    clip_name: str | None = None
    clip_checkpoint: str | None = None
    lora_rank: int = 16
    size: tuple[int, int] = (384, 512)
    zoom: tuple[float, float] = (0.75, 1.3)
    steps: int = 5500
    batch: int = 96
    learning_rate: float = 5e-4
    weight_decay: float = 0.05
    warmup: int = 200
    contrastive_weight: float = 1.0
    severity_weight: float = 2.0
    real_share: float = 0.2
    seed: int = 1


@dataclasses.dataclass(kw_only=True)
class FusionConfig(TrainingConfig):
    """Stage 2. The reasons for the values stand in config/train/fusion.yaml."""

    guidance: str
    model: str | None = None
    start: str | None = None
    teacher: str | None = None
    active: int = 2
    dense: bool = False
    enhancement: bool = True
    guidance_input: str = 'raw'
    size: tuple[int, int] = (288, 384)
    zoom: tuple[float, float] = (0.8, 1.2)
    steps: int = 5500
    batch: int = 32
    real: int = 6
    clean_share: float = 0.3
    learning_rate: float = 7e-4
    weight_decay: float = 1e-4
    warmup: int = 300
    pixel_weight: float = 2.0
    gradient_weight: float = 10.0
    reconstruction_weight: float = 1.0
    prior_weight: float = 2.0
    auxiliary_weight: float = 0.01
    exposure_weight: float = 1.0
    colour_weight: float = 5.0
    spatial_weight: float = 1.0
    smoothness_weight: float = 5.0
    distillation_weight: float = 2.0
    seed: int = 2


Settings = TypeVar('Settings', bound=TrainingConfig)


def _check(config: TrainingConfig) -> None:
    for name in ('steps', 'batch', 'log_every', 'save_every', 'grid_every', 'lora_rank', 'active'):
        if getattr(config, name, 1) < 1:
            raise ConfigError(f'{name} must be 1 or more. Got {getattr(config, name)!r}.')
    if min(config.size) < 32 or any(side % 16 for side in config.size):
        raise ConfigError(f'size needs two multiples of 16, 32 or more. Got {config.size!r}.')
    if Path(config.out).is_dir():  # would show only when the trained weights are written
        raise ConfigError(f'out must be a file. Got the folder {config.out}.')
    # The log's and the checkpoint's names are made from it: lr0.1 and lr0.2 would share them.
    if Path(config.out).suffix != '.safetensors':
        raise ConfigError(f'out must end in .safetensors. Got {config.out!r}.')
    if config.split == config.validation_split:
        raise ConfigError('validation_split must be another than split, or the scores say '
                          f'nothing of unseen pairs. Got {config.split!r} for both.')
    _check_values(config)
    if isinstance(config, FusionConfig):
        _check_fusion(config)


def _check_values(config: TrainingConfig) -> None:
    if not 0 < config.zoom[0] <= config.zoom[1]:
        raise ConfigError('zoom needs two scales above 0, the smaller one first. '
                          f'Got {config.zoom!r}.')
    for name in ('ema', 'clean_share', 'real_share'):
        if not 0 <= getattr(config, name, 0) <= 1:
            raise ConfigError(f'{name} must lie in 0..1. Got {getattr(config, name)!r}.')
    for name, value in vars(config).items():
        if (name == 'warmup' or name.endswith(('_weight', '_decay'))) and value < 0:
            raise ConfigError(f'{name} must be 0 or more. Got {value!r}.')
    if config.learning_rate <= 0:
        raise ConfigError(f'learning_rate must be above 0. Got {config.learning_rate!r}.')
    if config.precision not in PRECISIONS:
        raise ConfigError(f"precision must be one of {', '.join(PRECISIONS)}. "
                          f'Got {config.precision!r}.')
    model = getattr(config, 'model', None)
    if model is not None and model not in MODELS:
        raise ConfigError(f"model must be one of {', '.join(MODELS)}. Got {model!r}.")
    if config.minutes is not None and config.minutes <= 0:
        raise ConfigError(f'minutes must be above 0, or null. Got {config.minutes!r}.')


def _check_fusion(config: FusionConfig) -> None:
    if not 0 <= config.real < config.batch:
        raise ConfigError(f'real must lie in 0..{config.batch - 1}, below batch. '
                          f'Got {config.real!r}.')
    if config.guidance_input not in GUIDANCE_INPUTS:
        raise ConfigError(f"guidance_input must be one of {', '.join(GUIDANCE_INPUTS)}. "
                          f'Got {config.guidance_input!r}.')
    if not config.enhancement and config.guidance_input == 'enhanced':
        raise ConfigError('enhancement: false leaves out PKDM, which guidance_input: enhanced '
                          'reads. Give one or the other.')


def _scalar(kind: str, value: Any) -> Any:
    """Fit a YAML value to str, bool, int or float; TypeError or ValueError where it does not."""
    if kind in ('str', 'bool'):
        if not isinstance(value, str if kind == 'str' else bool):
            raise TypeError
        return value
    if isinstance(value, bool):
        raise TypeError
    number = float(value)  # YAML reads 5e-4 as text
    if not math.isfinite(number) or (kind == 'int' and number != int(number)):
        raise ValueError
    return int(number) if kind == 'int' else number


def _convert(field: dataclasses.Field[Any], value: Any) -> Any:
    """Fit a YAML value to its field's type."""
    kind = str(field.type)
    try:
        if kind.startswith('tuple['):
            item, end = kind[len('tuple['):-1].split(', ')
            if isinstance(value, str) or (end != '...' and len(value) != 2):
                raise TypeError
            return tuple(_scalar(item, each) for each in value)
        if kind.endswith(' | None') and value is None:
            return None
        return _scalar(kind.removesuffix(' | None'), value)
    except (TypeError, ValueError):
        raise ConfigError(f'{field.name} must be {kind}. Got {value!r}.') from None


def _parse(text: str, source: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'{source} is not YAML: {reason}.') from None


def load_config(kind: type[Settings], path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read a config.

    Args:
        kind: `GuidanceConfig` or `FusionConfig`.
        path: YAML file with one mapping.
        overrides: 'key=value' texts, values in YAML.

    Raises:
        ConfigError: file missing, unknown key (the nearest known one is named), wrong value.
    """
    if not path.is_file():
        raise ConfigError(f'no config file at {path}. The package ships config/train/*.yaml.')
    values = _parse(path.read_text(), str(path)) or {}
    if not isinstance(values, dict):
        raise ConfigError(f'{path} must hold settings as lines of key: value. '
                          f'Got {str(values)[:40]!r}.')
    for override in overrides:
        key, separator, text = override.partition('=')
        if not separator:
            raise ConfigError(f'settings are given as key=value. Got {override!r}.')
        values[key] = _parse(text, override)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, 1, 0.0)[0]
            raise ConfigError(f'unknown setting {key!r}. Did you mean {near!r}?')
    missing = [name for name, field in fields.items()
               if field.default is dataclasses.MISSING and values.get(name) is None]
    if missing:
        raise ConfigError(f"settings {', '.join(missing)} are needed: give them as key=value.")
    config = kind(**{key: _convert(fields[key], value) for key, value in values.items()})
    _check(config)
    return config
