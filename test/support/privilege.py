# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""For tests of file permissions, which root (in a container, say) does not feel."""
import os

WITHOUT_PRIVILEGE = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'
                     ] if os.geteuid() == 0 else []
"""Command prefix under which permission bits count for root too; setpriv is in util-linux."""
