# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Why an image was dropped."""


class ImageError(ValueError):
    """An image that cannot be used.

    Attributes:
        kind: one word for counting, as 'truncated'.
        topic: 'visible' or 'thermal', set by who knows which image it was; '' until then.
    """

    def __init__(self, kind: str, reason: str, topic: str = '') -> None:
        """Keep the kind and the topic beside a reason of one line: what was got, what to do."""
        super().__init__(reason)
        self.kind = kind
        self.topic = topic
