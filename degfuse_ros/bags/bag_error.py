# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A bag that cannot be read or written."""


class BagError(Exception):
    """A bag, a topic or a message cannot be used; the message is one line for the user."""
