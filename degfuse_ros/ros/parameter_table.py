# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The one table of the node's parameters.

It drives the declarations (`parameters.py`), the launch arguments (`launch/fuse.launch.py`) and
is checked against `config/fuse.yaml` by a test. Nothing of ROS is imported here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Value = str | float | int | bool | list[str]

# The names that ROS gives these types in its own messages and tools.
TYPE_NAMES = {str: 'string', float: 'double', int: 'integer', bool: 'bool', list: 'string_array'}

# A name that ROS takes as part of a namespace; empty for the node's own.
NAME = re.compile(r'([A-Za-z][A-Za-z0-9_]*)?')

TRUTH = {'true': True, 'false': False}


class Values(Protocol):
    """Where present values are read from: the node's, or those of one rig."""

    def value(self, name: str) -> Any:
        """Return the present value of a parameter."""


@dataclass(frozen=True)
class ParameterRow:
    """One parameter of the node. The type of its default is its type; a list is one of names.

    Attributes:
        name: the name in ROS, in the params file and of the launch argument.
        default: value where nothing else is given.
        description: one sentence, with the unit.
        minimum: smallest allowed number, itself included; None for all but numbers.
        maximum: largest allowed number, itself included; None for all but numbers.
        choices: the allowed strings; empty for any.
        while_running: True where a change takes effect at the next frame, False where the node
            must be cleaned up and configured again.
        per_rig: True where a rig may have a value of its own, as RIG.NAME.
        check: says in one line why a value of the right type cannot be used, '' where it can;
            None where all can.
    """

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    while_running: bool = True
    per_rig: bool = True
    check: Callable[[Any], str] | None = None

    @property
    def allowed(self) -> str:
        """The type and the allowed values in words, as '0.001 to 10.0 (double)'."""
        kind = TYPE_NAMES[type(self.default)]
        if self.choices:
            return f'one of {", ".join(self.choices)} ({kind})'
        if self.minimum is not None:
            return f'{self.minimum} to {self.maximum} ({kind})'
        if isinstance(self.default, bool):
            return f'true or false ({kind})'
        if isinstance(self.default, list):
            return f'one or more different names of letters, digits and _ ({kind})'
        return f'any {kind}'

    def problem(self, value: Any) -> str | None:
        """Say in one line why a value is not allowed, or return None where it is."""
        if type(value) is type(self.default) and self._fits(value):
            reason = self.check(value) if self.check else ''
            return f'{self.name} cannot be {value!r}: {reason}' if reason else None
        given = TYPE_NAMES.get(type(value), type(value).__name__)
        return f'{self.name} must be {self.allowed}. Got {value!r} ({given})'

    def _fits(self, value: Any) -> bool:
        """Tell whether a value of the right type is allowed."""
        if self.choices:
            return value in self.choices
        if self.minimum is not None and self.maximum is not None:
            return self.minimum <= value <= self.maximum
        if isinstance(value, list):
            return (0 < len(value) == len(set(map(str, value)))
                    and all(isinstance(name, str) and NAME.fullmatch(name) for name in value))
        return True

    def converted(self, value: Any) -> Any:
        """Return a value as this row's type where nothing is lost by it.

        YAML writes a whole number of seconds without a point, and rclpy gives some lists as
        tuples.
        """
        if isinstance(self.default, float) and type(value) is int:
            return float(value)
        return list(value) if isinstance(value, tuple) else value

    def parse(self, text: str) -> Any:
        """Turn the text of a launch argument into a value.

        Raises:
            ValueError: the text is not an allowed value; the message is one line.
        """
        kind = type(self.default)
        try:
            if kind is bool:
                value: Any = TRUTH[text.lower()]
            elif kind is list:
                value = [name.strip(' \'"') for name in text.strip(' []').split(',')]
            else:
                value = kind(text)
        except (ValueError, KeyError) as error:
            raise ValueError(f'{self.name} must be {self.allowed}. Got {text!r}') from error
        problem = self.problem(value)
        if problem:
            raise ValueError(problem)
        return value


def engine_options(value: Callable[[str], Any]) -> dict[str, Any]:
    """Return the arguments of `FusionEngine.load` that parameters ask for.

    Args:
        value: returns the value of a parameter by its name.
    """
    return {'model': value('model') or None, **{
        name: value(name) for name in ('device', 'guidance_period', 'compile', 'precision')}}


def calibration_problem(path: str) -> str:
    """Say in one line why a calibration file cannot be used; '' where it can, or is not named."""
    # Imported here: what only reads names and defaults needs no arrays.
    from degfuse_ros.camera.calibration import CalibrationError, load_calibration
    try:
        if path:
            load_calibration(Path(path))
    except CalibrationError as error:
        return str(error)
    return ''


TABLE: tuple[ParameterRow, ...] = (
    ParameterRow(
        'model', '', 'Weights: empty or base for the large shipped model, lite for the small '
        'one (CPUs, small Jetsons), or the path of a .safetensors file.', while_running=False,
        per_rig=False),
    ParameterRow(
        'device', 'auto', 'Where the network runs: auto (CUDA where present), cpu, cuda or '
        'cuda:N.', while_running=False, per_rig=False),
    # What the evaluation's figures were made with.
    ParameterRow(
        'precision', 'auto', 'Of the network: auto is float16 on CUDA and float32 on a CPU; '
        'bfloat16 is faster on a CPU that has it, at most a few grey levels off.',
        choices=('auto', 'float32', 'bfloat16'), while_running=False, per_rig=False),
    # Off by default: while it compiles, half a minute or more the first time, frames come late.
    ParameterRow(
        'compile', False, 'On CUDA, compile each image size in the background, for faster frames '
        'once that is done. Without effect on a CPU.', while_running=False, per_rig=False),
    # Off by default: only then does every frame stand for itself, as the evaluation's do.
    ParameterRow(
        'guidance_period', 1, 'The degradation is looked for in every n-th frame, and smoothed '
        'where n is above 1.', 1, 1000, while_running=False, per_rig=False),
    ParameterRow(
        'rigs', [''], 'Pairs of cameras, each by the namespace of its topics; empty for topics in '
        'the namespace of the node.', while_running=False, per_rig=False),
    # Cameras on one trigger deliver within a few milliseconds of each other; 5 ms is a sixth of
    # the period at 30 Hz, so that the wait is lost in the latency of the cameras.
    ParameterRow(
        'batch_wait', 0.005, 'A pair waits this long for those of other rigs that are due by '
        'then, to be fused with them in one batch, in seconds; 0 never waits.', 0.0, 0.1,
        per_rig=False),
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
    ParameterRow(
        'compressed_format', 'jpeg', 'File format of fused/image/compressed: jpeg for small, '
        'png for exact images.', choices=('jpeg', 'png')),
    ParameterRow(
        'visible_transport', 'raw', 'Take visible/image itself, or visible/image/compressed '
        '(JPEG or PNG).', choices=('raw', 'compressed')),
    ParameterRow(
        'thermal_transport', 'raw', 'Take thermal/image itself, or thermal/image/compressed '
        '(JPEG, or PNG of 8 or 16 bits).', choices=('raw', 'compressed')),
    ParameterRow(
        'thermal_range', 'percentile', 'How values of more than 8 bits become grey: percentile '
        'follows the scene, fixed keeps thermal_low to thermal_high, local_contrast is the '
        'percentile window, then CLAHE (8-bit images, which need no window, too).',
        choices=('percentile', 'fixed', 'local_contrast')),
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
        'thermal_unit', 'celsius', 'Unit of thermal_low and thermal_high: celsius, or counts as '
        'the camera sends them.', choices=('counts', 'celsius')),
    # From freezing water to hotter than people, animals and engines' outsides.
    ParameterRow(
        'thermal_low', 0.0, 'Shown as black by the fixed range.', -100_000.0, 100_000.0),
    ParameterRow(
        'thermal_high', 50.0, 'Shown as white by the fixed range.', -100_000.0, 100_000.0),
    # Hundredths of a kelvin: what FLIR calls TLinear in its high resolution.
    ParameterRow(
        'thermal_scale', 0.01, 'Degrees per count of a radiometric camera.', 1e-6, 1000.0),
    ParameterRow(
        'thermal_offset', -273.15, 'Degrees Celsius at count 0 of a radiometric camera.',
        -100_000.0, 100_000.0),
    ParameterRow(
        'thermal_polarity', 'white_hot', 'How the thermal camera shows heat: black_hot images are '
        'inverted, since the network takes bright for hot.', choices=('white_hot', 'black_hot')),
    # Longer than a stutter of the driver, shorter than the closing of a shutter at 30 Hz.
    ParameterRow(
        'frozen_after', 10, 'So many identical thermal images in a row count as a lost camera, '
        'until they move; 0 never, as for simulated cameras without noise.', 0, 1000),
    ParameterRow(
        'calibration', '', 'Path of the file that degfuse calibrate wrote for these two cameras; '
        'empty where both see the same view.', check=calibration_problem),
    ParameterRow(
        'lazy', False, 'Whether to unsubscribe from the cameras while nobody subscribes to any '
        'fused topic.'),
    ParameterRow(
        'lost_after', 2.0, 'A topic that is silent this long is reported as lost, in seconds.',
        0.1, 3600.0),
    ParameterRow(
        'lost_camera', 'publish_other', 'While one camera is lost: publish_other (its images '
        'alone) or silent.', choices=('publish_other', 'silent')),
    ParameterRow(
        'diagnostics_period', 1.0, 'Time between two reports on /diagnostics, in seconds.',
        0.1, 60.0, per_rig=False),
)

ROWS: dict[str, ParameterRow] = {row.name: row for row in TABLE}


def row_of(name: str) -> tuple[str, ParameterRow] | None:
    """Return the rig and the row that a parameter's name means, or None where it means none.

    Args:
        name: as 'sync_slop', whose rig is '', or 'front.sync_slop', whose rig is 'front'.
    """
    rig, point, plain = name.rpartition('.')
    row = ROWS.get(plain)
    if row is None or (point and not (rig and row.per_rig and NAME.fullmatch(rig))):
        return None
    return rig, row


def problem_between(values: Mapping[str, Any]) -> str | None:
    """Say in one line which values contradict each other, or return None.

    Args:
        values: every parameter of one rig by name.
    """
    low, high = values['thermal_percentile_low'], values['thermal_percentile_high']
    if low >= high:
        return ('thermal_percentile_low must be below thermal_percentile_high. '
                f'Got {low} and {high}')
    low, high = values['thermal_low'], values['thermal_high']
    if low >= high:
        return f'thermal_low must be below thermal_high. Got {low} and {high}'
    return None
