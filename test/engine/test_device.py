# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Choice of the device; on a machine with a GPU also that both devices agree."""

import gc

import numpy as np
import pytest
import torch

from degfuse_ros.engine import DeviceError, EngineError, FusionEngine
from degfuse_ros.engine.device import (
    choose_device,
    choose_precision,
    describe_device,
    is_device_failure,
    is_out_of_memory,
    one_line,
)

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='this machine has no CUDA GPU that PyTorch can use')


def pretend_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let PyTorch report a number of GPUs."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)


@pytest.mark.parametrize('gpus, name, expected', [
    (0, 'auto', 'cpu'), (0, 'cpu', 'cpu'), (2, 'cpu', 'cpu'), (1, 'auto', 'cuda:0'),
    (1, 'cuda', 'cuda:0'), (2, 'cuda:0', 'cuda:0'), (2, 'cuda:1', 'cuda:1')])
def test_a_device_that_exists(
        monkeypatch: pytest.MonkeyPatch, gpus: int, name: str, expected: str):
    pretend_gpus(monkeypatch, gpus)
    assert str(choose_device(name)) == expected


@pytest.mark.parametrize('gpus, name', [(0, 'cuda'), (0, 'cuda:1'), (1, 'cuda:1'), (2, 'cuda:7')])
def test_an_absent_gpu_is_refused_on_one_line(
        monkeypatch: pytest.MonkeyPatch, gpus: int, name: str):
    pretend_gpus(monkeypatch, gpus)
    with pytest.raises(DeviceError) as caught:
        choose_device(name)
    message = str(caught.value)
    assert repr(name) in message and '\n' not in message
    assert "'cpu'" in message if gpus == 0 else f'cuda:{gpus - 1}' in message


@pytest.mark.parametrize('name', [
    '', 'gpu', 'CUDA', 'cuda:', 'cuda:x', 'cuda:-1', 'cuda:1.5', 'cuda:²', 'mps', 'cpu:0', ' cpu'])
def test_an_unknown_name_is_refused_with_the_known_ones(
        monkeypatch: pytest.MonkeyPatch, name: str):
    pretend_gpus(monkeypatch, 2)
    with pytest.raises(DeviceError) as caught:
        choose_device(name)
    message = str(caught.value)
    assert repr(name) in message and "'auto'" in message and '\n' not in message


def test_the_engine_reports_an_absent_gpu(monkeypatch: pytest.MonkeyPatch):
    pretend_gpus(monkeypatch, 0)
    with pytest.raises(EngineError, match="device 'cuda' was asked for") as caught:
        FusionEngine.load(device='cuda')
    assert isinstance(caught.value, DeviceError)


def test_a_driver_too_old_is_named(monkeypatch: pytest.MonkeyPatch):
    def too_old() -> None:
        raise RuntimeError('The NVIDIA driver on your system is too old (found version 11040).\n'
                           'Please update your GPU driver.')

    pretend_gpus(monkeypatch, 0)
    monkeypatch.setattr(torch.cuda, 'init', too_old)
    with pytest.raises(DeviceError, match='too old \\(found version 11040\\)') as caught:
        choose_device('cuda')
    assert '\n' not in str(caught.value) and "'cpu'" in str(caught.value)
    assert str(choose_device('auto')) == 'cpu'


@pytest.mark.parametrize('error, memory, device', [
    (torch.OutOfMemoryError('CUDA out of memory. Tried'), True, False),
    (RuntimeError('CUDA error: out of memory'), True, True),
    (RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling'), True, True),
    (RuntimeError('cuDNN error: CUDNN_STATUS_ALLOC_FAILED'), True, True),
    (RuntimeError('CUDA error: unspecified launch failure'), False, True),
    (RuntimeError('cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'), False, True),
    (RuntimeError('mat1 and mat2 shapes cannot be multiplied'), False, False),
    (ValueError('CUDA error: no'), False, False)])
def test_failures_are_told_apart(error: Exception, memory: bool, device: bool):
    assert (is_out_of_memory(error), is_device_failure(error)) == (memory, device)


def test_one_line_is_one_line():
    assert one_line(RuntimeError('first\n  second\tthird')) == 'first second third'
    assert len(one_line(RuntimeError('x' * 999))) == 200


def test_a_cpu_is_described_by_its_threads():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert describe_device(torch.device('cpu')).endswith('CPU, 1 thread')
        torch.set_num_threads(2)
        assert describe_device(torch.device('cpu')).endswith('CPU, 2 threads')
    finally:
        torch.set_num_threads(before)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Smooth shading with edges and a warm spot, 480 x 640; noise alone is no usual image."""
    rows, columns = np.mgrid[:480, :640].astype(np.float32)
    shade = 90 + 60 * np.sin(columns / 70) + 40 * (rows > 240)
    visible = np.stack((shade, shade * 0.9 + 10, shade * 0.8 + 25), -1)
    warm = 60 + 150 * np.exp(-((rows - 300) ** 2 + (columns - 200) ** 2) / 900)
    grain = np.random.default_rng(0).normal(0, 2, (480, 640))
    return tuple(np.clip(image, 0, 255).astype(np.uint8)  # type: ignore[return-value]
                 for image in (visible + grain[..., None], warm + grain))


@needs_gpu
def test_a_gpu_gives_the_cpus_image():
    on_cpu, on_gpu = FusionEngine.load(device='cpu'), FusionEngine.load(device='cuda')
    expected, found = on_cpu.fuse(*scene()), on_gpu.fuse(*scene())
    difference = np.abs(expected.image.astype(int) - found.image)
    assert difference.mean() <= 1
    assert np.percentile(difference, 99.9) <= 3
    assert found.degradation.label == expected.degradation.label
    np.testing.assert_allclose(found.routing, expected.routing, atol=0.02)


@needs_gpu
def test_a_gpu_is_deterministic_described_and_within_its_memory():
    gc.collect()  # engines of other tests
    torch.cuda.empty_cache()
    engine = FusionEngine.load(device='cuda:0')
    assert engine.device == 'cuda:0'
    assert engine.device_name == torch.cuda.get_device_name(0)
    first, second = engine.fuse(*scene()), engine.fuse(*scene())
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.routing, second.routing)
    assert 0 < engine.memory_bytes() <= 2 ** 30


def test_precision_is_chosen_by_the_device_or_refused(monkeypatch: pytest.MonkeyPatch):
    cpu, cuda = torch.device('cpu'), torch.device('cuda', 0)
    assert choose_precision('auto', cpu) == choose_precision('float32', cpu) == torch.float32
    assert choose_precision('auto', cuda) == torch.float16
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: True)
    assert choose_precision('bfloat16', cpu) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    for text, device in (('bfloat16', cpu), ('bfloat16', cuda), ('float32', cuda)):
        with pytest.raises(DeviceError, match="precision 'auto'"):
            choose_precision(text, device)
    with pytest.raises(ValueError, match="Got 'half'"):
        choose_precision('half', cpu)


@pytest.mark.skipif(not torch.cpu._is_avx512_bf16_supported(),
                    reason='this CPU has no bfloat16 instructions')
@pytest.mark.parametrize('model', ['base', 'lite'])
def test_bfloat16_stays_close_to_float32(model: str):
    exact = FusionEngine.load(model, 'cpu')
    rounded = FusionEngine.load(model, 'cpu', precision='bfloat16')
    assert (exact.precision, rounded.precision) == ('float32', 'bfloat16')
    expected, found = exact.fuse(*scene()), rounded.fuse(*scene())
    difference = np.abs(expected.image.astype(int) - found.image)
    assert 0 < difference.mean() <= 1
    assert np.percentile(difference, 99.9) <= 3
    assert found.degradation == expected.degradation, 'the guidance is not rounded'
    assert np.array_equal(found.routing, expected.routing)
