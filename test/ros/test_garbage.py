# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which objects are collected, with one node and with two."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from degfuse_ros.ros.garbage import Garbage


class Circle:
    """Goes by a collection only."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def one() -> Iterator[Garbage]:
    """Of a node, put back afterwards."""
    garbage = Garbage()
    yield garbage
    garbage.include()


def collected(reference: weakref.ref[Circle]) -> bool:
    gc.collect()
    return reference() is None


def test_what_is_used_is_left_out_until_it_is_included_again(one: Garbage) -> None:
    used, unused = Circle(), weakref.ref(Circle())
    reference = weakref.ref(used)
    one.leave_out()
    assert unused() is None  # was collected before
    del used
    later = weakref.ref(Circle())
    assert collected(later) and not collected(reference)
    one.include()
    assert collected(reference)


def test_another_nodes_objects_stay_left_out(one: Garbage) -> None:
    other = Garbage()
    other.include()  # of a node that was never configured
    one.leave_out()
    used = Circle()
    reference = weakref.ref(used)
    other.leave_out()
    other.leave_out()  # configured twice
    del used
    other.include()
    other.include()
    assert not collected(reference)
    one.include()
    assert collected(reference)
