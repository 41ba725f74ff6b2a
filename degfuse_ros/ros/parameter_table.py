# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The one table of the node's parameters.

It drives the declarations (`parameters.py`), the launch arguments (`launch/fuse.launch.py`) and
is checked against `config/fuse.yaml` by a test. Nothing of ROS is imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Value = str | float | int

# The names that ROS gives these types in its own messages and tools.
TYPE_NAMES = {str: 'string', float: 'double', int: 'integer'}


@dataclass(frozen=True)
class ParameterRow:
    """One parameter of the node. The type of its default is its type.

    Attributes:
        name: the name in ROS, in the params file and of the launch argument.
        default: value where nothing else is given.
        description: one sentence, with the unit.
        minimum: smallest allowed number, itself included; None for strings.
        maximum: largest allowed number, itself included; None for strings.
        choices: the allowed strings; empty for any.
        while_running: True where a change takes effect at the next frame, False where the node
            must be cleaned up and configured again.
    """

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    while_running: bool = True

    @property
    def allowed(self) -> str:
        """The type and the allowed values in words, as '0.001 to 10.0 (double)'."""
        if self.choices:
            return f'one of {", ".join(self.choices)} (string)'
        if self.minimum is not None:
            return f'{self.minimum} to {self.maximum} ({TYPE_NAMES[type(self.default)]})'
        return f'any {TYPE_NAMES[type(self.default)]}'

    def problem(self, value: Any) -> str | None:
        """Say in one line why a value is not allowed, or return None where it is."""
        wrong_type = type(value) is not type(self.default)
        if not wrong_type and self.choices and value not in self.choices:
            wrong = True
        elif not wrong_type and self.minimum is not None and self.maximum is not None:
            wrong = not self.minimum <= value <= self.maximum
        else:
            wrong = wrong_type
        if not wrong:
            return None
        given = TYPE_NAMES.get(type(value), type(value).__name__)
        return f'{self.name} must be {self.allowed}. Got {value!r} ({given})'

    def parse(self, text: str) -> Value:
        """Turn the text of a launch argument into a value.

        Raises:
            ValueError: the text is not an allowed value; the message is one line.
        """
        kind = type(self.default)
        try:
            value: Value = kind(text)
        except ValueError as error:
            raise ValueError(f'{self.name} must be {self.allowed}. Got {text!r}') from error
        problem = self.problem(value)
        if problem:
            raise ValueError(problem)
        return value


TABLE: tuple[ParameterRow, ...] = (
    ParameterRow(
        'model', '', 'Weights: empty or base for the large shipped model, lite for the small '
        'one (CPUs, small Jetsons), or the path of a .safetensors file.', while_running=False),
    ParameterRow(
        'device', 'auto', 'Where the network runs: auto (CUDA where present), cpu, cuda or '
        'cuda:N.', while_running=False),
    # Just above half the period of a 30 Hz camera (0.0167): pairs any two free-running 30 Hz
    # streams, and never frames that are a whole period apart.
    ParameterRow(
        'sync_slop', 0.02, 'Stamps of a pair differ by less than this, in seconds.',
        0.0001, 10.0),
    ParameterRow(
        'sync_queue_size', 10, 'Images per topic that wait for a partner.', 1, 1000),
    ParameterRow(
        'pairing', 'exact_once', 'Which images pair: exact_once (each at most once) or nearest '
        '(each visible image with the nearest thermal one, which serves several).',
        choices=('exact_once', 'nearest')),
    # Cameras that count from their start are 1.8e9 s away from those that tell the time.
    ParameterRow(
        'thermal_time_offset', 0.0, 'Added to thermal stamps for pairing only, in seconds.',
        -1e10, 1e10),
    # One period of a 9 Hz camera (0.111), the slowest in use, and its jitter.
    ParameterRow(
        'thermal_max_age', 0.15, 'With pairing nearest, a thermal image serves visible ones that '
        'are newer by at most this, in seconds.', 0.0, 10.0),
    # Off by default: a bag replayed without /clock carries stamps of the past.
    ParameterRow(
        'max_age', 0.0, 'A pair older than this when its turn comes is dropped, in seconds; '
        '0 keeps every pair.', 0.0, 3600.0),
    ParameterRow(
        'output_encoding', 'rgb8', 'Encoding of fused/image.',
        choices=('rgb8', 'bgr8', 'mono8')),
    # One percent at either end leaves out dead pixels and the sun; a hot object smaller than that
    # saturates to white and so stays visible.
    ParameterRow(
        'thermal_percentile_low', 1.0, 'Percentile of a 16-bit thermal image shown as black.',
        0.0, 100.0),
    ParameterRow(
        'thermal_percentile_high', 99.0, 'Percentile of a 16-bit thermal image shown as white.',
        0.0, 100.0),
    # At 30 Hz a change of 90 % takes 0.75 s: slower than flicker, faster than a scene change.
    ParameterRow(
        'thermal_smoothing', 0.9, 'Share of the former 16-bit thermal window that each frame '
        'keeps; 0 follows every frame.', 0.0, 0.999),
    ParameterRow(
        'lost_after', 2.0, 'A topic that is silent this long is reported as lost, in seconds.',
        0.1, 3600.0),
    ParameterRow(
        'lost_camera', 'publish_other', 'While one camera is lost: publish_other (its images '
        'alone) or silent.', choices=('publish_other', 'silent')),
    ParameterRow(
        'diagnostics_period', 1.0, 'Time between two reports on /diagnostics, in seconds.',
        0.1, 60.0, while_running=False),
)

ROWS: dict[str, ParameterRow] = {row.name: row for row in TABLE}


def problem_between(values: Mapping[str, Any]) -> str | None:
    """Say in one line which values contradict each other, or return None.

    Args:
        values: every parameter by name.
    """
    low, high = values['thermal_percentile_low'], values['thermal_percentile_high']
    if low >= high:
        return ('thermal_percentile_low must be below thermal_percentile_high. '
                f'Got {low} and {high}')
    return None
