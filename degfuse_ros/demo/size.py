# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Picture sizes as command line arguments."""
import argparse

# Pixels a side. A square frame of the largest takes 2.5 GB and some seconds to render.
SMALLEST, LARGEST = 32, 2048


def size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT for argparse and return (width, height) in pixels.

    Raises:
        argparse.ArgumentTypeError: for anything else, or for a side that is too short or too
            long to render.
    """
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'give a size as 640x480; got {text!r}') from error
    if min(width, height) < SMALLEST or max(width, height) > LARGEST:
        raise argparse.ArgumentTypeError(f'give a size from {SMALLEST}x{SMALLEST} to '
                                         f'{LARGEST}x{LARGEST}; got {text}')
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
