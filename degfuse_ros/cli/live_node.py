# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bring the node among the children to active, and its recorder to its topics."""
import time

from degfuse_ros.cli.children import Children
from degfuse_ros.cli.command_error import CommandError

# Longest time from the start of the processes to the active node, in seconds.
START = 120.0


def activate(children: Children, deadline: float) -> None:
    """Activate the child fuse_node, then wait until the child recorder has found its topics.

    Args:
        children: among them fuse_node and recorder.
        deadline: on the monotonic clock, in seconds.

    Raises:
        CommandError: the node cannot be activated, a child has ended, or they do not meet.
    """
    from degfuse_ros.ros.lifecycle_manager import bring_up
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
