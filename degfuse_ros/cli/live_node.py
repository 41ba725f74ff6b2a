# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Start the node and its recorder as children, and bring them together."""
import time
from pathlib import Path

from degfuse_ros.cli.children import Children
from degfuse_ros.cli.command_error import CommandError

# Longest time from the start of the processes to the active node, in seconds.
_START = 120.0
# Silence that tells that no more fused images will come, in seconds: longer than one fusion takes
# on the slowest machine that is of any use.
SILENCE = 4.0


def start(children: Children, model: str, device: str, work: Path, *options: str) -> None:
    """Start the children fuse_node and recorder; return when both are ready for images.

    Args:
        children: are told.
        model: as the node's parameter; empty for the shipped one.
        device: as the node's parameter.
        work: folder that the recorder writes to.
        options: further ones of the recorder.

    Raises:
        CommandError: the node cannot be activated, a child has ended, or they do not meet.
    """
    from degfuse_ros.ros.lifecycle_manager import bring_up
    deadline = time.monotonic() + _START
    children.start('fuse_node', 'degfuse_ros.fuse_node', '--ros-args', '-p', f'device:={device}',
                   *(['-p', f'model:={model}'] if model else []))
    children.start('recorder', 'degfuse_ros.ros.fusion_recorder', '--out', str(work), *options)
    try:
        bring_up('/fuse', deadline - time.monotonic())
    except RuntimeError as error:
        # A node that has crashed says more than a service that does not answer.
        children.require('fuse_node')
        raise CommandError(str(error)) from error
    while 'matched' not in children.log('recorder'):
        children.require('fuse_node', 'recorder')
        if time.monotonic() > deadline:
            raise CommandError('the recorder does not see the node: is another RMW_IMPLEMENTATION '
                               'or a firewall in the way?')
        time.sleep(0.05)
