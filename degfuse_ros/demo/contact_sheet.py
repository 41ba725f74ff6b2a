# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The demo's pictures side by side: visible, thermal, fused, and the answer."""
from dataclasses import dataclass

import cv2
import numpy as np

PANEL = (320, 240)
_GAP, _HEAD, _SIDE = 10, 74, 270
_PAPER, _INK, _FADED = (250, 249, 246), (34, 36, 40), (128, 130, 134)
_RIGHT, _WRONG, _BAR = (38, 128, 72), (190, 48, 40), (70, 110, 170)
_FONT, _BOLD = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX


@dataclass(frozen=True)
class Row:
    """One moment of the demo.

    Args:
        visible, fused: H x W x 3 uint8 RGB. thermal: H x W uint8.
        label: the true class. severity: the true severity, 0..1.
        scores: the answer's probability per class.
        routing: gate weights per layer, each 8 numbers.
        latency_ms: from stamp to receipt.
    """

    visible: np.ndarray
    thermal: np.ndarray
    fused: np.ndarray
    label: str
    severity: float
    scores: dict[str, float]
    routing: dict[str, list[float]]
    latency_ms: float


def contact_sheet(rows: list[Row], title: str, footer: str) -> np.ndarray:
    """Compose the sheet.

    Args:
        rows: from top to bottom.
        title: one line above.
        footer: one line below.

    Returns:
        height x width x 3 uint8 RGB.
    """
    width = 3 * PANEL[0] + _SIDE + 5 * _GAP
    height = _HEAD + len(rows) * (PANEL[1] + _GAP) + 34
    sheet = np.full((height, width, 3), _PAPER, np.uint8)
    _write(sheet, title, (_GAP, 30), 0.72, _INK, _BOLD)
    for column, name in enumerate(('visible', 'thermal', 'fused', 'class')):
        _write(sheet, name, (_GAP + column * (PANEL[0] + _GAP), 62), 0.56, _FADED)
    for number, row in enumerate(rows):
        top = _HEAD + number * (PANEL[1] + _GAP)
        for column, picture in enumerate(panels(row, PANEL)):
            left = _GAP + column * (PANEL[0] + _GAP)
            sheet[top:top + PANEL[1], left:left + PANEL[0]] = picture
        left = _GAP + 3 * (PANEL[0] + _GAP)
        _answer(sheet[top:top + PANEL[1], left:left + _SIDE], row)
    _write(sheet, footer, (_GAP, height - 13), 0.48, _FADED)
    return sheet


def panels(row: Row, size: tuple[int, int]) -> list[np.ndarray]:
    """Return visible, thermal and fused as RGB pictures of (width, height), letter-boxed."""
    thermal = np.repeat(row.thermal[..., None], 3, axis=2)
    return [_fit(picture, size) for picture in (row.visible, thermal, row.fused)]


def strip(row: Row, size: tuple[int, int]) -> np.ndarray:
    """Return one picture of the animation: three panels above a line of text, RGB uint8."""
    picture = np.hstack(panels(row, size))
    line = np.full((26, picture.shape[1], 3), _INK, np.uint8)
    answer = max(row.scores, key=row.scores.__getitem__) if row.scores else '-'
    _write(line, f'truth: {named(row.label, row.severity)}', (8, 18), 0.46, (235, 235, 235))
    _write(line, 'thermal', (size[0] + 8, 18), 0.46, (160, 160, 160))
    share = f' {100 * row.scores[answer]:.0f} %' if row.scores else ''
    colour = (120, 220, 150) if answer == row.label else (250, 190, 110)
    _write(line, f'fused, class: {answer}{share}', (2 * size[0] + 8, 18), 0.46, colour)
    return np.vstack([picture, line])


def named(label: str, severity: float) -> str:
    """Return a class with its severity in words, as 'fog, severity 0.90'."""
    return label if label == 'clean' else f'{label}, severity {severity:.2f}'


def _fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a picture into a box without changing its shape."""
    scale = min(size[0] / picture.shape[1], size[1] / picture.shape[0])
    wide, high = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    box = np.full((size[1], size[0], 3), _PAPER, np.uint8)
    top, left = (size[1] - high) // 2, (size[0] - wide) // 2
    box[top:top + high, left:left + wide] = cv2.resize(picture, (wide, high),
                                                       interpolation=method)
    return box


def _answer(box: np.ndarray, row: Row) -> None:
    """Write truth, answer, score bars and routing into the box on the right."""
    _write(box, named(row.label, row.severity), (0, 20), 0.60, _INK, _BOLD)
    answer = max(row.scores, key=row.scores.__getitem__) if row.scores else ''
    verdict = _RIGHT if answer == row.label else _WRONG
    _write(box, f'answer: {answer or "none"}', (0, 44), 0.52, verdict)
    for number, (name, score) in enumerate(row.scores.items()):
        low = 68 + 20 * number
        _write(box, name, (0, low), 0.42, _INK)
        _bar(box, (100, low - 10), 120, score, verdict if name == answer else _BAR)
        _write(box, f'{100 * score:.0f}', (226, low), 0.40, _FADED)
    if row.routing:
        weights = np.array(list(row.routing.values()))
        _write(box, f'experts (8) by layer ({len(weights)})', (0, 178), 0.40, _FADED)
        tone = 1 - np.clip(weights.T, 0, 1)[..., None]
        cells = (tone * np.array(_PAPER) + (1 - tone) * np.array(_BAR)).astype(np.uint8)
        wide = min(14, 240 // cells.shape[1])
        map_ = np.kron(cells, np.ones((6, wide, 1), np.uint8))
        box[185:185 + map_.shape[0], :map_.shape[1]] = map_
        cv2.rectangle(box, (0, 184), (map_.shape[1], 185 + map_.shape[0]), (205, 205, 202), 1)
    _write(box, f'{row.latency_ms:.0f} ms', (0 if not row.routing else 210, 178), 0.42, _FADED)


def _bar(box: np.ndarray, place: tuple[int, int], width: int, share: float,
         colour: tuple[int, int, int]) -> None:
    left, top = place
    cv2.rectangle(box, (left, top), (left + width, top + 10), (228, 227, 222), -1)
    if share > 0:
        cv2.rectangle(box, (left, top), (left + round(width * share), top + 10), colour, -1)


def _write(picture: np.ndarray, text: str, place: tuple[int, int], size: float,
           colour: tuple[int, int, int], font: int = _FONT) -> None:
    cv2.putText(picture, text, place, font, size, colour, 1, cv2.LINE_AA)
