# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""How much of what a detector finds on clean images it also finds on others of the same scenes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.evaluation.detector import Detections, overlap

SURE = 0.4
"""Score from which a detection counts as an object; the protocol's, for reference and found."""

MATCH = 0.5
"""Intersection over union from which two boxes are the same object, as in PASCAL VOC."""

PACKAGES = ('torchmetrics', 'torchvision', 'faster_coco_eval')
"""What average precision needs."""


class AgreementError(RuntimeError):
    """A package is missing; the message is one line."""


def check_packages() -> None:
    """Refuse to go on without the packages of `agreement`: call it before a long run.

    Raises:
        AgreementError: one is not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        names = ' '.join(missing).replace('_', '-')
        raise AgreementError(f'the scores of detection need {", ".join(missing)}, not installed: '
                             f'python3 -m pip install {names}')


def agreement(reference: Sequence[Detections], found: Sequence[Detections]) -> dict[str, float]:
    """Compare detections with those on the clean images.

    There are no labelled boxes: what the detector finds on the clean visible image with score
    SURE or more is taken as the truth, errors of the detector included.

    Args:
        reference: of each clean image, the unsure ones are ignored.
        found: of each image to judge, in the same order; average precision uses the unsure too.

    Returns:
        'recall' and 'precision' of found detections with score SURE or more, over all images and
        classes, 0 to 1; 'AP50', the average precision at 101 levels of recall as in COCO's
        evaluation (at most the 100 best detections per image and class), mean over the classes in
        the reference, 0 to 1; 'objects' in the reference. What has no value (nothing there to
        find, nothing found) is 0.

    Raises:
        ValueError: the two have different numbers of images.
        AgreementError: a package is not installed.
    """
    if len(reference) != len(found):
        raise ValueError('reference and found must describe the same images. '
                         f'Got {len(reference)} and {len(found)}.')
    truth = [each.sure(SURE) for each in reference]
    sure = [each.sure(SURE) for each in found]
    hits = sum(int(matched(*pair).sum()) for pair in zip(truth, sure))
    objects, named = sum(map(len, truth)), sum(map(len, sure))
    return {'recall': hits / max(objects, 1), 'precision': hits / max(named, 1),
            'AP50': _average_precision(truth, found) if objects else 0.0, 'objects': objects}


def matched(truth: Detections, found: Detections) -> NDArray[np.bool_]:
    """Tell which detections hit an object that no better one has hit.

    Args:
        truth: the objects of one image.
        found: detections in it, in any order.

    Returns:
        One truth value per detection: best score first, each takes the free object of its class
        that it overlaps most, if by MATCH or more.
    """
    same = found.classes[:, None] == truth.classes[None]
    common = np.where(same, overlap(found.boxes, truth.boxes), 0)  # found x objects
    hit = np.zeros(len(found), bool)
    for index in np.argsort(-found.scores, kind='stable') if len(truth) else ():
        best = common[index].argmax()
        if common[index, best] >= MATCH:
            hit[index] = True
            common[:, best] = 0  # taken
    return hit


def _average_precision(truth: Sequence[Detections], found: Sequence[Detections]) -> float:
    check_packages()
    from torchmetrics.detection import MeanAveragePrecision
    metric = MeanAveragePrecision(iou_thresholds=[MATCH], backend='faster_coco_eval')
    # More detections than the 100 that count are nothing to warn of: low scores are kept.
    metric.warn_on_many_detections = False
    metric.update([{**_tensors(each), 'scores': torch.from_numpy(each.scores)} for each in found],
                  [_tensors(each) for each in truth])
    result: dict[str, Any] = metric.compute()
    return max(float(result['map_50']), 0.0)


def _tensors(detections: Detections) -> dict[str, Tensor]:
    return {'boxes': torch.from_numpy(detections.boxes),
            'labels': torch.from_numpy(detections.classes)}
