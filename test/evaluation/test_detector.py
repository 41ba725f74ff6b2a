# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The detector: what its numbers mean, where its tiles lie, which files it refuses."""
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from degfuse_ros.camera.pair_files import PairFiles
from degfuse_ros.evaluation.detector import (
    INPUT_SHAPE,
    OUTPUT_SHAPE,
    Detections,
    Detector,
    DetectorError,
    decode,
    overlap,
    regions,
    suppress,
)

PERSON, CAR, DOG = 0, 2, 16


def cell(output: np.ndarray, row: int, column: int, objectness: float, box: Sequence[float],
         kind: int, score: float) -> None:
    """Write one cell of a detector's answer."""
    output[:5, row, column] = objectness, *box
    output[5 + kind, row, column] = score


def test_scores_and_boxes_are_fastestdets() -> None:
    output = np.zeros(OUTPUT_SHAPE[1:], np.float32)
    # tanh of +-atanh(0.5) = +-0.5; sigmoid of -log 3 = 1/4, of -log 9 = 1/10
    cell(output, 10, 5, 0.5, (np.arctanh(0.5), -np.arctanh(0.5), -np.log(3), -np.log(9)), CAR, 0.8)
    found = decode(output)
    assert found.classes.tolist() == [CAR]
    assert found.scores == pytest.approx(0.5 ** 0.6 * 0.8 ** 0.4)
    x, y = 5.5 / 22, 9.5 / 22
    assert found.boxes[0] == pytest.approx([x - 1 / 8, y - 1 / 20, x + 1 / 8, y + 1 / 20])


def test_only_road_classes_above_the_lowest_score_count() -> None:
    output = np.zeros(OUTPUT_SHAPE[1:], np.float32)
    cell(output, 1, 1, 0.9, (0, 0, 0, 0), PERSON, 0.9)
    cell(output, 2, 2, 0.9, (0, 0, 0, 0), DOG, 0.9)
    output[5 + PERSON, 2, 2] = 0.8  # more a dog than a person
    cell(output, 3, 3, 0.05, (0, 0, 0, 0), PERSON, 0.04)  # score 0.046
    cell(output, 4, 4, 0.05, (0, 0, 0, 0), PERSON, 0.06)  # score 0.054
    assert decode(output).scores == pytest.approx([0.9, 0.054], abs=5e-4)


def test_boxes_end_at_the_border() -> None:
    output = np.zeros(OUTPUT_SHAPE[1:], np.float32)
    cell(output, 0, 21, 1, (0, 0, 20, 20), PERSON, 1)  # as large as the image
    assert decode(output).boxes[0] == pytest.approx([21 / 22 - 0.5, 0, 1, 0.5])


@pytest.mark.parametrize(('width', 'height'), [(640, 480), (501, 329), (33, 32)])
def test_tiles_of_half_the_size_overlap_and_leave_no_pixel_out(width: int, height: int) -> None:
    whole, *tiles = regions(width, height)
    assert whole == (0, 0, width, height)
    seen = np.zeros((height, width), int)
    for left, top, tile_width, tile_height in tiles:
        assert (tile_width, tile_height) == ((width + 1) // 2, (height + 1) // 2)
        assert min(left, top) >= 0 and left + tile_width <= width and top + tile_height <= height
        seen[top:top + tile_height, left:left + tile_width] += 1
    assert len(tiles) == 9
    assert seen.min() == 1  # the corners
    assert seen[height // 4 + 1:-height // 4 - 1, width // 4 + 1:-width // 4 - 1].min() >= 4


class RedFinder:
    """Stands in for the network: one person, around all that is red in what it is shown."""

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name='picture')]

    def run(self, names: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        picture = feeds['picture']
        assert picture.shape == INPUT_SHAPE and picture.dtype == np.float32
        output = np.zeros(OUTPUT_SHAPE, np.float32)
        blue, green, red = picture[0]
        y, x = np.nonzero((red > 0.5) & (green < 0.2) & (blue < 0.2))
        if len(x):
            low = np.array([x.min(), y.min()]) / 352
            high = np.array([x.max() + 1, y.max() + 1]) / 352
            centre, size = (low + high) / 2 * 22, high - low
            column, row = centre.astype(int)
            cell(output[0], row, column, 1, (
                *np.arctanh(centre - (column, row)), *np.log(size / (1 - size))), PERSON, 1)
        return [output]


@pytest.mark.parametrize('corner', [(10, 20), (170, 130), (330, 370), (500, 250)])
def test_what_whole_and_tiles_show_becomes_one_box_in_pixels(corner: tuple[int, int]) -> None:
    left, top = corner
    image = np.full((480, 640, 3), 128, np.uint8)
    image[top:top + 100, left:left + 130] = 255, 0, 0  # no border of a tile crosses it
    found = Detector(RedFinder(), 'red', '').find(image)
    assert len(found) == 1
    # A pixel of the whole image, seen at 352 x 352, is 1.8 wide.
    assert found.boxes[0] == pytest.approx([left, top, left + 130, top + 100], abs=2)
    assert len(Detector(RedFinder(), 'red', '').find(image[..., ::-1])) == 0  # blue


def test_suppression_is_that_of_torchvision() -> None:
    from torchvision.ops import batched_nms
    random = np.random.default_rng(3)
    low = random.uniform(0, 60, (300, 2))
    boxes = np.hstack([low, low + random.uniform(5, 40, (300, 2))]).astype(np.float32)
    scores = ((random.permutation(300) + 1) / 300).astype(np.float32)
    classes = random.choice([PERSON, CAR], 300)
    kept = suppress(Detections(boxes, scores, classes))
    expected = batched_nms(torch.from_numpy(boxes), torch.from_numpy(scores),
                           torch.from_numpy(classes), 0.45).numpy()
    assert 20 < len(kept) < 250
    assert np.array_equal(kept.boxes, boxes[expected])
    assert np.array_equal(kept.scores, scores[expected])
    assert np.array_equal(kept.classes, classes[expected])


def test_overlap_is_shared_area_over_common_area() -> None:
    boxes = np.array([[0, 0, 10, 10], [3, 3, 3, 3]], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [2, 2, 4, 4], [20, 20, 30, 30],
                       [3, 3, 3, 3]], np.float32)
    assert overlap(boxes, others)[0] == pytest.approx([1, 50 / 150, 4 / 100, 0, 0])
    assert overlap(boxes, others)[1].tolist() == [0] * 5  # an empty box


def test_grey_images_are_refused() -> None:
    with pytest.raises(ValueError, match=r'Got shape \(40, 50\), uint8'):
        Detector(RedFinder(), 'red', '').find(np.zeros((40, 50), np.uint8))


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    head, rest = value & 127, value >> 7
    return bytes([head | 128]) + varint(rest) if rest else bytes([head])


def onnx_bytes(shown: Sequence[int], answer: np.ndarray) -> bytes:
    """An ONNX model by hand: whatever it is shown, it gives the same answer."""
    def slot(name: bytes, shape: Sequence[int]) -> bytes:
        dimensions = b''.join(field(1, field(1, size)) for size in shape)
        tensor = field(1, 1) + field(2, dimensions)  # 1: float
        return field(1, name) + field(2, field(1, tensor))
    weights = (b''.join(field(1, size) for size in answer.shape) + field(2, 1)
               + field(8, b'weights') + field(9, answer.astype('<f4').tobytes()))
    node = field(1, b'weights') + field(2, b'answer') + field(4, b'Identity')
    graph = (field(1, node) + field(2, b'graph') + field(5, weights)
             + field(11, slot(b'shown', shown)) + field(12, slot(b'answer', answer.shape)))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))  # IR 8, operators 13


def test_an_onnx_file_is_loaded_and_run(tmp_path: Path) -> None:
    answer = np.zeros(OUTPUT_SHAPE, np.float32)
    cell(answer[0], 11, 11, 1, (0, 0, -3, -3), CAR, 1)
    path = tmp_path / 'Fixed.onnx'
    path.write_bytes(onnx_bytes(INPUT_SHAPE, answer))
    detector = Detector.load(path)
    assert detector.name == 'Fixed'
    assert detector.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    found = detector.find(np.zeros((480, 640, 3), np.uint8))
    # One in the middle of the whole image, one in the middle of each tile.
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    assert {tuple(middle.round().astype(int)) for middle in middles} == {
        (x, y) for x in (160, 320, 480) for y in (120, 240, 360)}
    assert set(found.classes.tolist()) == {CAR}


def missing(path: Path) -> str:
    return 'cannot read the detector .*: No such file'


def text(path: Path) -> str:
    path.write_text('not a network')
    return r'\(13 bytes\) is not an ONNX file that onnxruntime reads'


def other_input(path: Path) -> str:
    path.write_bytes(onnx_bytes((1, 3, 640, 640), np.zeros(OUTPUT_SHAPE)))
    return r'has input 1x3x640x640 tensor\(float\), one of 1x3x352x352'


def other_output(path: Path) -> str:
    path.write_bytes(onnx_bytes(INPUT_SHAPE, np.zeros((1, 84, 10))))
    return r'has output 1x84x10 tensor\(float\), one of 1x85x22x22'


@pytest.mark.parametrize('prepare', [missing, text, other_input, other_output])
def test_other_files_are_refused_in_one_line(tmp_path: Path,
                                             prepare: Callable[[Path], str]) -> None:
    path = tmp_path / 'detector.onnx'
    said = prepare(path)
    with pytest.raises(DetectorError, match=said) as caught:
        Detector.load(path)
    assert '\n' not in str(caught.value)


def test_a_missing_onnxruntime_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'detector.onnx'
    path.write_bytes(b'')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(DetectorError, match='needs onnxruntime, which is not installed'):
        Detector.load(path)


def real(variable: str) -> Path:
    """A file or folder that is not part of the repository."""
    if not os.environ.get(variable):
        pytest.skip(f'{variable} is not set')
    return Path(os.environ[variable])


def test_fastestdet_finds_nothing_in_a_flat_image() -> None:
    detector = Detector.load(real('DEGFUSE_DETECTOR'))
    assert len(detector.find(np.full((480, 640, 3), 128, np.uint8)).sure(0.4)) == 0


def test_fastestdet_finds_the_cyclist() -> None:
    detector = Detector.load(real('DEGFUSE_DETECTOR'))
    visible, thermal = (real('DEGFUSE_DATA') / 'msrs' / 'val' / camera / '00237D.png'
                        for camera in ('visible', 'thermal'))
    found = detector.find(PairFiles('00237D', visible, thermal).read()[0])
    people = found.only(found.classes == PERSON)
    by_eye = np.array([[113, 115, 190, 338]], np.float32)  # on the left, seen from behind
    assert people.scores[0] > 0.8
    assert overlap(people.boxes[:1], by_eye)[0, 0] > 0.6
