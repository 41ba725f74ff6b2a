# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Averages that nobody is fooled by."""

import pytest

from degfuse_ros.evaluation.averages import (
    lacking_cases,
    mean_over_cases,
    without_even_counts,
)

BY_CASE = {'fog_1': {'base': {'images': 4, 'kept': 0.2, 'PSNR': 10.0},
                     'easy only': {'images': 4, 'kept': 0.9}},
           'fog_2': {'base': {'images': 3, 'kept': 0.6}}}


def test_each_case_counts_once_however_many_images_it_has() -> None:
    assert mean_over_cases(BY_CASE)['base']['kept'] == pytest.approx(0.4)
    assert mean_over_cases(BY_CASE)['base']['images'] == 7
    assert mean_over_cases({}) == {}


def test_who_lacks_a_case_has_no_mean_and_is_named() -> None:
    assert list(mean_over_cases(BY_CASE)) == ['base']
    assert lacking_cases(BY_CASE) == {'easy only': ['fog_2']}


def test_a_metric_that_a_case_lacks_has_no_mean() -> None:
    assert 'PSNR' not in mean_over_cases(BY_CASE)['base']


def test_the_number_of_images_is_told_only_where_rows_differ_in_it() -> None:
    even = {'a': {'images': 2, 'EN': 1.0}, 'b': {'images': 2, 'EN': 2.0}}
    assert without_even_counts(even) == {'a': {'EN': 1.0}, 'b': {'EN': 2.0}}
    uneven = {'a': {'images': 2, 'EN': 1.0}, 'b': {'images': 1, 'EN': 2.0}}
    assert without_even_counts(uneven) == uneven
