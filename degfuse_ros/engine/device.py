# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Which device the engine runs on."""

from __future__ import annotations

import platform

import torch

from degfuse_ros.engine.errors import DeviceError


def choose_device(name: str) -> torch.device:
    """Turn 'auto', 'cpu', 'cuda' or 'cuda:N' into a device that exists.

    Raises:
        DeviceError: CUDA asked for and absent, or a name that is none of these.
    """
    if name == 'auto':
        name = 'cuda' if torch.cuda.is_available() else 'cpu'
    if name == 'cpu':
        return torch.device('cpu')
    kind, _, index = name.partition(':')
    if kind != 'cuda' or (index and not index.isdecimal()) or name.endswith(':'):
        raise DeviceError(f"unknown device. Got {name!r}; use 'auto', 'cpu', 'cuda' or 'cuda:1'.")
    if not torch.cuda.is_available():
        raise DeviceError(f"device {name!r} was asked for, but this PyTorch ({torch.__version__}) "
                          f"finds no CUDA GPU{_why_none()}. Check nvidia-smi and the driver, or "
                          "use device 'cpu' or 'auto'.")
    count = torch.cuda.device_count()
    if int(index or 0) >= count:
        raise DeviceError(f'device {name!r} was asked for, but there are {count} CUDA GPUs. '
                          f'Use cuda:0 to cuda:{count - 1}.')
    return torch.device('cuda', int(index or 0))


def _why_none() -> str:
    """Return what PyTorch says of a GPU that it cannot use, such as one with too old a driver."""
    try:
        torch.cuda.init()
    except (AssertionError, RuntimeError) as error:
        return f': {one_line(error)}'.rstrip('.')
    return ''


def one_line(error: BaseException, most: int = 200) -> str:
    """Return an error's text on one line; torch's go on with advice for its own developers."""
    return ' '.join(str(error).split())[:most]


def is_out_of_memory(error: BaseException) -> bool:
    """Tell the want of memory from other failures. The libraries have their own words for it."""
    text = str(error)
    return (isinstance(error, torch.OutOfMemoryError) or 'out of memory' in text
            or 'ALLOC_FAILED' in text)


def is_device_failure(error: BaseException) -> bool:
    """Tell a failing device from a mistake in a program."""
    words = ('CUDA error', 'CUDA driver', 'CUDNN_', 'cuDNN error', 'CUBLAS_', 'NVML')
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


PRECISIONS = ('auto', 'float32', 'bfloat16')


def choose_precision(text: str, device: torch.device) -> torch.dtype:
    """Return the precision of the network's convolutions on a device.

    Args:
        text: 'auto', 'float32' or 'bfloat16'.
        device: 'auto' is float16 on CUDA and float32 on a CPU, which alone takes the others.

    Raises:
        DeviceError: CUDA with anything but 'auto', or bfloat16 on a CPU that only emulates it.
        ValueError: another word.
    """
    if text not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}. Got {text!r}.")
    if device.type == 'cuda':
        if text != 'auto':
            raise DeviceError(f"precision '{text}' is for CPUs; on CUDA the network runs in "
                              "float16. Use precision 'auto' or device 'cpu'.")
        return torch.float16
    if text != 'bfloat16':
        return torch.float32
    # Emulated it takes several times float32's time. Asked for by name: not in every torch.
    if not getattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)():
        raise DeviceError("this CPU has no bfloat16 instructions (avx512_bf16): it would be "
                          "slower than float32. Use precision 'auto'.")
    return torch.bfloat16


def describe_device(device: torch.device) -> str:
    """Return a name that a person knows the device by."""
    if device.type == 'cuda':
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f'{platform.machine()} CPU, {threads} thread{"" if threads == 1 else "s"}'
