# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The file of a golden replay: JSON that a person can read, one line per result."""
from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.golden_frame import GoldenFrame

_FORMAT = 1

TOLERANCES = {
    'pairs': 0.0, 'class': 0.05, 'routing': 0.05, 'mean': 1.0, 'deviation': 1.0,
    'sharpness': 0.3, 'colour': 2.3}
"""How far a replay may be off, by what is checked; `Golden.tolerances` says what each means.

Without AVX in torch, OpenCV and NumPy, or with other numbers of threads, the values of the demo
bag moved by less than a hundredth of these, in bfloat16 by up to a half. 2.3 in colour is the
difference that a person just sees (Mahy, Van Eycken and Oosterlinck, Color Research & Application
19, 1994).
"""


@dataclass(frozen=True)
class Golden:
    """What a replay is expected to give.

    Attributes:
        tool: version of degfuse_ros that recorded it.
        model: name of the weight file.
        model_hash: of its tensors.
        topics: names of the 'visible' and the 'thermal' topic.
        parameters: of the node, by name.
        tolerances: by what is checked.
            pairs: pairs that may be missing, or too many, or of other images or another size.
            class: where the class differs, how far the scores of the two are apart.
            routing: the largest difference of an expert's weight.
            mean: the largest of red, green and blue, in grey levels.
            deviation: of the luminance, in grey levels.
            sharpness: in grey levels.
            colour: the largest CIE 1976 distance of two cells of the thumbnails.
        frames: the results.
    """

    tool: str
    model: str
    model_hash: str
    topics: dict[str, str]
    parameters: dict[str, Any]
    tolerances: dict[str, float]
    frames: list[GoldenFrame]

    def text(self) -> str:
        """Return what is in the file."""
        head = {'degfuse_golden': _FORMAT, **asdict(self), 'pairs': len(self.frames)}
        frames = ',\n'.join(f'  {json.dumps(frame)}' for frame in head.pop('frames'))
        return f'{json.dumps(head, indent=1)[:-2]},\n "frames": [\n{frames}\n ]\n}}\n'


def read_golden(path: Path) -> Golden:
    """Read the file of a golden replay.

    Raises:
        BagError: there is none, or it cannot be used; one line.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise BagError(f'{path} does not exist: record it with --record') from error
    except OSError as error:
        raise BagError(f'{path} cannot be read: {error.strerror}') from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise BagError(f'{path} is not JSON: {error}. Record it anew with --record --overwrite'
                       ) from error
    if not isinstance(content, dict) or 'degfuse_golden' not in content:
        raise BagError(f'{path} is JSON, but no golden file: give another --golden')
    if content['degfuse_golden'] != _FORMAT:
        raise BagError(f'{path} has version {content["degfuse_golden"]!r} of the golden format, '
                       f'this degfuse reads {_FORMAT}: record it anew with --record --overwrite')
    try:
        return _checked(content)
    except (KeyError, TypeError, ValueError) as error:
        reason = f'{error} is missing' if isinstance(error, KeyError) else error
        raise BagError(f'{path} is damaged: {reason}. Record it anew with --record --overwrite'
                       ) from error


def tolerance_problem(name: str, value: Any) -> str:
    """Say in one line why a tolerance cannot be used; '' where it can."""
    if name not in TOLERANCES:
        return f'there is no tolerance {name!r}, but {", ".join(TOLERANCES)}'
    if type(value) not in (int, float) or not (isfinite(value) and value >= 0):
        return f'tolerance {name} must be a number of 0 or more. Got {value!r}'
    return ''


def _checked(content: dict[str, Any]) -> Golden:
    """Build what the file holds.

    Raises:
        KeyError, TypeError, ValueError: it does not hold that.
    """
    frames = [GoldenFrame(**{**frame, 'size': tuple(frame['size'])})
              for frame in content['frames']]
    if content['pairs'] != len(frames):
        raise ValueError(f'"pairs" is {content["pairs"]}, but it has {len(frames)} frames')
    for frame in frames:
        frame.colours()
    tolerances = dict(content['tolerances'])
    for name, value in tolerances.items():
        if problem := tolerance_problem(name, value):
            raise ValueError(problem)
    return Golden(str(content['tool']), str(content['model']), str(content['model_hash']),
                  dict(content['topics']), dict(content['parameters']),
                  {**TOLERANCES, **tolerances}, frames)
