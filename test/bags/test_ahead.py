# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Generators that run ahead in threads."""
from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from degfuse_ros.bags.ahead import ahead


def numbers(count: int, seen: list[int] | None = None) -> Generator[int, None, None]:
    try:
        for number in range(count):
            if seen is not None:
                seen.append(number)
            yield number
    finally:
        if seen is not None:
            seen.append(-1)


def test_items_come_in_order_through_several_threads() -> None:
    before = threading.active_count()
    assert list(ahead(ahead(numbers(500), 2), 3)) == list(range(500))
    assert threading.active_count() == before


def test_no_more_than_a_few_are_ahead() -> None:
    seen: list[int] = []
    items = ahead(numbers(1000, seen), 3)
    next(items)
    time.sleep(0.3)
    assert len(seen) <= 1 + 3 + 1  # taken, waiting, in hand
    items.close()
    assert seen[-1] == -1  # the generator was closed too


def test_errors_arrive_where_the_items_are_taken() -> None:
    def broken() -> Generator[int, None, None]:
        yield 1
        raise ValueError('no more')

    items = ahead(ahead(broken(), 2), 2)
    assert next(items) == 1
    with pytest.raises(ValueError, match='no more'):
        next(items)


def test_stages_overlap() -> None:
    def slow(items: Generator[int, None, None]) -> Generator[int, None, None]:
        for item in items:
            time.sleep(0.02)
            yield item

    begin = time.perf_counter()
    found = list(ahead(slow(ahead(slow(ahead(slow(numbers(20)), 2)), 2)), 2))
    assert found == list(range(20))
    # One after the other they would sleep for 1.2 s. 1.0: a busy machine may be slow to wake.
    assert time.perf_counter() - begin < 1.0


def test_closing_early_ends_all_threads() -> None:
    before = threading.active_count()
    items = ahead(ahead(numbers(10 ** 9), 2), 2)
    next(items)
    items.close()
    assert threading.active_count() == before
