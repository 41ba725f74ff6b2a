# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Picture sizes as command line arguments."""
import argparse


def size(text: str) -> tuple[int, int]:
    """Read WIDTHxHEIGHT for argparse and return (width, height) in pixels.

    Raises:
        argparse.ArgumentTypeError: for anything else, or for less than 32x32 pixels.
    """
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'give a size as 640x480; got {text!r}') from error
    if min(width, height) < 32:
        raise argparse.ArgumentTypeError(f'give a size of at least 32x32; got {text}')
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
