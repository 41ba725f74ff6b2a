# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Command line arguments that several programs read: picture sizes and numbers."""
import argparse
from collections.abc import Callable

# Pixels a side: the least that the engine takes, and a square frame that takes 2.5 GB and some
# seconds to render.
SMALLEST, LARGEST = 32, 2048


def size(text: str, largest: int = LARGEST) -> tuple[int, int]:
    """Read WIDTHxHEIGHT for argparse and return (width, height) in pixels.

    Args:
        text: as given.
        largest: pixels a side; for what renders nothing it may be more.

    Raises:
        argparse.ArgumentTypeError: for anything else, or for a side that is too short or too
            long.
    """
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'give a size as 640x480; got {text!r}') from error
    if min(width, height) < SMALLEST or max(width, height) > largest:
        raise argparse.ArgumentTypeError(f'give a size from {SMALLEST}x{SMALLEST} to '
                                         f'{largest}x{largest}; got {text}')
    return width, height


def positive(text: str) -> float:
    """Read a number above zero for argparse.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    number = _number(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f'give a number above 0; got {text!r}')
    return number


def not_negative(text: str) -> float:
    """Read a number of 0 or more for argparse.

    Raises:
        argparse.ArgumentTypeError: for anything else.
    """
    number = _number(text)
    if not number >= 0:
        raise argparse.ArgumentTypeError(f'give a number, 0 or more; got {text!r}')
    return number


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers for argparse.

    Args:
        least: smallest allowed one.
        most: largest allowed one; None for no limit.
    """
    allowed = f', {least} or more' if most is None else f' from {least} to {most}'

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f'give a whole number{allowed}; got {text!r}')
        return int(text)

    return read


def _number(text: str) -> float:
    """Return a finite number; what is none becomes one that nobody takes."""
    try:
        number = float(text)
    except ValueError:
        return -1.0
    return number if abs(number) < float('inf') else -1.0
