# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The calls that only a GPU answers, and the whole GPU path on one."""

import gc
from collections.abc import Callable
from threading import Thread

import numpy as np
import pytest
import torch
from moved_model import shaded_pairs

from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.cuda_calls import CudaCalls
from degfuse_ros.engine.fast_path import WARM_RUNS

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='this machine has no CUDA GPU that PyTorch can use')


def test_a_graph_replays_with_new_content_and_leaves_the_collector_on():
    calls = CudaCalls(torch.device('cuda', 0))
    with calls.active():
        given = torch.zeros(8, device='cuda')

        def run() -> torch.Tensor:
            return given * 2 + 1

        for _ in range(WARM_RUNS):
            run()
        replay = calls.capture(run)
        given.fill_(3)
        found = replay()
        calls.wait()
    assert found.tolist() == [7.0] * 8 and gc.isenabled()


def test_a_capture_that_fails_leaves_the_gpu_usable():
    calls = CudaCalls(torch.device('cuda', 0))
    with calls.active():
        given = torch.ones(8, device='cuda')
        with pytest.raises(RuntimeError):
            calls.capture(lambda: given * given.sum().item())  # waits for the GPU
        assert (given + 1).tolist() == [2.0] * 8
    assert gc.isenabled()


def test_staging_memory_is_pinned():
    assert CudaCalls(torch.device('cuda', 0)).pinned(4, 5).is_pinned()


@pytest.mark.parametrize('model', ['base', 'lite'])
@pytest.mark.parametrize('count, period', [(1, 1), (3, 1), (2, 3)])
def test_a_gpu_follows_the_cpu_eagerly_and_by_graph(model: str, count: int, period: int):
    on_gpu = FusionEngine.load(model, 'cuda', guidance_period=period)
    on_cpu = FusionEngine.load(model, 'cpu', guidance_period=period)
    ways = []
    for frame in range((WARM_RUNS + 1) * period + 3):
        pairs = shaded_pairs(count, 100, 75, seed=frame)
        for found, expected in zip(on_gpu.fuse_batch(pairs), on_cpu.fuse_batch(pairs)):
            difference = np.abs(found.image.astype(int) - expected.image)
            assert difference.mean() <= 1 and np.percentile(difference, 99.9) <= 3
            np.testing.assert_allclose(found.routing, expected.routing, atol=0.02)
        ways.append(on_gpu.execution)
    assert ways[0] == 'eager' and ways[-1] == 'graph' and on_gpu.problem == ''


def test_a_replayed_graph_gives_the_same_bits_as_an_eager_run():
    engine, pairs = FusionEngine.load('lite', 'cuda'), shaded_pairs(2, 96, 128)
    eager = engine.fuse_batch(pairs)
    for _ in range(WARM_RUNS + 1):
        graph = engine.fuse_batch(pairs)
    assert engine.execution == 'graph'
    for one, other in zip(graph, eager):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.routing, other.routing)


def test_an_image_that_another_thread_drops_during_a_capture_spoils_nothing(
        monkeypatch: pytest.MonkeyPatch):
    engine, (pair,) = FusionEngine.load('lite', 'cuda'), shaded_pairs(1, 96, 128)
    held = [engine.fuse(*pair) for _ in range(WARM_RUNS)]
    expected, real = held[-1].image.copy(), CudaCalls.capture

    def capture(self: CudaCalls, run: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        def run_and_drop() -> torch.Tensor:
            result, thread = run(), Thread(target=held.clear)
            thread.start()
            thread.join()
            return result

        return real(self, run_and_drop)

    monkeypatch.setattr(CudaCalls, 'capture', capture)
    for _ in range(3):
        assert np.array_equal(engine.fuse(*pair).image, expected)
    assert held == [] and engine.execution == 'graph' and engine.problem == ''


def test_what_runs_aside_is_waited_for_also_in_a_graph():
    calls = CudaCalls(torch.device('cuda', 0))
    with calls.active():
        given = torch.zeros(1 << 20, device='cuda')

        def run() -> torch.Tensor:
            def work() -> torch.Tensor:
                result = given
                for _ in range(50):  # far longer than what the other stream has to do
                    result = result + 1
                return result

            join = calls.aside(work)
            other = given * 2
            return join() + other

        for _ in range(WARM_RUNS):
            assert (run() == 50).all()
        replay = calls.capture(run)
        for value in (1.0, 2.0, 3.0):
            given.fill_(value)
            found = replay()
            calls.wait()
            assert (found == 50 + 3 * value).all()


def reserved_for_large_tensors() -> int:
    """Bytes without the segments of small tensors, which others than this test have, too."""
    return torch.cuda.memory_stats()['reserved_bytes.large_pool.current']


@pytest.mark.parametrize('where', ['aside', 'beside'])
def test_a_capture_that_fails_with_work_aside_gives_its_memory_back(where: str):
    calls = CudaCalls(torch.device('cuda', 0))
    with calls.active():
        given = torch.ones(1 << 20, device='cuda')

        def run(fails: bool) -> torch.Tensor:
            def work() -> torch.Tensor:
                result = given + 1
                if fails and where == 'aside':
                    raise torch.OutOfMemoryError('CUDA out of memory.')
                return result

            join = calls.aside(work)
            try:
                other = given * 2
                if fails:
                    raise torch.OutOfMemoryError('CUDA out of memory.')
            finally:
                result = join()
            return result + other

        run(False)
        calls.wait()
        calls.free()
        before = reserved_for_large_tensors()
        with pytest.raises(torch.OutOfMemoryError):
            calls.capture(lambda: run(True))
        gc.collect()  # the error's traceback holds tensors
        calls.free()
        assert reserved_for_large_tensors() <= before
        replay = calls.capture(lambda: run(False))
        found = replay()
        calls.wait()
        assert (found == 4).all()


def test_a_stream_of_frames_keeps_its_bits_whatever_runs_beside_it():
    engine, pairs = FusionEngine.load('lite', 'cuda'), shaded_pairs(2, 480, 640)
    first = [engine.fuse(*pair) for pair in pairs]
    for frame in range(60):
        found = engine.fuse(*pairs[frame % 2])
        assert np.array_equal(found.image, first[frame % 2].image), engine.execution
        assert np.array_equal(found.routing, first[frame % 2].routing)
