# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Detection over the benchmark, with a detector that sees bright boxes."""

import json
from collections import Counter

import numpy as np
import pytest

from degfuse_ros.evaluation.detection import Detection
from degfuse_ros.evaluation.detector import Detections, Detector

CARS = {'a': [(4, 4), (30, 10)], 'b': [(10, 20)], 'c': [(20, 20), (50, 50), (4, 40)]}
"""Left and top of the cars of each pair; each is 8 pixels wide and high."""


class BrightBoxes(Detector):
    """Finds a sure car at the start of every box of grey level 255, an unsure one at 100."""

    def __init__(self) -> None:
        self.name, self.sha256 = 'bright', '00' * 32
        self.looks: Counter[bytes] = Counter()

    def find(self, image: np.ndarray) -> Detections:
        self.looks[image.tobytes()] += 1
        starts = [(left, top) for top in range(64) for left in range(64)
                  if image[top, left, 0] > 0 and (not top or not image[top - 1, left, 0])
                  and (not left or not image[top, left - 1, 0])]
        boxes = np.array([(left, top, left + 8, top + 8) for left, top in starts], np.float32)
        scores = [0.9 if image[top, left, 0] == 255 else 0.2 for left, top in starts]
        return Detections(boxes.reshape(-1, 4), np.array(scores, np.float32),
                          np.full(len(starts), 2, np.int64))


def picture(*places: tuple[int, int], level: int = 255) -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    for left, top in places:
        image[top:top + 8, left:left + 8] = level
    return image


@pytest.fixture
def detector() -> BrightBoxes:
    return BrightBoxes()


def test_scores_by_case_and_method_against_the_clean_images(detector: BrightBoxes) -> None:
    detection = Detection(detector)
    for pair, places in CARS.items():
        clean = picture(*places)
        detection.add(pair, 'clean', clean, {'visible only': clean, 'half': picture(places[0])})
        detection.add(pair, 'fog_1', clean, {
            'visible only': picture(), 'half': picture(places[0]), 'dreaming': picture((55, 2))})
    found = detection.summarise()
    assert (found['detector'], found['sha256']) == ('bright', '00' * 32)
    assert (found['images'], found['objects']) == (3, 6)
    assert set(found['by_case']) == {'fog_1'}  # the originals stand apart
    fog = found['by_case']['fog_1']
    assert fog['visible only'] == {'images': 3, 'recall': 0, 'precision': 0, 'AP50': 0}
    assert fog['dreaming'] == {'images': 3, 'recall': 0, 'precision': 0, 'AP50': 0}
    # 3 of 6 objects, none wrong: recall reaches 51 of 101 levels at precision 1.
    assert fog['half'] == pytest.approx(
        {'images': 3, 'recall': 1 / 2, 'precision': 1, 'AP50': 51 / 101})
    assert found['clean']['visible only'] == pytest.approx(
        {'recall': 1, 'precision': 1, 'AP50': 1})
    assert {'images': 3, **found['clean']['half']} == pytest.approx(fog['half'])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_unsure_detections_on_the_clean_image_are_no_objects(detector: BrightBoxes) -> None:
    detection = Detection(detector)
    clean = picture((4, 4)) + picture((30, 30), level=100)
    detection.add('a', 'rain_1', clean, {'visible only': clean})
    found = detection.summarise()
    assert found['objects'] == 1
    assert found['by_case']['rain_1']['visible only']['recall'] == 1
    assert found['by_case']['rain_1']['visible only']['precision'] == 1


def test_the_reference_of_a_pair_is_made_once(detector: BrightBoxes) -> None:
    detection, clean = Detection(detector), picture((4, 4))
    for case in ('clean', 'fog_1', 'fog_2'):
        detection.add('a', case, clean, {'mean': picture((20, 20))})
    assert detector.looks[clean.tobytes()] == 1
    assert detection.summarise()['images'] == 1


def test_a_method_is_compared_on_the_pairs_that_it_delivered(detector: BrightBoxes) -> None:
    detection = Detection(detector)
    for pair in ('a', 'c', 'b'):
        clean = picture(*CARS[pair])
        pictures = {'all': clean} | ({'only b': clean} if pair == 'b' else {})
        detection.add(pair, 'fog_1', clean, pictures)
    found = detection.summarise()
    assert found['by_case']['fog_1']['only b']['recall'] == 1
    assert {name: row['images'] for name, row in found['mean'].items()} == {'all': 3, 'only b': 1}
    assert found['objects'] == 6


def test_the_mean_is_over_the_degraded_cases_alone(detector: BrightBoxes) -> None:
    detection = Detection(detector)
    clean = picture((4, 4), (30, 30))
    for case, shown in (('clean', clean), ('fog_1', clean), ('fog_2', picture((4, 4))),
                        ('fog_3', picture())):
        detection.add('a', case, clean, {'visible only': shown})
    mean = detection.summarise()['mean']
    assert mean['visible only']['recall'] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert mean['visible only']['precision'] == pytest.approx((1 + 1 + 0) / 3)


def test_of_nothing_there_is_nothing_to_say(detector: BrightBoxes) -> None:
    assert Detection(detector).summarise() == {
        'detector': 'bright', 'sha256': '00' * 32, 'images': 0, 'objects': 0, 'by_case': {},
        'clean': {}, 'mean': {}}
