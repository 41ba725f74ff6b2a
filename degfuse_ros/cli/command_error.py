# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The end of a command with a reason."""


class CommandError(Exception):
    """A command cannot go on; the message is one line for the user."""
