# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What the engine's time goes into, beside what the machine could do: `degfuse bench`."""
