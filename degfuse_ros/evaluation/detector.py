# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""An outside detector of road users, read from an ONNX file: never trained on our images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

ROAD_CLASSES = {0: 'person', 1: 'bicycle', 2: 'car', 3: 'motorcycle', 5: 'bus', 7: 'truck'}
"""COCO's numbers, of 80, of what a vehicle must see; other classes are not reported."""

INPUT_SHAPE = (1, 3, 352, 352)
OUTPUT_SHAPE = (1, 85, 22, 22)  # per cell: objectness, box of 4, 80 class scores

LOWEST_SCORE = 0.05
"""Average precision wants the unsure ones too; those down to 0.01 add 0.002 to it (measured)."""

SAME_OBJECT = 0.45
"""Intersection over union above which two boxes of a class are one object, as FastestDet's own."""

TILE_STARTS = (0.0, 0.25, 0.5)
"""Where half-size tiles start: what is up to a quarter of the image wide lies whole in one."""

Region = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""


class DetectorError(RuntimeError):
    """A detector file that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Detections:
    """What was found in one image, best first.

    Args:
        boxes: N x 4 float32, x1 y1 x2 y2 in pixels of the image, within it.
        scores: N float32, 0 to 1.
        classes: N int64, keys of ROAD_CLASSES.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, chosen: NDArray[Any]) -> Detections:
        """Return those that a mask or indices choose, in that order."""
        return Detections(self.boxes[chosen], self.scores[chosen], self.classes[chosen])

    def sure(self, lowest: float) -> Detections:
        """Return those with at least this score."""
        return self.only(self.scores >= np.float32(lowest))


class Detector:
    """FastestDet (github.com/dog-qiuqiu/FastestDet) on a CPU by onnxruntime.

    Build it with `Detector.load`.

    Attributes:
        name: the file's name without suffix.
        sha256: of the file.
    """

    def __init__(self, session: Any, name: str, sha256: str) -> None:
        self._session = session
        self._input = str(session.get_inputs()[0].name)
        self.name = name
        self.sha256 = sha256

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Read a detector.

        Args:
            path: ONNX file with one input 1 x 3 x 352 x 352 float32 (BGR, 0 to 1) and one output
                1 x 85 x 22 x 22 as FastestDet's.

        Raises:
            DetectorError: missing or unreadable, not ONNX, of other shapes, or no onnxruntime.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DetectorError(f'cannot read the detector {path}: {error.strerror}. Give the '
                                'path of FastestDet.onnx') from error
        session = _session(data, path)
        for what, needed, slots in (('input', INPUT_SHAPE, session.get_inputs()),
                                    ('output', OUTPUT_SHAPE, session.get_outputs())):
            got = [tuple(slot.shape) for slot in slots]
            if got != [needed] or slots[0].type != 'tensor(float)':
                raise DetectorError(
                    f'the detector {path} has {what} {_told(slots)}, one of {_shape(needed)} '
                    'tensor(float) is needed: give an ONNX file of FastestDet for 352 x 352')
        return cls(session, path.stem, hashlib.sha256(data).hexdigest())

    def find(self, image: NDArray[np.uint8]) -> Detections:
        """Find road users in the whole image and in overlapping tiles of half its size.

        Tiles are for the small ones. Of a large one they may add a piece that a border cuts off:
        the protocol has it so, for the reference and for what is compared with it alike.

        Args:
            image: H x W x 3 uint8 RGB.

        Returns:
            All of score LOWEST_SCORE or more, merged by non-maximum suppression per class.

        Raises:
            ValueError: an image of another type or shape.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError('the detector takes H x W x 3 uint8 RGB. '
                             f'Got shape {image.shape}, {image.dtype}.')
        parts = [self._look(image, region) for region in regions(image.shape[1], image.shape[0])]
        return suppress(Detections(np.concatenate([part.boxes for part in parts]),
                                   np.concatenate([part.scores for part in parts]),
                                   np.concatenate([part.classes for part in parts])))

    def _look(self, image: NDArray[np.uint8], region: Region) -> Detections:
        """Detections in one region, in pixels of the image."""
        left, top, width, height = region
        part = image[top:top + height, left:left + width]
        size = INPUT_SHAPE[3], INPUT_SHAPE[2]
        blob = cv2.dnn.blobFromImage(part, 1 / 255, size, swapRB=True, crop=False)
        found = decode(self._session.run(None, {self._input: blob})[0][0])
        scale = np.array([width, height, width, height], np.float32)
        start = np.array([left, top, left, top], np.float32)
        return Detections(found.boxes * scale + start, found.scores, found.classes)


def regions(width: int, height: int) -> Iterator[Region]:
    """Yield left, top, width, height of the whole image and of its 3 x 3 half-size tiles."""
    yield 0, 0, width, height
    tile_width, tile_height = -(-width // 2), -(-height // 2)  # rounded up: no column is missed
    for down in TILE_STARTS:
        for right in TILE_STARTS:
            # The last tile ends where the image ends.
            yield (min(round(right * width), width - tile_width),
                   min(round(down * height), height - tile_height), tile_width, tile_height)


def decode(output: NDArray[np.float32]) -> Detections:
    """Read the detector's answer for one region.

    FastestDet's layout: score = objectness^0.6 * (largest class score)^0.4; centre = ((column +
    tanh a) / columns, (row + tanh b) / rows); size = (sigmoid c, sigmoid d) of the region.

    Args:
        output: 85 x rows x columns: objectness, a, b, c, d and 80 class scores, scores in 0 to 1.

    Returns:
        Cells of a road class with score LOWEST_SCORE or more; boxes in fractions of the region,
        cut at its border.
    """
    classes = output[5:].argmax(0)
    scores = output[0] ** 0.6 * output[5:].max(0) ** 0.4
    row, column = np.nonzero((scores >= LOWEST_SCORE) & np.isin(classes, list(ROAD_CLASSES)))
    a, b, c, d = output[1:5, row, column]
    x, y = (column + np.tanh(a)) / output.shape[2], (row + np.tanh(b)) / output.shape[1]
    half_width, half_height = 0.5 / (1 + np.exp(-c)), 0.5 / (1 + np.exp(-d))
    boxes = np.stack([x - half_width, y - half_height, x + half_width, y + half_height], 1)
    return Detections(boxes.clip(0, 1).astype(np.float32),
                      scores[row, column].astype(np.float32),
                      classes[row, column].astype(np.int64))


def suppress(found: Detections) -> Detections:
    """Keep the best of the boxes that show one object (non-maximum suppression per class).

    Args:
        found: in any order.

    Returns:
        Those that no better one of their class overlaps by more than SAME_OBJECT, best first.
    """
    # OpenCV knows no classes: boxes of different ones are moved apart, side by side.
    apart = found.classes * (float(found.boxes.max(initial=0)) + 1)  # N float64
    rectangles = np.column_stack([found.boxes[:, 0] + apart, found.boxes[:, 1],
                                  found.boxes[:, 2:] - found.boxes[:, :2]])
    kept = cv2.dnn.NMSBoxes(rectangles.tolist(), found.scores.tolist(), 0, SAME_OBJECT)
    return found.only(np.array(kept, np.int64))


def overlap(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union, N x M, of N x 4 and M x 4 boxes x1 y1 x2 y2; 0 of empty boxes."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    union = (_area(boxes)[:, None] + _area(others)[None]) - shared
    return shared / np.maximum(union, np.finfo(np.float32).tiny)


def _area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return (boxes[:, 2:] - boxes[:, :2]).prod(1)


def _session(data: bytes, path: Path) -> Any:
    """Open an ONNX file's bytes in onnxruntime, which only this needs."""
    try:
        import onnxruntime
    except ImportError as error:
        raise DetectorError('the detector needs onnxruntime, which is not installed: '
                            'python3 -m pip install onnxruntime') from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; its warnings concern initialisers and processors
    try:
        return onnxruntime.InferenceSession(data, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime's errors have no base but this
        reason = ' '.join(str(error).split())[:200]
        raise DetectorError(f'{path} ({len(data)} bytes) is not an ONNX file that onnxruntime '
                            f'reads: {reason}. Give the path of FastestDet.onnx') from error


def _told(slots: Any) -> str:
    return ', '.join(f'{_shape(slot.shape)} {slot.type}' for slot in slots) or 'none'


def _shape(shape: Any) -> str:
    return 'x'.join(map(str, shape))
