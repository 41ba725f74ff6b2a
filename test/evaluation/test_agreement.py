# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Agreement of detections: figures that can be counted on one hand."""
from importlib.util import find_spec

import numpy as np
import pytest

from degfuse_ros.evaluation import agreement as module
from degfuse_ros.evaluation.agreement import AgreementError, agreement, matched
from degfuse_ros.evaluation.detector import Detections

PERSON, CAR = 0, 2
Row = tuple[float, float, float, float, float, int]
"""x1, y1, x2, y2, score, class."""

HERE = (0, 0, 100, 50)
THERE = (200, 100, 240, 200)
NOWHERE = (400, 300, 450, 350)


def detections(*rows: Row) -> Detections:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32),
                      table[:, 5].astype(np.int64))


TWO = detections((*HERE, 0.9, PERSON), (*THERE, 0.6, PERSON))


def test_the_reference_agrees_with_itself() -> None:
    images = [TWO, detections(), detections((*HERE, 0.7, CAR))]
    assert agreement(images, images) == pytest.approx(
        {'recall': 1, 'precision': 1, 'AP50': 1, 'objects': 3})


def test_nothing_found_and_nothing_to_find_give_zeros() -> None:
    zeros = {'recall': 0, 'precision': 0, 'AP50': 0}
    assert agreement([TWO], [detections()]) == {**zeros, 'objects': 2}
    assert agreement([detections()], [TWO]) == {**zeros, 'objects': 0}
    assert agreement([], []) == {**zeros, 'objects': 0}


@pytest.mark.parametrize(('false_score', 'average'), [(0.5, 51 / 101), (0.99, 51 / 101 / 2)])
def test_one_hit_and_one_false_alarm(false_score: float, average: float) -> None:
    # Recall reaches 0.5: 51 of the levels 0, 0.01 ... 1, at precision 1, or 1/2 if the false
    # alarm is the surer one.
    found = detections((*HERE, 0.9, PERSON), (*NOWHERE, false_score, PERSON))
    assert agreement([TWO], [found]) == pytest.approx(
        {'recall': 0.5, 'precision': 0.5, 'AP50': average, 'objects': 2})


def test_average_precision_weighs_classes_equally_and_ignores_those_not_in_the_reference() -> None:
    reference = detections(*[(*box, 0.9, CAR) for box in (HERE, THERE, NOWHERE)],
                           (*HERE, 0.9, PERSON))
    found = detections(*[(*box, 0.9, CAR) for box in (HERE, THERE, NOWHERE)], (*HERE, 0.9, 7))
    assert agreement([reference], [found]) == pytest.approx(
        {'recall': 3 / 4, 'precision': 3 / 4, 'AP50': 1 / 2, 'objects': 4})


def test_the_unsure_count_for_average_precision_alone() -> None:
    reference = detections((*HERE, 0.9, PERSON), (*THERE, 0.39, PERSON))
    found = detections((*HERE, 0.2, PERSON))
    assert agreement([reference], [found]) == pytest.approx(
        {'recall': 0, 'precision': 0, 'AP50': 1, 'objects': 1})
    # 0.4 itself is sure, although it is not quite 0.4 in float32.
    limit = detections((*HERE, 0.4, PERSON))
    assert agreement([limit], [limit])['recall'] == 1


def test_images_are_not_mixed() -> None:
    here, there = detections((*HERE, 0.9, PERSON)), detections((*THERE, 0.9, PERSON))
    assert agreement([here, there], [there, here])['recall'] == 0


def test_a_hit_has_the_class_and_half_the_area_in_common() -> None:
    found = detections((0, 0, 100, 25, 0.9, PERSON), (0, 0, 100, 24, 0.9, PERSON),
                       (*HERE, 0.9, CAR))
    truth = detections((*HERE, 0.9, PERSON))
    hits = [matched(truth, found.only(np.array([index])))[0] for index in range(3)]
    assert hits == [True, False, False]


def test_an_object_is_hit_once_by_the_best() -> None:
    truth = detections((*HERE, 0.9, PERSON))
    found = detections((*HERE, 0.5, PERSON), (0, 0, 100, 40, 0.8, PERSON))
    assert matched(truth, found).tolist() == [False, True]


def test_each_takes_the_object_that_it_overlaps_most() -> None:
    truth = detections((0, 0, 100, 100, 0.9, PERSON), (0, 20, 100, 120, 0.9, PERSON))
    # The first overlaps both by more than half, the second only the first object.
    found = detections((0, 15, 100, 115, 0.9, PERSON), (0, 0, 100, 80, 0.8, PERSON))
    assert matched(truth, found).tolist() == [True, True]


def test_other_numbers_of_images_are_refused() -> None:
    with pytest.raises(ValueError, match='Got 2 and 1'):
        agreement([TWO, TWO], [TWO])


def test_missing_packages_are_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    module.check_packages()
    monkeypatch.setattr(module, 'find_spec', lambda name: (
        None if name == 'faster_coco_eval' else find_spec(name)))
    with pytest.raises(AgreementError, match='need faster_coco_eval, .* install faster-coco-eval'):
        module.check_packages()
