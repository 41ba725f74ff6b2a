# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The two passes, with methods whose answers are known beforehand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_command import scene, write

from degfuse_ros.engine import Degradation, Fusion
from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.detection import Detection
from degfuse_ros.evaluation.ledger import Ledger
from degfuse_ros.evaluation.method import Method, Product
from degfuse_ros.evaluation.metrics import QUALITY, ROBUSTNESS, PairScorer, psnr
from degfuse_ros.evaluation.pairs import EvaluationPair, PairError
from degfuse_ros.evaluation.passes import clean_pairs, measure_as_they_are, run_benchmark
from degfuse_ros.evaluation.scene import Scene
from degfuse_ros.evaluation.settings import Settings

SETTINGS = Settings(Path('data'), 'val', Path('out'), (1.0, 99.0), clips=('clip',), seed=3)


def make_pair(root: Path, name: str, source: str = 'clip', condition: str = 'clean',
              cut: int = 64) -> EvaluationPair:
    """Write a pair of `cut` rows."""
    visible, thermal = scene(len(list(root.iterdir())) // 2)
    paths = root / f'{source} {name} v.png', root / f'{source} {name} t.png'
    for path, image in zip(paths, (visible, thermal)):
        write(path, image[:cut])
    return EvaluationPair(name, source, f'{source}_val', condition, *paths)


def copies(kind: str, name: str = 'copy') -> Method:
    """A method that gives back the image of one camera."""
    def fuse(given: Scene) -> Product:
        image = given.visible if kind == 'visible' else given.thermal
        return Product(image, given.visible)
    return Method(name, 'baseline', fuse)


def model(name: str = 'model') -> Method:
    """A model that sees fog wherever the picture is bright, and restores white."""
    def fuse(given: Scene) -> Product:
        label = 'fog' if given.visible.mean() > 100 else 'clean'
        said = Degradation(label, {label: 1.0}, {'fog': 0.5})
        white = np.full_like(given.visible, 255)
        return Product(given.visible, given.visible, lambda: white,
                       Fusion(given.visible, said, np.ones((1, 1), np.float32)))
    return Method(name, 'model', fuse)


def fails(when: Callable[[Scene], bool]) -> Method:
    def fuse(given: Scene) -> Product:
        if when(given):
            raise RuntimeError('out of\nmemory')
        return Product(given.thermal, given.visible)
    return Method('frail', 'baseline', fuse)


def measure(pairs: list[EvaluationPair], *methods: Method
            ) -> tuple[list[EvaluationPair], dict[str, dict[str, object]], Ledger]:
    ledger = Ledger()
    return *measure_as_they_are(pairs, methods, ledger, SETTINGS, 'cpu'), ledger


# --- pairs as they are ---

def test_every_method_is_scored_on_every_pair(tmp_path: Path) -> None:
    pairs = [make_pair(tmp_path, name, 'set') for name in 'ab']
    usable, flicker, ledger = measure(pairs, copies('thermal'), copies('visible', 'eyes'))
    assert usable == pairs and flicker == {} and ledger.left_out == []
    assert [(entry.pair, entry.case, entry.method) for entry in ledger.entries] == [
        ('set/a', '', 'copy'), ('set/a', '', 'eyes'), ('set/b', '', 'copy'), ('set/b', '', 'eyes')]
    assert all(tuple(entry.metrics) == QUALITY for entry in ledger.entries)
    # An image is to its own camera what the other is to the other camera.
    assert ledger.entries[0].metrics['tQ'] == pytest.approx(ledger.entries[1].metrics['vQ'],
                                                            abs=1e-3)
    assert ledger.entries[0].metrics['vQ'] < 0.5 < ledger.entries[0].metrics['tQ']


def test_a_pair_that_cannot_be_measured_is_named(tmp_path: Path) -> None:
    pairs = [make_pair(tmp_path, 'low', cut=40), make_pair(tmp_path, 'torn'),
             make_pair(tmp_path, 'sound')]
    pairs[1].thermal.write_bytes(b'')
    usable, _, ledger = measure(pairs, copies('thermal'))
    assert [pair.name for pair in usable] == ['sound']
    assert len(ledger.left_out) == 2 and len(ledger.entries) == 1
    assert ledger.left_out[0].startswith('clip/low: ') and '41' in ledger.left_out[0]
    assert 'torn t.png' in ledger.left_out[1]


def test_a_method_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    pairs = [make_pair(tmp_path, name) for name in ('a', 'b', 'c')]
    frail = fails(lambda given: given.pair.name == 'b')
    _, flicker, ledger = measure(pairs, frail, copies('visible'))
    assert ledger.left_out == ['frail, clip/b: out of memory']
    assert len(ledger.entries) == 5
    # A clip without one of its frames has no flicker.
    assert list(flicker['clip_val']['methods']) == ['copy']  # type: ignore[call-overload]


def test_a_clip_that_is_copied_flickers_like_its_camera(tmp_path: Path) -> None:
    pairs = [make_pair(tmp_path, name) for name in 'ab'] + [make_pair(tmp_path, 'c', 'set')]
    _, flicker, _ = measure(pairs, copies('thermal'), model())
    assert list(flicker) == ['clip_val']
    found = flicker['clip_val']
    assert found['frames'] == 2
    step = np.abs(scene(1)[1].astype(int) - scene(0)[1]).mean()
    assert found['thermal'] == pytest.approx(step)
    methods = found['methods']
    assert isinstance(methods, dict)
    assert methods['copy']['change'] == pytest.approx(step)
    assert 'class_switches' in methods['model'] and 'class_switches' not in methods['copy']


def test_one_frame_is_no_clip(tmp_path: Path) -> None:
    assert measure([make_pair(tmp_path, 'a')], copies('thermal'))[1] == {}


def test_a_clip_of_two_sizes_is_named(tmp_path: Path) -> None:
    pairs = [make_pair(tmp_path, 'a'), make_pair(tmp_path, 'b', cut=50)]
    usable, flicker, ledger = measure(pairs, copies('thermal'))
    assert usable == pairs and flicker == {}
    assert len(ledger.left_out) == 1 and 'clip clip_val: ' in ledger.left_out[0]
    assert 'one size' in ledger.left_out[0]


# --- what can be degraded ---

@pytest.mark.parametrize(('conditions', 'chosen'), [
    (('fog', 'clean', 'unknown', 'clean'), [1, 3]),
    (('unknown', 'fog', 'unknown'), [0, 2]),
    (('low_light', 'rain'), []),
])
def test_clean_pairs_are_degraded_and_the_unnamed_only_where_there_are_none(
        conditions: tuple[str, ...], chosen: list[int]) -> None:
    pairs = [EvaluationPair(str(number), 's', 's', condition, Path('v'), Path('t'))
             for number, condition in enumerate(conditions)]
    assert clean_pairs(pairs) == [pairs[number] for number in chosen]


# --- the benchmark ---

def settings(**more: object) -> Settings:
    return Settings(Path('data'), 'val', Path('out'), (1.0, 99.0), seed=3, **more)  # type: ignore[arg-type]


class Spy(Detection):
    """Writes down what is to be searched."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, tuple[str, ...]]] = []
        self.originals: list[np.ndarray] = []

    def add(self, pair: str, case: str, clean: np.ndarray,
            pictures: object) -> None:
        assert isinstance(pictures, dict)
        self.seen.append((pair, case, tuple(pictures)))
        self.originals.append(clean)


def test_results_are_compared_with_the_clean_original(tmp_path: Path) -> None:
    pair, ledger = make_pair(tmp_path, 'a'), Ledger()
    methods = [copies('visible'), model()]
    run_benchmark([pair], methods, ledger, settings(degrade=True), 'cpu', None)
    names = ['clean', *(case.name for case in CASES)]
    assert [entry.case for entry in ledger.entries] == [name for name in names for _ in methods]
    visible, thermal = scene(0)
    case = CASES[5]
    seen = Scene(pair, visible, visible, thermal).degraded(case, 3).visible
    assert (seen != visible).mean() > 0.5
    expected = PairScorer(visible, thermal).robustness([seen])[0]
    found = {entry.method: entry.metrics for entry in ledger.entries if entry.case == case.name}
    assert found['copy'] == expected and tuple(expected) == ROBUSTNESS
    # Its idea of the clean image is white, whatever it sees.
    white = psnr(np.full_like(visible, 255), visible)
    assert found['model'] == {**expected, 'PSNR': white}


def test_the_undegraded_original_is_observed_once_only(tmp_path: Path) -> None:
    pair, ledger = make_pair(tmp_path, 'a'), Ledger()
    measure_as_they_are([pair], [model()], ledger, SETTINGS, 'cpu')
    run_benchmark([pair], [model()], ledger, settings(degrade=True), 'cpu', None)
    assert [each.case for each in ledger.observations] == ['', *(case.name for case in CASES)]
    combined = ledger.observations[-1]
    assert combined.labels == CASES[-1].labels and combined.severity == CASES[-1].severity


def test_without_a_benchmark_models_alone_see_the_degraded_pairs(tmp_path: Path) -> None:
    ledger = Ledger()
    run_benchmark([make_pair(tmp_path, 'a')], [fails(lambda given: True), model()], ledger,
                  settings(), 'cpu', None)
    assert ledger.entries == [] and ledger.left_out == []
    assert len(ledger.observations) == len(CASES)


def test_a_detector_sees_the_picture_of_every_method(tmp_path: Path) -> None:
    ledger, spy = Ledger(), Spy()
    run_benchmark([make_pair(tmp_path, 'a')], [copies('thermal'), model()], ledger,
                  settings(detector=Path('d.onnx')), 'cpu', spy)
    assert ledger.entries == []  # scores cost time, and were not asked for
    assert spy.seen == [('clip/a', name, ('copy', 'model'))
                        for name in ('clean', *(case.name for case in CASES))]
    assert all(np.array_equal(image, scene(0)[0]) for image in spy.originals)


def test_a_failure_names_the_case(tmp_path: Path) -> None:
    ledger = Ledger()
    frail = fails(lambda given: given.case == CASES[2])
    run_benchmark([make_pair(tmp_path, 'a')], [frail, copies('visible')], ledger,
                  settings(degrade=True), 'cpu', None)
    assert ledger.left_out == [f'frail, clip/a ({CASES[2].name}): out of memory']
    assert len(ledger.entries) == 2 * (1 + len(CASES)) - 1


@pytest.mark.parametrize(('more', 'lines'), [
    ({'degrade': True}, 1), ({'detector': Path('d')}, 1), ({'write_degraded': Path('w')}, 1),
    ({}, 0)])
def test_that_nothing_could_be_degraded_is_said_to_those_who_asked(more: dict[str, object],
                                                                   lines: int) -> None:
    ledger = Ledger()
    run_benchmark([], [model()], ledger, settings(**more), 'cpu', None)
    assert len(ledger.left_out) == lines
    assert all('no pair is known to be clean' in line for line in ledger.left_out)


def test_the_inputs_are_written_where_a_fused_folder_is_looked_up(tmp_path: Path) -> None:
    (tmp_path / 'data').mkdir()
    pair = make_pair(tmp_path / 'data', 'a')
    run_benchmark([pair], [], Ledger(), settings(write_degraded=tmp_path / 'in'), 'cpu', None)
    visible, thermal = scene(0)
    for case in CASES:
        folder = tmp_path / 'in' / case.name / 'clip'
        found = cv2.imread(str(folder / 'visible' / 'a.png'))
        assert found is not None
        expected = Scene(pair, visible, visible, thermal).degraded(case, 3).visible
        np.testing.assert_array_equal(found[..., ::-1], expected)


def test_inputs_that_cannot_be_written_end_the_work(tmp_path: Path) -> None:
    (tmp_path / 'data').mkdir()
    pair = make_pair(tmp_path / 'data', 'a')
    (tmp_path / 'in').touch()
    with pytest.raises(PairError, match='Give another --write-degraded$'):
        run_benchmark([pair], [], Ledger(), settings(write_degraded=tmp_path / 'in'), 'cpu', None)
