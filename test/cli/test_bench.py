# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse bench` as a process, on a model that takes milliseconds; and what users get wrong."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_model import write_small_model

from degfuse_ros.cli.main import main
from degfuse_ros.engine import FusionEngine
from degfuse_ros.engine.benchmark.benchmark import CPU_NOTE, SCHEMA
from degfuse_ros.engine.benchmark.staged_fusion import STAGES
from degfuse_ros.engine.models import find_model

TIMES = {'p50', 'p95', 'p99', 'min'}


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_model(tmp_path_factory.mktemp('model') / 'small.safetensors')


def bench(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'degfuse_ros.cli.main', 'bench', *map(str, arguments)],
        capture_output=True, text=True, timeout=150, check=False)


def numbers(value: Any) -> Iterator[float]:
    """Yield every number in a JSON document."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from numbers(each)
    elif isinstance(value, int | float):
        yield value


def table(text: str, first: str) -> list[dict[str, str]]:
    """Return the printed table whose first column is called `first`."""
    lines = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in text.splitlines() if line.startswith('|')]
    start = next(index for index, line in enumerate(lines) if line[0] == first)
    rows = []
    for line in lines[start + 2:]:
        if line[0] == first or len(line) != len(lines[start]):
            break
        rows.append(dict(zip(lines[start], line)))
    return rows


@pytest.fixture(scope='module')
def measured(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    file = tmp_path_factory.mktemp('bench') / 'deep' / 'bench.json'
    result = bench('--model', model, '--device', 'cpu', '--size', '96x64', '48x40', '--frames',
                   '6', '--json', file)
    assert result.returncode == 0, result.stderr
    return result.stdout, json.loads(file.read_text())


def test_the_document_says_what_was_measured_where_and_how(
        measured: tuple[str, dict[str, Any]], model: Path) -> None:
    document = measured[1]
    assert document['schema'] == SCHEMA and document['left_out'] == []
    assert document['command'].startswith('degfuse bench --model')
    assert {'degfuse_ros', 'python', 'torch', 'numpy'} <= set(document['versions'])
    machine = document['machine']
    assert machine['device'] == 'cpu' and machine['processor'] and machine['threads'] >= 1
    assert machine['copy_gb_per_second'] > 0 and machine['matrix_gflop_per_second'] > 0
    engine = FusionEngine.load(str(model), 'cpu')
    (entry,) = document['models']
    assert entry['sha256'] == engine.model_hash and entry['file'] == model.name
    assert (entry['precision'], entry['device']) == ('float32', 'cpu')
    assert {*document['how']['stage']} == set(STAGES)
    assert all(math.isfinite(number) for number in numbers(document))


def test_each_size_has_its_figures_smallest_first(measured: tuple[str, dict[str, Any]]) -> None:
    results = measured[1]['results']
    assert [(entry['width'], entry['height']) for entry in results] == [(48, 40), (96, 64)]
    for entry in results:
        assert entry['frames'] == 6
        assert set(entry['ms']) == TIMES
        assert entry['ms']['min'] <= entry['ms']['p50'] <= entry['ms']['p95'] <= entry['ms']['p99']
        assert [stage['name'] for stage in entry['stages']] == list(STAGES)
        for name in ('gflop', 'traffic_mb', 'fused_traffic_mb', 'floor_ms', 'fused_floor_ms'):
            parts = sum(stage[name] for stage in entry['stages'])
            assert entry[name] == pytest.approx(parts) and entry[name] > 0
        assert entry['fused_floor_ms'] <= entry['floor_ms']
        assert entry['memory_mib'] > 50
    assert results[1]['gflop'] > results[0]['gflop']


def test_the_tables_show_the_documents_figures(measured: tuple[str, dict[str, Any]]) -> None:
    text, document = measured
    assert f'note: {CPU_NOTE}' in text
    scaling = table(text, 'size')
    assert [row['size'] for row in scaling] == ['48x40', '96x64']
    for row, entry in zip(scaling, document['results']):
        assert float(row['p50 ms']) == pytest.approx(entry['ms']['p50'], rel=0.01)
        assert float(row['times floor']) == pytest.approx(
            entry['ms']['p50'] / entry['floor_ms'], abs=0.06)
    stages = table(text, 'stage')
    assert [row['stage'] for row in stages] == [*STAGES, 'all stages', 'engine, whole']
    first = document['results'][0]
    for row, stage in zip(stages, first['stages']):
        assert float(row['p50 ms']) == pytest.approx(stage['ms']['p50'], rel=0.01, abs=6e-4)
    assert float(stages[-1]['p50 ms']) == pytest.approx(first['ms']['p50'], rel=0.01)


def test_two_models_are_compared_in_alternation(model: Path, tmp_path: Path) -> None:
    other = write_small_model(tmp_path / 'other.safetensors', enhancement=False)
    file = tmp_path / 'bench.json'
    result = bench('--compare', model, f'{other}@cpu', '--device', 'cpu', '--size', '48x40',
                   '--frames', '7', '--json', file)
    assert result.returncode == 0, result.stderr
    document = json.loads(file.read_text())
    assert document['compared'] == [str(model), f'{other}@cpu'] and 'results' not in document
    assert [entry['file'] for entry in document['models']] == [model.name, other.name]
    (entry,) = document['comparisons']
    assert entry['frames'] == 7 and set(entry['a_ms']) == set(entry['b_ms']) == TIMES
    assert 0 < entry['ratio']['p5'] <= entry['ratio']['p50'] <= entry['ratio']['p95']
    (row,) = table(result.stdout, 'size')
    assert float(row['B / A']) == pytest.approx(entry['ratio']['p50'], abs=6e-4)


@pytest.fixture
def calls(model: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What engines were asked to fuse, as (model's number of calls to load, kind, size)."""
    seen: list[tuple[Any, ...]] = []
    fuse = FusionEngine.fuse

    def watched(engine: FusionEngine, visible: Any, thermal: Any) -> Any:
        seen.append((engine.model_path.name, engine.device, thermal.shape))
        return fuse(engine, visible, thermal)

    monkeypatch.setattr(FusionEngine, 'fuse', watched)
    return seen


def test_alternation_is_frame_by_frame(model: Path, tmp_path: Path,
                                       calls: list[tuple[Any, ...]]) -> None:
    other = write_small_model(tmp_path / 'other.safetensors')
    assert main(['bench', '--compare', str(model), str(other), '--device', 'cpu', '--size',
                 '48x40', '--frames', '4']) == 0
    a, b = ((each.name, 'cpu', (40, 48)) for each in (model, other))
    assert calls[-8:] == [a, b, b, a, a, b, b, a]


def test_settings_behind_a_name_are_those_of_its_engine(model: Path, tmp_path: Path) -> None:
    file = tmp_path / 'bench.json'
    other = f'{model}@cpu+period=3+compile+float32'
    assert main(['bench', '--compare', str(model), other, '--size', '32x32', '--frames',
                 '2', '--device', 'cpu', '--json', str(file)]) == 0
    document = json.loads(file.read_text())
    assert [each['guidance_period'] for each in document['models']] == [1, 3]
    assert document['comparisons'][0]['executions'] == ['plain', 'plain']


def test_a_device_alone_compares_the_shipped_model(calls: list[tuple[Any, ...]]) -> None:
    assert main(['bench', '--compare', 'cpu', 'lite', '--device', 'cpu', '--size', '32x32',
                 '--frames', '2']) == 0
    assert calls[-4:] == [(f'{name}.safetensors', 'cpu', (32, 32))
                          for name in ('base', 'lite', 'lite', 'base')]


def test_the_sweep_reaches_from_the_smallest_to_the_largest(
        model: Path, calls: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr('degfuse_ros.cli.bench.SWEEP', ((32, 32), (40, 32), (48, 40)))
    assert main(['bench', '--model', str(model), '--device', 'cpu', '--sweep', '--frames',
                 '1']) == 0
    assert list(dict.fromkeys(size for *_, size in calls)) == [(32, 32), (32, 40), (40, 48)]
    assert [row['size'] for row in table(capsys.readouterr().out, 'size')] == [
        '32x32', '40x32', '48x40']


def test_what_the_device_cannot_do_is_named_and_the_rest_goes_on(
        model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    fuse = FusionEngine.fuse

    def small_memory(engine: FusionEngine, visible: Any, thermal: Any) -> Any:
        if thermal.size > 2000:
            raise RuntimeError('out of memory.\nTried to allocate 9 GiB')
        return fuse(engine, visible, thermal)

    monkeypatch.setattr(FusionEngine, 'fuse', small_memory)
    file = tmp_path / 'bench.json'
    assert main(['bench', '--model', str(model), '--device', 'cpu', '--size', '64x48', '48x40',
                 '--frames', '2', '--json', str(file)]) == 1
    assert 'left out: 64x48: out of memory. Tried to allocate 9 GiB\n' in capsys.readouterr().err
    document = json.loads(file.read_text())
    assert len(document['left_out']) == 1
    assert [entry['width'] for entry in document['results']] == [48]


@pytest.mark.parametrize(('options', 'weights'), [
    ((), 'base'), (('--model', 'lite'), 'lite'), (('--compare', 'lite', 'base@cpu'), 'base')])
def test_shipped_weights_are_not_overwritten(
        options: tuple[str, ...], weights: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    # Were it to go wrong, the real weights are not what is lost.
    monkeypatch.setattr('degfuse_ros.cli.bench.write_file', lambda *_: None)
    file = find_model(weights)
    assert main(['bench', *options, '--frames', '1', '--json', str(file)]) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and f'{file} is a place for weights' in error


def test_batches_are_fused_together(model: Path, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    fuse_batch = FusionEngine.fuse_batch

    def watched(engine: FusionEngine, pairs: list[Any]) -> list[Any]:
        batches.append(len(pairs))
        return fuse_batch(engine, pairs)

    monkeypatch.setattr(FusionEngine, 'fuse_batch', watched)
    file = tmp_path / 'bench.json'
    assert main(['bench', '--model', str(model), '--device', 'cpu', '--size', '32x32', '--frames',
                 '2', '--batch', '3', '1', '--json', str(file)]) == 0
    results = json.loads(file.read_text())['results']
    assert [entry['batch'] for entry in results] == [1, 3] and set(batches) == {1, 3}
    assert results[1]['gflop'] == pytest.approx(3 * results[0]['gflop'])


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--size', '640'), "got '640'"),
    (('--batch', '0'), "from 1 to 256; got '0'"),
    (('--guidance-period', 'x'), "got 'x'"),
    (('--size', '16x640'), 'from 32x32 to 8192x8192; got 16x640'),
    (('--size', '9000x640'), 'got 9000x640'),
    (('--size', '64x-64'), 'got 64x-64'),
    (('--size',), 'expected at least one argument'),
    (('--frames', '0'), "whole number from 1 to 1000000; got '0'"),
    (('--frames', '1.5'), "got '1.5'"),
    (('--compare', 'base'), 'expected 2 arguments'),
    (('--json', ''), "got ''"),
    (('--sized', '640x480'), 'unrecognized'),
])
def test_a_wrong_argument_ends_with_one_line_and_status_2(arguments: tuple[str, ...],
                                                         words: str) -> None:
    result = bench(*arguments)
    assert result.returncode == 2
    assert result.stderr.count('\n') == 1 and words in result.stderr, result.stderr


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--sweep', '--size', '64x48'), '--sweep brings its own sizes'),
    (('--compare', 'base', 'lite', '--model', 'base'), 'leave --model out'),
    (('--compare', 'base@', 'lite'), "got 'base@'"),
    (('--compare', 'base', '@cpu'), "got '@cpu'"),
    (('--compare', 'base', 'base+fast'), "got 'base+fast'"),
    (('--compare', 'base+period=0', 'base'), "got 'base+period=0'"),
    (('--compare', 'base', 'none'), "no model named 'none'"),
    (('--compare', 'base@toaster', 'lite'), "'toaster'"),
    (('--model', 'none'), "no model named 'none'"),
    (('--model', '/nowhere/x.safetensors'), '/nowhere/x.safetensors'),
    (('--device', 'toaster'), "'toaster'"),
    (('--device', 'cuda:99'), "'cuda:99'"),
    # Places to write are checked before anything slow.
    (('--json', '/proc', '--model', 'none'), '/proc is a folder'),
    (('--json', '/proc/x.json', '--model', 'none'), '/proc cannot be written'),
])
def test_what_cannot_be_done_ends_with_one_line_and_status_1(
        arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['bench', '--frames', '1', *arguments]) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and words in error, error
    assert error.startswith('degfuse bench: ')
