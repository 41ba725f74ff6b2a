# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse evaluate` from folders to report, with the shipped weights on small made scenes."""
import csv
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_command import Report, evaluate, metrics_of, scene, write

from degfuse_ros.engine import CLASSES, DEGRADATIONS
from degfuse_ros.evaluation.baselines import BASELINES
from degfuse_ros.evaluation.degradations import CASES, degrade
from degfuse_ros.evaluation.metrics import QUALITY, ROBUSTNESS, code_hash
from degfuse_ros.evaluation.provenance import benchmark_hash
from degfuse_ros.evaluation.restoration import TWO_STAGE

CLASSICAL = [*BASELINES, *TWO_STAGE]
WEIGHTS = Path(__file__).resolve().parents[2] / 'models' / 'base.safetensors'


@pytest.fixture(scope='module')
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with pairs.csv: a clean street, a dark one, and two frames of a clip."""
    root = tmp_path_factory.mktemp('streets')
    lines = ['source,split,name,visible_path,thermal_path,condition,remark']
    for number, (source, name, condition) in enumerate((
            ('street', 'noon 1', 'clean'), ('street', 'dusk', 'low_light'),
            ('yard', '000', ''), ('yard', '001', ''))):
        paths = [f'files/{source} {kind} {name}.png' for kind in ('visible', 'thermal')]
        for path, image in zip(paths, scene(number, condition or 'clean')):
            write(root / path, image)
        lines.append(','.join((source, 'val', name, *paths, condition, 'x')))
    lines.append('street,train,other,nowhere.png,nowhere.png,clean,of another split')
    (root / 'pairs.csv').write_text('\n'.join(lines) + '\n')
    return root


@pytest.fixture(scope='module')
def degraded(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark's inputs, as --write-degraded leaves them."""
    folder = tmp_path_factory.mktemp('degraded')
    result = evaluate(table, folder / 'out', '--write-degraded', folder / 'in')
    assert result.status == 0, result.error
    assert metrics_of(folder / 'out' / 'metrics.json')['robustness'] is None
    return folder / 'in'


def test_the_written_inputs_are_the_benchmarks(degraded: Path) -> None:
    visible, thermal = scene(0)
    for case in CASES:
        files = [path.relative_to(degraded / case.name).as_posix()
                 for path in sorted((degraded / case.name).rglob('*.png'))]
        # Only what is known to be clean: neither the dark street nor the unnamed yard.
        assert files == ['street/thermal/noon 1.png', 'street/visible/noon 1.png']
        here = degraded / case.name / 'street'
        found = cv2.imread(str(here / 'visible' / 'noon 1.png'))
        assert found is not None
        np.testing.assert_array_equal(found[..., ::-1],
                                      degrade(visible, case, 'noon 1', 0))
        np.testing.assert_array_equal(
            cv2.imread(str(here / 'thermal' / 'noon 1.png'), cv2.IMREAD_UNCHANGED), thermal)


def write_frauds(table: Path, degraded: Path, root: Path) -> dict[str, Path]:
    """Write what cheats would hand in: copies of one camera, and a copy with a touch of both."""
    frauds = {name: root / name for name in ('heat', 'touch', 'eyes')}
    as_they_are = [(f'street/{name}', *(table / 'files' / f'street {kind} {name}.png'
                                        for kind in ('visible', 'thermal')))
                   for name in ('noon 1', 'dusk')]
    cases = [(f'{case.name}/street/noon 1', *(degraded / case.name / 'street' / kind / 'noon 1.png'
                                              for kind in ('visible', 'thermal')))
             for case in CASES]
    for name, *files in [*as_they_are, *cases]:
        visible, thermal = (cv2.imread(str(file)) for file in files)
        assert visible is not None and thermal is not None
        for fraud, image in (('heat', thermal), ('eyes', visible),
                             ('touch', cv2.addWeighted(thermal, 0.9, visible, 0.1, 0))):
            write(frauds[fraud] / f'{name}.png', image[..., ::-1])
    for number in (0, 1):  # names are looked for below the source, and in the folder itself
        for fraud, image in zip(('eyes', 'heat'), scene(2 + number)):
            write(frauds[fraud] / f'00{number}.png', image)
        write(frauds['touch'] / f'00{number}.png', scene(2 + number)[1])
    return frauds


@pytest.fixture(scope='module')
def full(table: Path, degraded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation of two models and three folders, degraded pairs and a clip."""
    root = tmp_path_factory.mktemp('full')
    frauds = write_frauds(table, degraded, root)
    result = evaluate(
        table, root / 'out', '--degrade', '--clip', 'yard', '--json', root / 'deep' / 'all.json',
        '--fused', *(f'{name}={folder}' for name, folder in frauds.items()),
        '--model', 'base', '--model', f'same & <again>={WEIGHTS}')
    assert (result.status, result.error) == (0, '')
    assert '4 pairs, 13 methods, 0 left out' in result.out
    assert not (root / 'out' / 'metrics.json').exists()
    shutil.move(root / 'deep' / 'all.json', root / 'out' / 'metrics.json')
    return root / 'out'


METHODS = [*CLASSICAL, 'heat', 'touch', 'eyes', 'base', 'same & <again>']


def test_the_results_have_their_schema(full: Path) -> None:
    results = metrics_of(full / 'metrics.json')
    assert set(results) == {
        'schema', 'command', 'versions', 'metric_code', 'benchmark_code', 'seed', 'device', 'data',
        'models', 'methods', 'quality', 'published', 'robustness', 'recognition', 'routing',
        'detection', 'flicker', 'worst'}
    assert results['schema'] == 1 and results['seed'] == 0 and results['detection'] is None
    assert results['metric_code'] == code_hash() and 'torch' in results['versions']
    assert results['benchmark_code'] == benchmark_hash()
    assert re.fullmatch('[0-9a-f]{64}', results['data']['sha256'])
    groups = {'street_val': 2, 'yard_val': 2}
    assert {**results['data'], 'folder': '', 'sha256': ''} == {
        'folder': '', 'sha256': '', 'split': 'val', 'pairs': 4, 'groups': groups, 'left_out': [],
        'notes': []}
    assert [method['name'] for method in results['methods']] == METHODS
    assert [method['kind'] for method in results['methods']] == [
        *['source'] * 2, *['baseline'] * 4, *['two-stage'] * 2, *['folder'] * 3, *['model'] * 2]
    for group in groups:
        assert list(results['quality'][group]) == METHODS
        assert all(set(row) == set(QUALITY) for row in results['quality'][group].values())
    for model in results['models']:
        assert model['file'] == 'base.safetensors' and re.fullmatch('[0-9a-f]{64}',
                                                                    model['sha256'])
    assert set(results['recognition']) == set(results['routing']) == {'base', 'same & <again>'}
    assert list(results['flicker']) == ['yard_val']
    assert set(results['flicker']['yard_val']['methods']) == set(METHODS)
    assert 1 <= len(results['worst']) <= 5
    assert all(set(case) == {'title', 'text'} for case in results['worst'])


def test_the_benchmark_has_all_cases_and_methods(full: Path) -> None:
    robustness = metrics_of(full / 'metrics.json')['robustness']
    assert robustness['pairs'] == 1
    assert robustness['cases'] == list(robustness['by_case']) == [case.name for case in CASES]
    restoring = {'visible only', *TWO_STAGE, 'base', 'same & <again>'}
    for rows in [*robustness['by_case'].values(), robustness['clean'], robustness['mean']]:
        assert list(rows) == METHODS
        for name, row in rows.items():
            wanted = {*ROBUSTNESS, *(['PSNR'] if name in restoring else [])}
            assert set(row) - {'images'} == wanted and row.get('images', 1) in (1, 21)
    name, metric = 'Laplacian pyramid', 'vQ'
    values = [rows[name][metric] for rows in robustness['by_case'].values()]
    assert robustness['mean'][name][metric] == pytest.approx(sum(values) / 21)


def test_recognition_counts_what_there_was_to_recognise(full: Path) -> None:
    found = metrics_of(full / 'metrics.json')['recognition']['base']
    assert found['synthetic']['count'] == 1 + 15  # the clean street, and what was made of it
    assert found['combined']['count'] == 6
    assert list(found['real']) == ['street_val']
    assert found['real']['street_val']['truth'] == {'clean': 1, 'low_light': 1}


def test_one_model_under_two_names_says_the_same(full: Path) -> None:
    results = metrics_of(full / 'metrics.json')
    for part in [*results['quality'].values(), *results['robustness']['by_case'].values(),
                 results['recognition'], results['routing']]:
        assert part['base'] == part['same & <again>']


def test_a_copy_of_one_camera_does_not_win_the_robustness_score(full: Path) -> None:
    robustness = metrics_of(full / 'metrics.json')['robustness']
    for rows in [*robustness['by_case'].values(), robustness['clean'], robustness['mean']]:
        # The camera's own row, and its images handed in as somebody's work.
        assert rows['thermal only']['kept'] == rows['heat']['kept'] == 0
        assert all(rows['eyes'][key] == rows['visible only'][key] for key in ROBUSTNESS)
    assert robustness['clean']['visible only']['kept'] == 0
    mean = {name: row['kept'] for name, row in robustness['mean'].items()}
    frauds = ('thermal only', 'visible only', 'heat', 'eyes', 'touch')
    honest = [name for name in METHODS if name not in (*frauds, 'mean', 'max')]
    assert max(mean[name] for name in frauds) < min(mean[name] for name in honest)


def test_a_folder_scores_what_its_images_are(full: Path) -> None:
    quality = metrics_of(full / 'metrics.json')['quality']
    for rows in quality.values():
        assert rows['heat'] == rows['thermal only'] and rows['eyes'] == rows['visible only']


def test_there_is_one_line_per_fused_image(full: Path) -> None:
    with (full / 'scores.csv').open(newline='') as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == (4 + 1 + 21) * len(METHODS)
    results = metrics_of(full / 'metrics.json')
    dark = [line for line in lines if (line['pair'], line['case']) == ('street/dusk', '')]
    noon = [line for line in lines if (line['pair'], line['case']) == ('street/noon 1', '')]
    for one, two in zip(dark, noon, strict=True):
        assert one['method'] == two['method'] and one['kept'] == ''
        assert (float(one['SF']) + float(two['SF'])) / 2 == pytest.approx(
            results['quality']['street_val'][one['method']]['SF'])
        assert (one['class'] in CLASSES) == (one['method'] in ('base', 'same & <again>'))
        assert all(bool(one[f'severity_{name}']) == bool(one['class']) for name in DEGRADATIONS)


def test_the_report_needs_no_other_file_and_names_every_row(full: Path) -> None:
    text = (full / 'report.html').read_text()
    assert not re.search(r'@import|url\((?!["\']?data:)', text)
    report = Report(full / 'report.html')
    assert report.open == []
    assert report.loaded and all(each.startswith(('data:image/', '#')) for each in report.loaded)
    for name in [*METHODS, 'street_val', 'yard_val', 'Worst cases']:
        assert any(name in words for words in report.words), name
    tables = (full / 'tables.md').read_text()
    assert all(name in tables for name in METHODS[:-1])
    pictures = sorted((full / 'plots').glob('*.png'))
    assert pictures and all(cv2.imread(str(picture)) is not None for picture in pictures)
