# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A camera that stands still."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from degfuse_ros.camera.frozen import FrozenFrames


def noise(seed: int, size: int = 40_000) -> bytes:
    """Return the bytes of an image of noise."""
    return np.random.default_rng(seed).bytes(size)


def test_ten_identical_images_are_frozen_until_they_move() -> None:
    frames = FrozenFrames()
    assert not any(frames.frozen(noise(0), 10) for _ in range(9))
    assert all(frames.frozen(noise(0), 10) for _ in range(5))
    assert not frames.frozen(noise(1), 10)
    assert not any(frames.frozen(noise(1), 10) for _ in range(8))
    assert frames.frozen(noise(1), 10)


@pytest.mark.parametrize('place', [0, 1, 1021, 20_000, 39_999])
def test_one_changed_bit_moves(place: int) -> None:
    frames, other = FrozenFrames(), bytearray(noise(0))
    other[place] ^= 1
    for _ in range(3):
        assert not frames.frozen(noise(0), 2)
        assert not frames.frozen(bytes(other), 2)


def test_another_size_moves() -> None:
    frames = FrozenFrames()
    black, more = bytes(40_000), bytes(50_000)
    assert [frames.frozen(data, 2) for data in (black, more, more, black)] == [
        False, False, True, False]


@pytest.mark.parametrize('after', [0, 1])
def test_off(after: int) -> None:
    frames = FrozenFrames()
    assert not any(frames.frozen(noise(0), after) for _ in range(30))
    assert frames.frozen(noise(0), 10)  # counted all the same: it can be switched on at any time


def test_whatever_holds_the_bytes() -> None:
    frames = FrozenFrames()
    data = noise(0)
    holders = (data, bytearray(data), array('B', data), np.frombuffer(data, np.uint8))
    assert [frames.frozen(holder, 2) for holder in holders] == [False, True, True, True]
