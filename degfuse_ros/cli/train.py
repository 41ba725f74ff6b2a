# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse train`: train the guidance (stage 1) or the fusion network (stage 2)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add the subcommand to `degfuse`."""
    parser = subparsers.add_parser('train', help='train the guidance or the fusion network')
    parser.add_argument('stage', choices=('guidance', 'fusion'), help='which stage to train')
    parser.add_argument('--config', nargs='+', required=True, metavar=('FILE', 'key=value'),
                        help='YAML file of settings, then settings to override')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, print the result as one JSON line, and return the exit status."""
    try:
        from degfuse_ros.training.config import (
            ConfigError,
            FusionConfig,
            GuidanceConfig,
            load_config,
        )
        from degfuse_ros.training.dataset import DataError
        if args.stage == 'guidance':
            from degfuse_ros.training.guidance import train_guidance
        else:
            from degfuse_ros.training.fusion import train_fusion
    except ModuleNotFoundError as error:
        print(f'degfuse train: {error.name} is not installed. Install what training needs: '
              'pip install open_clip_torch peft torchvision PyYAML', file=sys.stderr)
        return 1
    from degfuse_ros.network.model_file import ModelFileError
    path, settings = Path(args.config[0]), args.config[1:]
    try:
        if args.stage == 'guidance':
            result = train_guidance(load_config(GuidanceConfig, path, settings))
        else:
            result = train_fusion(load_config(FusionConfig, path, settings))
    except (ConfigError, DataError, ModelFileError, OSError) as error:
        print(f'degfuse train: {error}', file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    print(json.dumps({name: round(value, 4) for name, value in result.items()}))
    return 0
