# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse`: the command line of the package.

A subcommand's file has `add_parser(subparsers)` and `run(args) -> int`; it imports torch, OpenCV
and ROS only inside `run`, so that `degfuse --help` answers at once on any machine.
"""
import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from degfuse_ros.cli import (
    bag,
    bench,
    calibrate,
    demo,
    evaluate,
    export,
    fuse,
    latency,
    make_bag,
    replay_test,
    train,
)

SUBCOMMANDS = (fuse, bag, make_bag, replay_test, demo, calibrate, evaluate, bench, latency, train,
               export)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is, and end with status 2."""
        self.exit(2, f'{self.prog}: {message}. Try {self.prog} --help\n')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = _Parser(prog='degfuse', description='Fuse visible and thermal images into one '
                     'restored image, and name the degradation.')
    subparsers = parser.add_subparsers(title='commands', metavar='COMMAND', required=True)
    for subcommand in SUBCOMMANDS:
        subcommand.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit status: 0 only on success.

    Args:
        arguments: instead of the process's own.
    """
    args = build_parser().parse_args(arguments)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print('degfuse: interrupted', file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output has gone (degfuse ... | head): nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == '__main__':
    sys.exit(main())
