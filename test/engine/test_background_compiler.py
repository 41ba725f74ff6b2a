# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The thread that compiles: what it leaves alone, what it reports, what it hands over."""

import gc
import os
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from degfuse_ros.engine.background_compiler import BackgroundCompiler, Forward


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[None]:
    """A cache folder of our own, and nothing compiled before or afterwards."""
    torch._dynamo.reset()  # before: it sets the variable itself
    monkeypatch.delenv('TORCHINDUCTOR_CACHE_DIR', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    yield
    torch._dynamo.reset()


@pytest.fixture
def compile_eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trace as torch.compile does, but generate no code, which takes minutes."""
    plain = torch.compile
    monkeypatch.setattr(torch, 'compile', lambda function, **options: plain(
        function, backend='eager', **options))


def finish(compiler: BackgroundCompiler) -> None:
    """Wait for the thread."""
    assert compiler._thread is not None
    compiler._thread.join(120)
    assert not compiler.busy


def double(image: torch.Tensor) -> torch.Tensor:
    return image * 2


def test_results_are_kept_on_the_disk_where_a_restart_finds_them(tmp_path):
    BackgroundCompiler(double)
    assert os.environ['TORCHINDUCTOR_CACHE_DIR'] == str(tmp_path / 'degfuse_ros' / 'inductor')


def test_a_folder_that_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('TORCHINDUCTOR_CACHE_DIR', '/chosen')
    BackgroundCompiler(double)
    assert os.environ['TORCHINDUCTOR_CACHE_DIR'] == '/chosen'


def test_it_compiles_in_another_thread_one_shape_at_a_time(compile_eagerly: None):
    compiler, go, threads = BackgroundCompiler(double), threading.Event(), []

    def run(forward: Forward) -> None:
        threads.append(threading.current_thread())
        assert go.wait(60)
        forward(torch.ones(3))

    compiler.begin('a', run)
    assert compiler.busy and compiler.ready('a') is None
    compiler.begin('b', run)  # not now; the caller asks again
    go.set()
    finish(compiler)
    assert len(threads) == 1 and threads[0] is not threading.current_thread()
    forward = compiler.ready('a')
    assert forward is not None and torch.equal(forward(torch.ones(3)), torch.full((3,), 2.0))
    assert compiler.ready('b') is None and compiler.problem == ''
    compiler.begin('a', run)
    assert not compiler.busy, 'once is enough'
    compiler.begin('b', run)
    finish(compiler)
    assert len(threads) == 2 and compiler.ready('b') is not None


def test_what_does_not_fit_runs_plainly_instead_of_compiling_in_front_of_a_frame(
        monkeypatch: pytest.MonkeyPatch):
    compiled: list[int] = []

    def backend(module, _inputs):
        compiled.append(1)
        return module

    plain = torch.compile
    monkeypatch.setattr(torch, 'compile', lambda function, **options: plain(
        function, backend=backend, **options))
    compiler = BackgroundCompiler(double)
    compiler.begin('a', lambda forward: forward(torch.ones(3)))
    finish(compiler)
    forward = compiler.ready('a')
    assert forward is not None and len(compiled) == 1
    assert torch.equal(forward(torch.ones(3)), torch.full((3,), 2.0)) and len(compiled) == 1
    assert torch.equal(forward(torch.ones(4, 2)), torch.full((4, 2), 2.0)) and len(compiled) == 1


def test_a_failure_is_told_on_one_line_and_not_tried_again():
    def fail(_forward: Forward) -> None:
        raise RuntimeError('no C compiler\nfound')

    compiler = BackgroundCompiler(double)
    compiler.begin('a', fail)
    finish(compiler)
    assert compiler.problem == 'not compiled: no C compiler found'
    assert compiler.ready('a') is None
    compiler.begin('a', fail)
    assert not compiler.busy


def test_what_torch_cannot_compile_is_told(compile_eagerly: None):
    def waits_for_the_device(image: torch.Tensor) -> torch.Tensor:
        return image * 2 if image.sum().item() > 0 else image

    compiler = BackgroundCompiler(waits_for_the_device)
    compiler.begin('a', lambda forward: forward(torch.ones(3)))
    finish(compiler)
    assert compiler.problem.startswith('not compiled: ') and '\n' not in compiler.problem
    assert compiler.ready('a') is None


def collections_while(running: threading.Event, seconds: float = 20.0) -> int:
    """Full collections while another thread runs that makes garbage for one after another."""
    full: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == 'start' and info['generation'] == 2:
            full.append(1)

    gc.callbacks.append(note)
    try:
        assert running.wait(seconds)
    finally:
        gc.callbacks.remove(note)
    return len(full)


def litter(done: threading.Event) -> None:
    """Leave more objects behind, in cycles, than Python collects without a full collection."""
    kept = []
    for _ in range(300_000):
        cycle: list = []
        cycle.append(cycle)
        kept.append(cycle)
    done.set()


def test_no_full_collection_stops_the_frames_while_it_compiles(compile_eagerly: None):
    usual = sys.getswitchinterval(), gc.get_threshold()
    plainly = threading.Event()
    thread = threading.Thread(target=litter, args=(plainly,))
    thread.start()
    assert collections_while(plainly) > 0, 'the litter must be enough'
    thread.join()
    compilers, done = [BackgroundCompiler(double) for _ in range(2)], threading.Event()
    first = threading.Event()
    compilers[0].begin('a', lambda forward: first.wait(60))

    def run(forward: Forward) -> None:
        first.set()  # the other compiler ends: what it set must stay
        finish(compilers[0])
        litter(done)

    compilers[1].begin('a', run)
    assert collections_while(done) == 0
    finish(compilers[1])
    assert all(compiler.problem == '' for compiler in compilers)
    assert (sys.getswitchinterval(), gc.get_threshold()) == usual
    gc.unfreeze()
