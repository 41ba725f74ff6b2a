# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse train`: train the guidance (stage 1) or the fusion network (stage 2)."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser('train', help='train the guidance or the fusion network')
    parser.add_argument('stage', choices=('guidance', 'fusion'), help='which stage to train')
    parser.add_argument('--config', nargs='+', required=True, metavar=('FILE', 'key=value'),
                        help='YAML file of settings, then settings to override')
    parser.set_defaults(run=run)


def _stage(name: str) -> tuple[Any, Callable[[Any], dict[str, float]]]:
    """Return the class of a stage's settings, and what runs it."""
    from degfuse_ros.training.config import FusionConfig, GuidanceConfig
    if name == 'guidance':
        from degfuse_ros.training.guidance import train_guidance
        return GuidanceConfig, train_guidance
    from degfuse_ros.training.fusion import train_fusion
    return FusionConfig, train_fusion


def run(args: argparse.Namespace) -> int:
    """Train, print the result as one JSON line, and return the exit status."""
    try:
        settings, train = _stage(args.stage)
        from degfuse_ros.training.checkpoint import checkpoint_path
        from degfuse_ros.training.config import ConfigError, load_config
        from degfuse_ros.training.dataset import DataError
    except ModuleNotFoundError as error:
        print(f'degfuse train: {error.name} is not installed. Install what training needs: '
              'pip install open_clip_torch torchvision PyYAML tensorboard', file=sys.stderr)
        return 1
    import torch

    from degfuse_ros.network.model_file import ModelFileError
    from degfuse_ros.training.stop import TrainingStopped
    first = os.environ.get('RANK', '0') == '0'  # of the processes that torchrun started
    try:
        config = load_config(settings, Path(args.config[0]), args.config[1:])
        result = train(config)
    except TrainingStopped as stop:
        if first:
            print(f'{stop}. Go on with: {_go_on(args)}')
        return stop.status
    except torch.OutOfMemoryError as error:
        reason = str(error).partition('. ')[0]
        print(f'degfuse train: {reason}. Halve batch, or take a smaller size.',
              file=sys.stderr)
        return 1
    except (ConfigError, DataError, ModelFileError, OSError) as error:
        print(f'degfuse train: {error}', file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    if first:
        values = {name: round(value, 4) for name, value in result.items()}
        print(json.dumps({'model': config.out, 'checkpoint': str(checkpoint_path(config.out)),
                          **values}))
    return 0


def _go_on(args: argparse.Namespace) -> str:
    """Return the command that goes on from the checkpoint."""
    settings = [text for text in args.config if not text.startswith('resume=')]
    processes = os.environ.get('WORLD_SIZE', '1')
    start = ['degfuse'] if processes == '1' else [
        'torchrun', f'--nproc-per-node={processes}', '-m', 'degfuse_ros.cli.main']
    return shlex.join([*start, 'train', args.stage, '--config', *settings, 'resume=true'])
