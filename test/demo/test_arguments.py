# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Sizes and numbers on the command line."""
import argparse

import pytest

from degfuse_ros.demo.arguments import not_negative, positive, size, whole_number


def test_a_size_is_width_then_height() -> None:
    assert size('640x480') == (640, 480)


def test_a_larger_limit_can_be_given() -> None:
    assert size('8192x32', 8192) == (8192, 32)
    with pytest.raises(argparse.ArgumentTypeError, match='from 32x32 to 8192x8192; got 8193x480'):
        size('8193x480', 8192)


@pytest.mark.parametrize('text', ['640', '640x', 'axb', '640x480x3', '31x100', '',
                                  '2049x480', '100000x100000'])
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match='got'):
        size(text)


@pytest.mark.parametrize('text', ['0', '-1', 'nan', 'inf', 'ten'])
def test_a_rate_is_above_zero(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match='above 0'):
        positive(text)


@pytest.mark.parametrize('text', ['-0.1', 'nan', 'inf', '', '1 s'])
def test_a_duration_is_not_negative(text: str) -> None:
    assert (not_negative('0'), not_negative('2.5')) == (0.0, 2.5)
    with pytest.raises(argparse.ArgumentTypeError, match='0 or more; got'):
        not_negative(text)


@pytest.mark.parametrize('text', ['0', '-1', '1.5', '11', 'ten', ''])
def test_a_whole_number_is_within_its_limits(text: str) -> None:
    read = whole_number(1, 10)
    assert (read('1'), read('10'), whole_number(0)('99')) == (1, 10, 99)
    with pytest.raises(argparse.ArgumentTypeError, match='whole number from 1 to 10; got'):
        read(text)
