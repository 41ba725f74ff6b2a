# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Recognition: counts by hand, rank correlation against SciPy."""

import json

import numpy as np
import pytest
from made_observation import observe
from scipy.stats import spearmanr

from degfuse_ros.engine import CLASSES
from degfuse_ros.evaluation.observation import Observation
from degfuse_ros.evaluation.recognition import spearman, summarise


def fog(true: float, found: float, label: str = 'fog', **others: float) -> Observation:
    """A foggy copy and what was found in it."""
    return observe(label, ('fog',), case=f'fog_{true}', truth={'fog': true},
                   severity={'fog': found, **others})


RAIN = observe('rain', ('rain',), case='rain_1', truth={'rain': 0.5},
               severity={'rain': 0.4, 'fog': 0.2})
CLEAN = observe('rain', ('clean',), severity={'fog': 0.1, 'rain': 0.3})
# Three of five are right; the heaviest fog is called mild.
SYNTHETIC = [fog(0.3, 0.4), fog(0.6, 0.9), fog(0.9, 0.2, 'clean', rain=0.6), RAIN, CLEAN]


def test_classes_of_single_degradations() -> None:
    found = summarise(SYNTHETIC)['synthetic']
    assert found['count'] == 5
    assert found['accuracy'] == pytest.approx(3 / 5)
    assert found['balanced'] == pytest.approx((0 + 2 / 3 + 1) / 3)  # fog has the most images
    assert found['per_class'] == pytest.approx({'clean': 0, 'fog': 2 / 3, 'rain': 1})
    assert found['classes'] == list(CLASSES)
    clean, foggy, rain = (CLASSES.index(name) for name in ('clean', 'fog', 'rain'))
    expected = np.zeros((5, 5), int)
    expected[foggy, foggy], expected[foggy, clean] = 2, 1
    expected[rain, rain] = expected[clean, rain] = 1
    assert found['confusion'] == expected.tolist()


def test_severities_of_single_degradations() -> None:
    found = summarise(SYNTHETIC)['synthetic']
    assert found['severity_error'] == pytest.approx(
        {'fog': (0.1 + 0.3 + 0.7) / 3, 'rain': 0.1})
    assert found['severity_absent'] == pytest.approx(
        {'fog': 0.15, 'low_light': 0, 'overexposed': 0, 'rain': 0.9 / 4})
    # Ranks 1 2 3 and 2 3 1; of rain there is one severity only, which has no order.
    assert found['severity_order'] == pytest.approx({'fog': -0.5})


def test_combinations_count_apart() -> None:
    def both(found: str, fog: float, dark: float) -> Observation:
        return observe(found, ('fog', 'low_light'), case='fog_low_light_1',
                       truth={'fog': 0.5, 'low_light': 0.5},
                       severity={'fog': fog, 'low_light': dark})

    # 0.25 is seen, 0.24 is not.
    result = summarise([both('fog', 0.25, 0.25), both('low_light', 0.24, 0.9),
                        both('rain', 0.9, 0.9), both('clean', 0, 0)])
    assert result['combined'] == {'count': 4, 'one_of_both': 0.5, 'both_seen': 0.5}
    assert result['synthetic']['count'] == 0
    assert result['real'] == {}


def test_real_images_by_group() -> None:
    night, smoke = ('low_light',), ('fog',)
    result = summarise([
        observe('low_light', night, group='night'), observe('fog', night, group='night'),
        observe('fog', smoke, group='smoke'), observe('clean', ('clean',), group='smoke'),
        observe('fog', ('low_light', 'fog'), group='smoke'),
        observe('fog', group='night')])['real']
    assert result['night']['count'] == 2
    assert result['night']['accuracy'] == 0.5
    assert result['night']['truth'] == {'low_light': 2}
    assert result['smoke']['accuracy'] == 1
    assert result['smoke']['truth'] == {'clean': 1, 'fog': 2}
    assert result['smoke']['confusion'][CLASSES.index('fog')] == [0, 2, 0, 0, 0]


def test_nothing_is_none_not_a_division_by_zero() -> None:
    result = summarise([observe('fog')])
    assert result['synthetic']['accuracy'] is None
    assert result['synthetic']['balanced'] is None
    assert result['synthetic']['per_class'] == {}
    assert np.sum(result['synthetic']['confusion']) == 0
    assert result['combined'] == {'count': 0, 'one_of_both': None, 'both_seen': None}
    assert result['real'] == {}


def test_the_summary_is_plain_json() -> None:
    result = summarise([*SYNTHETIC, observe('fog', ('fog', 'rain'), case='fog_rain_1')])
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_rank_correlation_is_scipys_also_with_ties() -> None:
    generator = np.random.default_rng(0)
    for levels in (3, 1000):
        first, second = generator.integers(levels, size=(2, 40))
        assert spearman(first, second) == pytest.approx(spearmanr(first, second)[0])
    assert spearman([1, 2, 3], [5, 5, 5]) == 0
