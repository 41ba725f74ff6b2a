# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The node's parameters without a node: from its params file and from single settings.

For commands that do what the node does. Nothing of ROS is imported here.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from degfuse_ros.ros.parameter_table import ROWS, problem_between

# Keys of a params file that mean this node, by its usual name and namespace.
_NODES = ('/**', '/*', 'fuse', '/fuse', '/**/fuse', '**')
# What a params file may hold besides; it means nothing without ROS.
_OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides')


class ParameterFileError(ValueError):
    """A params file or a setting that cannot be used; the message is one line."""


def read_parameters(file: Path | None, settings: Iterable[str]
                    ) -> tuple[dict[str, Any], list[str]]:
    """Return the value of every parameter, and the names in the file that mean nothing.

    Args:
        file: a params file as the node takes it; None for none.
        settings: 'name=value', which stand above the file.

    Raises:
        ParameterFileError: the file cannot be read, or a value is not allowed.
    """
    values: dict[str, Any] = {name: row.default for name, row in ROWS.items()}
    unknown = []
    for name, value in _in_file(file) if file is not None else ():
        if name not in ROWS:
            unknown += [] if name.startswith(_OF_ROS) else [name]
            continue
        value = ROWS[name].converted(value)
        problem = ROWS[name].problem(value)
        if problem:
            raise ParameterFileError(f'{file}: {problem}')
        values[name] = value
    for setting in settings:
        name, equals, text = setting.partition('=')
        if name not in ROWS or not equals:
            raise ParameterFileError(f'--set {setting}: give NAME=VALUE, with NAME one of '
                                     f'{", ".join(ROWS)}')
        try:
            values[name] = ROWS[name].parse(text)
        except ValueError as error:
            raise ParameterFileError(f'--set {setting}: {error}') from error
    contradiction = problem_between(values)
    if contradiction:
        raise ParameterFileError(contradiction)
    return values, unknown


def _in_file(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the parameters that a params file sets for the node."""
    try:
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        raise ParameterFileError(f'{file} cannot be read: {error.strerror}') from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ParameterFileError(f'{file} is not YAML: {" ".join(str(error).split())[:200]}'
                                 ) from error
    if not isinstance(content, dict) or not set(content) & set(_NODES):
        raise ParameterFileError(f'{file} sets nothing for the node: it needs a part /**: or '
                                 'fuse:, and in that ros__parameters:')
    for node in _NODES:
        part = content.get(node)
        parameters = part.get('ros__parameters') if isinstance(part, dict) else None
        if isinstance(parameters, dict):
            yield from ((str(name), value) for name, value in parameters.items())
