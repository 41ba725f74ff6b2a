# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The GPU path's decisions, with a CPU in the place of the GPU: what runs when, and what saves."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from moved_model import Pair, moved_modules, shaded_pairs

from degfuse_ros.engine import DeviceError
from degfuse_ros.engine.background_compiler import Forward
from degfuse_ros.engine.fast_path import KEPT_SIZES, WARM_RUNS, FastPath
from degfuse_ros.engine.fusion import Answer
from degfuse_ros.engine.plain_path import PlainPath
from degfuse_ros.engine.staged_forward import StagedForward


class CpuCalls:
    """Stands in for the GPU: a graph replays into the tensor that the capture returned."""

    device = torch.device('cpu')

    def __init__(self) -> None:
        self.captures = self.frees = 0
        self.capture_error: RuntimeError | None = None

    @contextmanager
    def active(self) -> Iterator[None]:
        with torch.no_grad():
            yield

    def pinned(self, *shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
        return torch.zeros(shape, dtype=dtype)

    def wait(self) -> None:
        pass

    def capture(self, run: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        if self.capture_error is not None:
            raise self.capture_error
        self.captures += 1
        result: list[torch.Tensor] = []

        def replay() -> torch.Tensor:
            found = run()
            result[:] = result or [torch.empty_like(found)]
            return result[0].copy_(found)

        return replay

    def free(self) -> None:
        self.frees += 1


class Watched(StagedForward):
    """Notes the size of every batch; runs out of memory above a number of pairs."""

    def __init__(self) -> None:
        guidance, network = moved_modules()
        super().__init__(guidance, network, torch.float32)
        self.batches: list[int] = []
        self.looks: list[bool] = []
        self.fits = 100

    def __call__(self, visible, thermal, memory=None, look_now=True,
                 coverage=None):
        self.batches.append(len(visible))
        self.looks.append(look_now)
        if len(visible) > self.fits:
            raise torch.OutOfMemoryError('CUDA out of memory.\nTried to allocate 20.00 MiB.')
        return super().__call__(visible, thermal, memory, look_now, coverage)


class StandInCompiler:
    """Compiles when it is told to."""

    def __init__(self) -> None:
        self.busy, self.problem = False, ''
        self.begun: list[Hashable] = []
        self.run: Callable[[Forward], object] | None = None
        self.finished: dict[Hashable, Forward] = {}

    def begin(self, key: Hashable, run: Callable[[Forward], object]) -> None:
        self.begun.append(key)
        self.run, self.busy = run, True

    def ready(self, key: Hashable) -> Forward | None:
        return None if self.busy else self.finished.get(key)


def made(period: int = 1) -> tuple[FastPath, Watched, CpuCalls]:
    """A path over a watched forward pass."""
    forward, calls = Watched(), CpuCalls()
    return FastPath(forward, calls, period), forward, calls


def plain_path(period: int) -> PlainPath:
    """The plain path of the same model."""
    guidance, network = moved_modules()
    return PlainPath(guidance, network, period)


def check_same(found: list[Answer], expected: list[Answer]) -> None:
    """Equal but for rounding."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.image.shape == other.image.shape
        assert np.abs(one.image.astype(int) - other.image).max() <= 1
        np.testing.assert_allclose(one.routing, other.routing, atol=1e-4)
        assert one.scores == pytest.approx(other.scores, abs=1e-5)


def frames(count: int, batch: int = 1, height: int = 40, width: int = 48) -> list[list[Pair]]:
    """Batches of a stream."""
    return [shaded_pairs(batch, height, width, seed) for seed in range(count)]


@pytest.mark.parametrize('batch', [1, 3])
def test_first_eager_then_a_graph_and_always_the_plain_paths_result(batch: int):
    path, _, calls = made()
    plain, ways = plain_path(1), []
    for index, pairs in enumerate(frames(WARM_RUNS + 3, batch)):
        check_same(path.fuse(pairs, index == 0, True), plain.fuse(pairs, index == 0, True))
        ways.append(path.execution)
    assert ways == ['eager'] * WARM_RUNS + ['graph'] * 3
    assert calls.captures == 1 and path.memory_fallbacks == 0 and path.problem == ''


def test_views_and_read_only_images_are_taken():
    path = made()[0]
    (visible, thermal, _), = shaded_pairs(1, 48, 40)
    expected = path.fuse([Pair(visible[::-1, ::-1].copy(), thermal[::-1].copy())], True, True)
    visible.flags.writeable = False
    check_same(path.fuse([Pair(visible[::-1, ::-1], thermal[::-1])], False, True), expected)


@pytest.mark.parametrize('batch', [1, 3])
def test_results_keep_when_later_frames_come(batch: int):
    path = made()[0]
    found, kept = [], []
    for pairs in frames(WARM_RUNS + 3, batch):
        for answer in path.fuse(pairs, False, True):
            found.append(answer)
            kept.append((answer.image.copy(), answer.routing.copy(), list(answer.scores)))
    assert path.execution == 'graph'
    for answer, (image, routing, scores) in zip(found, kept):
        assert np.array_equal(answer.image, image) and np.array_equal(answer.routing, routing)
        assert answer.scores == scores
    assert not np.array_equal(kept[0][0], kept[-1][0])


def test_without_page_locked_memory_results_come_in_ordinary_memory(
        monkeypatch: pytest.MonkeyPatch):
    path, _, calls = made()
    first = path.fuse(frames(1)[0], True, True)

    def refuses(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
        raise RuntimeError('CUDA error: out of memory')

    monkeypatch.setattr(calls, 'pinned', refuses)
    check_same(path.fuse(frames(1)[0], False, True), first)
    assert path.memory_fallbacks == 0 and path.problem == ''


def test_a_few_sizes_stay_ready_and_the_longest_unused_goes():
    path, _, calls = made()
    sizes = [32 + 2 * index for index in range(KEPT_SIZES + 1)]

    def serve(width: int, count: int) -> str:
        for pairs in frames(count, width=width):
            path.fuse(pairs, True, True)
        return path.execution

    for width in sizes[:-1]:
        assert serve(width, WARM_RUNS + 1) == 'graph'
    assert serve(sizes[0], 1) == 'graph', 'still ready, and now the newest'
    assert serve(sizes[-1], 1) == 'eager'
    assert serve(sizes[0], 1) == 'graph'
    assert serve(sizes[1], 1) == 'eager', 'it had to go'
    assert calls.captures == KEPT_SIZES


def test_with_a_period_both_kinds_of_frames_get_graphs_and_follow_the_plain_path():
    path, forward, calls = made(period=2)
    plain = plain_path(2)
    for index, pairs in enumerate(frames(path.warm_up_frames + 4, 2)):
        look = index % 2 == 0
        check_same(path.fuse(pairs, index == 0, look), plain.fuse(pairs, index == 0, look))
    assert path.execution == 'graph' and calls.captures == 2
    assert forward.looks[:4] == [True, False, True, False]
    # Another stream of the same size: graphs stay, memory goes.
    for index, pairs in enumerate(frames(3, 2)[::-1]):
        check_same(path.fuse(pairs, index == 0, index == 0),
                   plain.fuse(pairs, index == 0, index == 0))
    assert path.execution == 'graph' and calls.captures == 2


def test_without_memory_for_graphs_it_goes_on_eagerly():
    path, _, calls = made()
    calls.capture_error = torch.OutOfMemoryError('CUDA out of memory.')
    for pairs in frames(WARM_RUNS + 3):
        path.fuse(pairs, False, True)
    assert path.execution == 'eager' and path.memory_fallbacks == 1 and calls.frees == 1
    assert path.problem == 'out of memory: no graphs, 1 at a time'
    calls.capture_error = None
    path.reset()
    for pairs in frames(WARM_RUNS + 1):
        path.fuse(pairs, False, True)
    assert path.execution == 'graph' and path.problem == ''


@pytest.mark.parametrize('period', [1, 2])
@pytest.mark.parametrize('fits, parts', [(2, [2, 2, 1]), (1, [1] * 5)])
def test_without_memory_for_a_batch_it_takes_fewer_pairs(
        fits: int, parts: list[int], period: int):
    path, forward, _ = made(period)
    forward.fits = fits
    plain = plain_path(period)
    for index, pairs in enumerate(frames(3, 5)):
        look = index % period == 0
        check_same(path.fuse(pairs, index == 0, look), plain.fuse(pairs, index == 0, look))
    assert forward.batches[-len(parts):] == parts
    fallbacks = path.memory_fallbacks
    assert fallbacks == (3 if fits == 2 else 4)  # 5 without graphs, 3, 2, 1
    assert f'{fits} at a time' in path.problem
    path.fuse(frames(1, 5)[0], False, True)
    assert path.memory_fallbacks == fallbacks, 'it does not try in vain again'


def test_a_single_pair_too_large_is_refused_on_one_line_and_smaller_ones_go_on():
    path, forward, _ = made()
    forward.fits = 0
    with pytest.raises(DeviceError) as caught:
        path.fuse(frames(1, 2)[0], True, True)
    message = str(caught.value)
    assert '\n' not in message and 'single pair' in message and "'cpu'" in message
    forward.fits = 1
    assert len(path.fuse(frames(1, 2)[0], True, True)) == 2


def test_a_capture_that_fails_leaves_it_eager_and_says_why():
    path, _, calls = made()
    calls.capture_error = RuntimeError('CUDA error: operation not\npermitted when capturing')
    for pairs in frames(WARM_RUNS + 3):
        path.fuse(pairs, False, True)
    assert path.execution == 'eager' and path.memory_fallbacks == 0
    assert path.problem == 'no graph: CUDA error: operation not permitted when capturing'


def test_other_errors_are_not_taken_for_want_of_memory(monkeypatch: pytest.MonkeyPatch):
    path, forward, _ = made()

    def lost(*_arguments: object) -> None:
        raise RuntimeError('CUDA error: unspecified launch failure')

    monkeypatch.setattr(forward, 'unpack', lost)
    with pytest.raises(RuntimeError, match='unspecified'):
        path.fuse(frames(1)[0], True, True)
    assert path.memory_fallbacks == 0


def test_compiled_code_takes_over_when_it_is_ready_and_frames_never_wait():
    forward, calls, compiler = Watched(), CpuCalls(), StandInCompiler()
    path = FastPath(forward, calls, 1, compiler)  # type: ignore[arg-type]
    ways: OrderedDict[str, int] = OrderedDict()

    def serve(count: int, width: int = 48) -> str:
        for pairs in frames(count, width=width):
            path.fuse(pairs, False, True)
            ways[path.execution] = ways.get(path.execution, 0) + 1
        return path.execution

    assert serve(WARM_RUNS) == 'eager' and not compiler.begun
    assert serve(2) == 'graph', 'the plain graph comes first'
    assert compiler.begun == [(1, 40, 48, False, True)] and compiler.busy
    assert serve(3) == 'graph', 'served while the compiler works'
    assert serve(WARM_RUNS + 2, width=50) == 'eager', 'no capture while the compiler works'
    used: list[int] = []

    def compiled(*arguments):
        used.append(1)
        return forward(*arguments)

    assert compiler.run is not None
    compiler.run(compiled)
    assert used == [1], 'tried out with tensors of its own'
    compiler.finished[compiler.begun[0]] = compiled
    compiler.busy = False
    assert serve(WARM_RUNS) == 'eager' and len(used) == 1 + WARM_RUNS
    assert serve(3) == 'compiled graph'
    assert calls.captures == 2 and calls.frees == 3, 'after each capture, and the plain graph once'
    assert serve(1, width=50) == 'graph'


def test_closing_gives_memory_back():
    path, _, calls = made()
    path.fuse(frames(1)[0], True, True)
    path.close()
    assert calls.frees == 1


def test_coverage_goes_through_eager_and_graph_and_has_a_graph_of_its_own():
    path, _, calls = made()
    plain = plain_path(1)
    half = np.tile(np.linspace(0, 1, 48, dtype=np.float32), (40, 1))
    for index, (first, second) in enumerate(frames(WARM_RUNS + 2, 2)):
        batch = [first, second._replace(coverage=half * (index + 1) / 5)]
        check_same(path.fuse(batch, index == 0, True), plain.fuse(batch, index == 0, True))
    assert path.execution == 'graph' and calls.captures == 1
    check_same(path.fuse([first, second], False, True), plain.fuse([first, second], False, True))
    assert path.execution == 'eager'
