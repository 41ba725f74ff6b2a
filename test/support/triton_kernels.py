# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What tests of Triton kernels need: marks, and a process in which Triton interprets on a CPU."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch

needs_triton = pytest.mark.skipif(
    find_spec('triton') is None, reason='this torch came without Triton')
needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='this machine has no CUDA GPU that PyTorch can use')
needs_no_gpu = pytest.mark.skipif(
    torch.cuda.is_available(), reason='the GPU runs the kernels itself, in another test')


def interpreted(file: str) -> list[str]:
    """Run a test's file as a program for which Triton interprets; return the lines it prints."""
    result = subprocess.run(
        [sys.executable, file], capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, 'TRITON_INTERPRET': '1'})
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()
