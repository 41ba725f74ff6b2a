# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Why an image was dropped."""


class ImageError(ValueError):
    """An image that cannot be used.

    Attributes:
        kind: one word for counting, as 'truncated'.
    """

    def __init__(self, kind: str, reason: str) -> None:
        """Keep the kind beside a reason of one line: what was got and what to do."""
        super().__init__(reason)
        self.kind = kind
