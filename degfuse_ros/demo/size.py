# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Picture sizes as command line arguments."""
import argparse

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
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float('inf'):
        raise argparse.ArgumentTypeError(f'give a number above 0; got {text!r}')
    return number
